// SPDX-License-Identifier: Apache-2.0
// Nodes of a cluster in this process, on the loopback interface, opened and closed as the daemon does it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type ClusterAdmin, ClusterNode, type ClusterSettings } from '../../../src/cluster/index.ts';
import type { RotationTimes } from '../../../src/cluster/authority-keeper.ts';
import { type IdentityStore, type NodeIdentityFile } from '../../../src/cluster/identity.ts';
import type { CofferError, Logger, SecretValue } from '../../../src/common/index.ts';
import { UnlockKeyHolder } from '../../../src/crypto/index.ts';
import { StoreKeeper } from '../../../src/daemon/store-keeper.ts';
import type { AuthorityObject, NodeObject, NodeRole } from '../../../src/membership/index.ts';
import {
  authorityDigest,
  describeCertificate,
  exportKey,
  generateKey,
  importKey,
  issueCertificate,
  type NodeSubject,
} from '../../../src/pki/index.ts';
import { newSecretId } from '../../../src/secrets/index.ts';
import { newRaftId, type SecretStore } from '../../../src/store/index.ts';
import type { Protocol, TlsCredentials } from '../../../src/transport/index.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { DAY_MS } from '../../support/cluster-objects.ts';
import { freePort } from '../../support/free-port.ts';
import { present } from '../../support/present.ts';
import { waitFor } from '../../support/wait-for.ts';

export { present };

export interface TestNodeOptions {
  readonly settings?: Partial<ClusterSettings>;
  readonly now_ms?: () => number;
  readonly rotation?: RotationTimes;
  /** Of rooms above the cluster. */
  readonly protocols?: readonly Protocol[];
  /** Given to it at its start. It takes it over. */
  readonly unlockKey?: SecretValue;
}

/** One node. It can be stopped and started again on the same state, at the same port. */
export class TestNode {
  readonly port: number;
  readonly stateDirectory: string;
  /** All that it has logged, each line as JSON. */
  readonly lines: string[] = [];
  /** What it was given since its start. */
  unlockKey = new UnlockKeyHolder();
  readonly #removeDirectory: () => void;
  #cluster: ClusterNode | undefined;
  #keeper: StoreKeeper | undefined;

  private constructor(port: number) {
    const directory = temporaryDirectory();
    this.port = port;
    this.stateDirectory = path.join(directory.path, 'state');
    this.#removeDirectory = () => directory.remove();
  }

  static async create(): Promise<TestNode> {
    return new TestNode(await freePort());
  }

  /** A node that serves. */
  static async start(options: TestNodeOptions = {}): Promise<TestNode> {
    const node = await TestNode.create();
    try {
      await node.start(options);
      await node.serving();
      return node;
    } catch (error) {
      await node.destroy();
      throw error;
    }
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get cluster(): ClusterNode {
    return present(this.#cluster, 'the node was started');
  }

  get keeper(): StoreKeeper {
    return present(this.#keeper, 'the node was started');
  }

  get store(): SecretStore {
    return this.keeper.source();
  }

  get admin(): ClusterAdmin {
    return this.cluster.admin();
  }

  get id(): string {
    return present(this.cluster.place.nodeId, 'the node knows who it is');
  }

  get authority(): AuthorityObject {
    return present(this.store.cluster.authority, 'the cluster has a CA');
  }

  /** PEM of those that it trusts, as they are on its disk. */
  get roots(): readonly string[] {
    const { roots } = JSON.parse(readFileSync(this.identityFile, 'utf8')) as NodeIdentityFile;
    return roots;
  }

  get identityFile(): string {
    return path.join(this.stateDirectory, 'identity.json');
  }

  /** Opens it once; why it does not serve is in `keeper.reason`. */
  async start({
    settings,
    now_ms = Date.now,
    protocols = [],
    rotation,
    unlockKey,
  }: TestNodeOptions = {}): Promise<void> {
    this.unlockKey = new UnlockKeyHolder();
    this.unlockKey.hold(unlockKey);
    const logger = recorder(this.lines);
    const listen = { host: '127.0.0.1', port: this.port };
    this.#cluster = new ClusterNode({
      settings: { ...NO_SETTINGS, listen, ...settings },
      store: {
        stateDirectory: this.stateDirectory,
        logger,
        onFault: (error: CofferError) => {
          throw error;
        },
        monotonic_ms: () => performance.now(),
      },
      unlockKey: this.unlockKey,
      engineFacts: async () => ({ nodeId: undefined, address: undefined, managers: [] }),
      protocols,
      onRoleChange: () => void this.keeper.reopen(),
      onRemoved: (reason) => void this.keeper.withdraw(reason),
      rotation,
      now_ms,
      random: () => 0.5,
      logger,
    });
    this.#keeper = new StoreKeeper({ open: () => this.cluster.open(), logger, retry_ms: 100 });
    await this.#keeper.open();
  }

  async serving(): Promise<void> {
    await waitFor(() => this.keeper.state === 'serving', {
      what: `a node to serve (${this.lines.slice(-3).join('; ')})`,
      timeout_ms: 60_000,
    });
  }

  async stop(): Promise<void> {
    await this.#keeper?.close();
    await this.#cluster?.close();
  }

  async destroy(): Promise<void> {
    await this.stop();
    this.#removeDirectory();
  }

  /** A token for nodes of that role. */
  async token(role: NodeRole): Promise<string> {
    return (await this.admin.createToken({ role, uses: 100 })).token;
  }

  /** Starts a node that joins through this one, and waits until it has. */
  async joined(role: NodeRole, options: TestNodeOptions = {}): Promise<TestNode> {
    const joinToken = await this.token(role);
    const node = await TestNode.create();
    const settings = { join: [this.address], joinToken, ...options.settings };
    await node.start({ ...options, settings });
    await waitFor(
      async () =>
        role === 'manager'
          ? node.keeper.state === 'serving' &&
            node.store.cluster.node(node.id) !== undefined &&
            (await this.admin.node(node.id)).node.voter
          : node.cluster.place.role === 'worker',
      { what: `a ${role} to join`, timeout_ms: 60_000 },
    );
    return node;
  }

  /** Lets a node in that does not exist: its record is in the state, as after a join. */
  async admit(role: NodeRole): Promise<NodeObject> {
    const { description } = await this.admin.createToken({ role });
    const id = newSecretId();
    const { certificate } = this.issue({ nodeId: id, role });
    const { notAfter_ms, publicKeyFingerprint } = describeCertificate(certificate);
    const node: NodeObject = {
      kind: 'node',
      id,
      role,
      raftId: role === 'manager' ? newRaftId() : 0,
      leaving: 'no',
      hostname: `host-${id}`,
      address: role === 'manager' ? '127.0.0.1:1' : '',
      engineNodeId: '',
      joinedAt_ms: Date.now(),
      certificate: {
        certificate,
        publicKeyFingerprint,
        notAfter_ms,
        authorityDigest: authorityDigest(this.authority.certificate).toString('hex'),
      },
    };
    await this.store.propose({ kind: 'admit-node', tokenId: description.id, node, at_ms: Date.now() });
    return node;
  }

  /** What the cluster's own CA issues, for whomever. */
  issue(subject: Omit<NodeSubject, 'clusterId'>, now_ms = Date.now(), lifetime_ms = DAY_MS): TlsCredentials {
    return issueBy(
      this.authority,
      { ...subject, clusterId: this.store.status().clusterId },
      now_ms,
      lifetime_ms,
    );
  }
}

const NO_SETTINGS: ClusterSettings = {
  listen: undefined,
  advertise: undefined,
  join: [],
  joinToken: undefined,
  joinTokenFile: undefined,
  reenrol: false,
};

export function issueBy(
  { certificate, privateKey }: Pick<AuthorityObject, 'certificate' | 'privateKey'>,
  subject: NodeSubject,
  now_ms = Date.now(),
  lifetime_ms = DAY_MS,
): TlsCredentials {
  const key = generateKey();
  const authority = { certificate, privateKey: importKey(privateKey) };
  return {
    certificate: issueCertificate({ authority, publicKey: key, subject, now_ms, lifetime_ms }),
    key: key.export({ type: 'pkcs8', format: 'pem' }),
    roots: [certificate],
  };
}

/** Changes the identity of a node that is stopped. */
export async function rewriteIdentity(
  store: IdentityStore,
  change: (identity: NodeIdentityFile) => Partial<NodeIdentityFile>,
): Promise<void> {
  const identity = present(await store.read(), 'there is an identity');
  await store.write({ ...identity, ...change(identity) });
}

/** An identity whose certificate ended before now. */
export function expiredIdentity(
  authority: AuthorityObject,
  { clusterId, nodeId, role }: NodeIdentityFile,
): Partial<NodeIdentityFile> {
  const key = generateKey();
  const certificate = issueCertificate({
    authority: { certificate: authority.certificate, privateKey: importKey(authority.privateKey) },
    publicKey: key,
    subject: { clusterId, nodeId, role },
    now_ms: Date.now() - 30 * 60_000,
    lifetime_ms: 60_000,
  });
  return { certificates: [certificate], key: exportKey(key) };
}

function recorder(lines: string[]): Logger {
  const record = (sentence: string, fields: object = {}): void =>
    void lines.push(JSON.stringify({ sentence, ...fields }));
  return { debug: record, info: record, warn: record, error: record };
}

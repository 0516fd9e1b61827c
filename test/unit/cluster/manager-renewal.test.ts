// SPDX-License-Identifier: Apache-2.0
// In which order a manager's new certificate gets into the log and onto its own disk: it may end at any moment in between.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import {
  chainOf,
  digestOf,
  issueFor,
  newAuthority,
  nextAuthority,
  rootsOf,
} from '../../../src/cluster/certificates.ts';
import { credentialsOf, IdentityStore, type NodeIdentityFile } from '../../../src/cluster/identity.ts';
import { managerRenewal } from '../../../src/cluster/manager-renewal.ts';
import { OwnIdentity } from '../../../src/cluster/own-identity.ts';
import { silentLogger } from '../../../src/common/index.ts';
import type { AuthorityObject } from '../../../src/membership/index.ts';
import { checkChain, exportKey, generateKey, importKey } from '../../../src/pki/index.ts';
import type { SecretStore } from '../../../src/store/index.ts';
import { CredentialsSource } from '../../../src/transport/index.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { aNode, DAY_MS } from '../../support/cluster-objects.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { present } from '../../support/present.ts';
import { waitFor } from '../../support/wait-for.ts';
import { admitted, viewOf } from './service-harness.ts';

const CLUSTER_ID = 'c'.repeat(25);
const NODE_ID = 'n'.repeat(25);
const SUBJECT = { clusterId: CLUSTER_ID, nodeId: NODE_ID, role: 'manager' } as const;

/** A manager that is alone in its cluster. The log takes what it proposes; it ends before it hears of that, if nothing else is said. */
class EndingManager {
  readonly store = new MemoryStore();
  readonly identities: IdentityStore;
  before: NodeIdentityFile;
  readonly #established: Promise<unknown>;
  now_ms = Date.now();
  /** How often something was proposed since its renewal began. */
  proposed = 0;
  /** What its disk held when the last proposal was made. */
  onDisk: NodeIdentityFile | undefined;
  /** Why it was not renewed. */
  readonly refusals: string[] = [];
  /** What it waits for then. */
  heard: () => Promise<void> = () => new Promise(() => undefined);

  private constructor(stateDirectory: string) {
    this.identities = new IdentityStore(stateDirectory);
    const authority = newAuthority(CLUSTER_ID, this.now_ms);
    const key = generateKey();
    const certificate = issueFor(viewOf(authority), SUBJECT, key, this.now_ms);
    this.before = {
      ...SUBJECT,
      raftId: 1,
      storeMade: true,
      certificates: [certificate.certificate],
      key: exportKey(key),
      roots: [authority.certificate],
      managers: [],
    };
    const node = { ...aNode('n', 'manager', 1), id: NODE_ID, certificate };
    this.#established = this.store.propose({ kind: 'establish-cluster', authority, node });
  }

  static async start(t: TestContext): Promise<EndingManager> {
    const directory = temporaryDirectory();
    t.after(() => directory.remove());
    const manager = new EndingManager(directory.path);
    await manager.#established;
    await manager.identities.write(manager.before);
    return manager;
  }

  get authority(): AuthorityObject {
    return present(this.store.cluster.authority, 'the cluster has a CA');
  }

  async beginRotation(): Promise<void> {
    const authority = nextAuthority(this.authority, CLUSTER_ID, this.now_ms);
    await this.store.propose({ kind: 'begin-rotation', authority });
  }

  /** It has this root's certificate, which its state does not know yet. */
  async holds(authority: AuthorityObject): Promise<void> {
    const { before, identities } = this;
    const certificate = issueFor(viewOf(authority), SUBJECT, importKey(before.key), this.now_ms);
    this.before = { ...before, certificates: chainOf(authority, certificate), roots: rootsOf(authority) };
    await identities.write(this.before);
  }

  /** Resolves when the log has taken a certificate, or has refused it. */
  async renewUntilTaken(t: TestContext): Promise<void> {
    const { before, identities, store } = this;
    const propose: SecretStore['propose'] = async (command) => {
      this.onDisk = await identities.read();
      const taken = await store.propose(command).finally(() => {
        this.proposed += 1;
      });
      await this.heard();
      return taken;
    };
    const renewal = managerRenewal({
      store: { cluster: store.cluster, propose },
      view: () => store.cluster,
      own: new OwnIdentity(identities, before, new CredentialsSource(credentialsOf(before))),
      onRenewed: () => assert.fail('it has ended before'),
      now_ms: () => this.now_ms,
      random: () => 0.5,
      logger: {
        ...silentLogger,
        warn: (_sentence, fields) => void this.refusals.push(String(fields?.['reason'])),
      },
    });
    t.after(() => renewal.stop());
    renewal.start();
    await waitFor(() => this.proposed > 0, { what: 'a certificate to be proposed' });
  }
}

describe("a manager's new certificate", () => {
  test('of a new root is on its disk before the log names it: the rotation may end without the manager', async (t) => {
    const manager = await EndingManager.start(t);
    await manager.beginRotation();
    const { authority, before } = manager;
    await manager.renewUntilTaken(t);
    const { certificate } = present(manager.store.cluster.node(NODE_ID), 'it is listed');
    assert.equal(certificate.authorityDigest, digestOf(authority), 'the log has taken it');
    const kept = present(await manager.identities.read(), 'there is an identity');
    assert.equal(kept.certificates[0], certificate.certificate);
    assert.deepEqual(manager.onDisk, kept);
    assert.deepEqual(kept.roots, rootsOf(authority));
    // By those who have not heard of the new root yet, and by those who trust the old one no longer.
    for (const root of [...before.roots, authority.certificate]) {
      const { certificates: chain, key } = kept;
      const publicKey = importKey(key);
      checkChain({ chain, roots: [root], expect: SUBJECT, publicKey, now_ms: manager.now_ms });
    }
  });

  test('of the same root is used once the log names it', async (t) => {
    const manager = await EndingManager.start(t);
    manager.now_ms += 80 * DAY_MS;
    await manager.renewUntilTaken(t);
    const { certificate } = present(manager.store.cluster.node(NODE_ID), 'it is listed');
    assert.notEqual(certificate.certificate, manager.before.certificates[0], 'the log has taken it');
    assert.deepEqual(await manager.identities.read(), manager.before);
  });

  test('of a new root is not made for a manager that is a worker now', async (t) => {
    const manager = await EndingManager.start(t);
    await admitted(manager.store, 'manager');
    await manager.store.propose({ kind: 'set-role', nodeId: NODE_ID, role: 'worker', raftId: 0 });
    await manager.beginRotation();
    await manager.renewUntilTaken(t);
    assert.deepEqual(await manager.identities.read(), manager.before);
  });

  test('is not made by a state that is behind it: the one that its disk holds stays', async (t) => {
    const manager = await EndingManager.start(t);
    const next = nextAuthority(manager.authority, CLUSTER_ID, manager.now_ms);
    await manager.holds(next);
    await manager.renewUntilTaken(t);
    assert.deepEqual(await manager.identities.read(), manager.before);
  });

  test('is not used if another root issues by the time at which the log names it', async (t) => {
    const manager = await EndingManager.start(t);
    manager.now_ms += 80 * DAY_MS;
    manager.heard = () => manager.beginRotation();
    await manager.renewUntilTaken(t);
    await waitFor(() => manager.refusals.length > 0, { what: 'the renewal to end' });
    assert.match(manager.refusals.join(), /^\[cluster\.rotation-running\]/);
    assert.deepEqual(await manager.identities.read(), manager.before);
  });
});

// SPDX-License-Identifier: Apache-2.0
// This node in its cluster: founding one, joining one, and being a manager or a worker of it.
import type { KeyObject } from 'node:crypto';
import type { CofferError, Logger, SecretValue } from '../common/index.ts';
import { UnlockKeyHolder } from '../crypto/index.ts';
import { generateKey, importKey } from '../pki/index.ts';
import { type OpenStoreOptions, type ReplicatedStore, storeExists } from '../store/index.ts';
import { CredentialsSource, type Protocol } from '../transport/index.ts';
import type { ClusterAdmin } from './admin-model.ts';
import type { RotationTimes } from './authority-keeper.ts';
import type { ClusterSettings, EngineFacts } from './cluster-settings.ts';
import type { ClusterPlace, ClusterReach } from './cluster-place.ts';
import { Endpoint } from './endpoint.ts';
import { enrol } from './enrolment.ts';
import {
  certificateOf,
  credentialsOf,
  identityProblem,
  IdentityStore,
  type NodeIdentityFile,
} from './identity.ts';
import { joinAsSet, joinsAgain } from './joining.ts';
import { Manager } from './manager.ts';
import { notAManager, notJoined } from './node-refusals.ts';
import { OwnIdentity } from './own-identity.ts';
import { PeerUnlockFile } from './peer-unlock-file.ts';
import { lostStore, openStoreOf, readIdentity, sealingKey, withoutStore } from './own-state.ts';
import { provisionalCredentials } from './provisional.ts';
import { RaftTransport } from './raft-transport.ts';
import { Rebuild } from './rebuild.ts';
import { type ManagerAnswer, type ManagerReport, NOTHING_TO_REPORT } from './report-model.ts';
import type { LastEntry } from './survivor-model.ts';
import { Worker } from './worker.ts';

export interface ClusterNodeOptions {
  readonly settings: ClusterSettings;
  readonly store: Omit<OpenStoreOptions, 'transport' | 'joined' | 'unlockKey'>;
  /** The unlock key that this process was given; it follows the cluster's changes of it. Default: it was given none. */
  readonly unlockKey?: UnlockKeyHolder | undefined;
  readonly engineFacts: () => Promise<EngineFacts>;
  /** What this node tells the other managers of what it has refused, and of itself. Default: nothing. */
  readonly report?: (() => ManagerReport) | undefined;
  /** Spoken on this node's port beside those of the cluster, while it is a manager that serves. Default: none. */
  readonly protocols?: readonly Protocol[] | undefined;
  /** The node's role is another one: its store is to be closed, and opened again. */
  readonly onRoleChange: () => void;
  /** The node was removed: its store is to be closed. */
  readonly onRemoved: (reason: CofferError) => void;
  readonly rotation?: RotationTimes | undefined;
  readonly now_ms: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
}

export class ClusterNode {
  readonly #options: ClusterNodeOptions;
  readonly #identities: IdentityStore;
  readonly #unlockKey: UnlockKeyHolder;
  readonly #peerUnlockFile: PeerUnlockFile;
  readonly #key: KeyObject = generateKey();
  #own: OwnIdentity | undefined;
  readonly #credentials: CredentialsSource;
  readonly #endpoint: Endpoint;
  /** Of this node's store from the other managers: what was agreed on is done when the node is opened again. */
  readonly rebuild: Rebuild;
  #manager: Manager | undefined;
  #worker: Worker | undefined;
  #removed: CofferError | undefined;
  #goesOnAloneFrom: LastEntry | undefined;

  constructor(options: ClusterNodeOptions) {
    this.#options = options;
    this.#unlockKey = options.unlockKey ?? new UnlockKeyHolder();
    this.#identities = new IdentityStore(options.store.stateDirectory);
    this.#peerUnlockFile = new PeerUnlockFile(options.store.stateDirectory);
    this.#credentials = new CredentialsSource(provisionalCredentials(this.#key, options.now_ms()));
    const { engineFacts, logger, protocols = [], settings } = options;
    this.#endpoint = new Endpoint({
      settings,
      credentials: this.#credentials,
      services: () => this.#manager?.services,
      protocols,
      engineFacts,
      logger,
    });
    this.rebuild = new Rebuild({
      stateDirectory: options.store.stateDirectory,
      identities: this.#identities,
      unlockKey: () => this.#unlockKey.current,
      endpoint: this.#endpoint,
      credentials: this.#credentials,
      onAgreed: () => {
        this.#removed = undefined;
      },
      now_ms: options.now_ms,
      logger,
    });
  }

  get place(): ClusterPlace {
    const identity = this.#own?.current;
    return {
      role: identity?.role,
      nodeId: identity?.nodeId,
      address: this.#endpoint.isListening ? this.#endpoint.address : undefined,
      problem: this.#removed ?? this.#endpoint.problem ?? this.#worker?.problem ?? this.#manager?.problem,
      certificate: identity && certificateOf(identity),
    };
  }

  /** Whom this node speaks to; undefined while it is in no cluster, locked, or removed from it. */
  /** Who this node is, for what it signs; undefined while it has no certificate. */
  get signer(): { readonly nodeId: string; readonly key: KeyObject } | undefined {
    const identity = this.#own?.current;
    return identity && { nodeId: identity.nodeId, key: importKey(identity.key) };
  }

  get reach(): ClusterReach | undefined {
    const role = this.#manager ?? this.#worker;
    if (this.#own === undefined || role === undefined) {
      return undefined;
    }
    const { credentials, current } = this.#own;
    const { clusterId, nodeId } = current;
    return { clusterId, nodeId, credentials, managers: role.managers(), leader: role.leader() };
  }

  /** Throws while this node is no manager that serves, and once it was removed. */
  readonly admin = (): ClusterAdmin => {
    if (this.#removed !== undefined) {
      throw this.#removed;
    }
    if (this.#manager === undefined) {
      throw this.#own?.current.role === 'worker' ? notAManager() : notJoined();
    }
    return this.#manager.admin;
  };

  /** What the other managers have refused, and how they are; none while this node is no manager that serves. As `Manager` has it. */
  async askOthers(): Promise<readonly ManagerAnswer[]> {
    return (await this.#manager?.askOthers()) ?? [];
  }

  /**
   * Opens the store of a manager, after it has founded its cluster or joined one. Throws `cluster.not-a-manager` on a worker,
   * which it has started to be; `store.locked` until the holder has the unlock key; `cluster.joining` with the reason while it cannot join; `cluster.identity-*` and
   * `cluster.node-removed`; and as `openStore` does.
   */
  async open(): Promise<ReplicatedStore> {
    void this.#endpoint.askEngine();
    await this.#leaveRole();
    if (this.#removed !== undefined) {
      throw this.#removed;
    }
    const { stateDirectory } = this.#options.store;
    await this.rebuild.resume();
    const hasStore = await storeExists(stateDirectory);
    const { logger, settings } = this.#options;
    const { current: unlockKey } = this.#unlockKey;
    const sealedBy = await sealingKey(stateDirectory, unlockKey);
    this.#identities.keepKeyAs(sealedBy ?? 'clear');
    const opensStore = sealedBy !== undefined;
    const { reenrol } = settings;
    const found = { store: this.#identities, hasStore, unlockKey, opensStore, reenrol, logger };
    let identity = await readIdentity(found);
    if (!hasStore && (identity === undefined || joinsAgain(identity, settings, this.#options.now_ms()))) {
      identity = await this.#joined();
    }
    if (identity?.role === 'worker') {
      this.#identities.keepKeyAs('clear');
      this.#unlockKey.hold(undefined);
      await this.#peerUnlockFile.remove();
      if (hasStore) {
        identity = await withoutStore(identity, this.#identities, stateDirectory);
      }
      await this.#beWorker(identity);
      throw notAManager();
    }
    if (identity !== undefined && !hasStore && identity.storeMade) {
      throw lostStore(stateDirectory);
    }
    return this.#openManager(identity);
  }

  /**
   * The next `open` makes this node the only manager, with all that its log holds up to this last entry. It throws
   * `cluster.survivor` if the log ends elsewhere.
   */
  goOnAlone(lastEntry: LastEntry): void {
    this.#goesOnAloneFrom = lastEntry;
  }

  /** The store is being closed: the node is no manager until it is opened again. */
  async close(): Promise<void> {
    await this.#leaveRole();
    await this.#endpoint.close();
  }

  /** Resolves when the identity of that role is written no more. */
  #leaveRole(): Promise<void> {
    this.#manager?.stop();
    this.#worker?.stop();
    this.#manager = undefined;
    this.#worker = undefined;
    this.#endpoint.believe(() => undefined);
    return this.#own?.settled() ?? Promise.resolve();
  }

  async #openManager(before: NodeIdentityFile | undefined): Promise<ReplicatedStore> {
    const { logger, random, store: storeOptions } = this.#options;
    if (before !== undefined) {
      this.#use(before);
    }
    const transport = new RaftTransport({
      identity: () => this.#own?.current,
      credentials: this.#credentials,
      managers: () => this.#manager?.managers() ?? before?.managers ?? [],
      logger,
      random,
      monotonic_ms: storeOptions.monotonic_ms,
      onRefused: (reason, nodeId) => this.#manager?.refused(reason, nodeId),
    });
    await this.#endpoint.listen();
    // Once: a start after one that failed is that of the member that it was.
    const forceNewCluster = this.#goesOnAloneFrom;
    this.#goesOnAloneFrom = undefined;
    const unlockKey = (): SecretValue | undefined => this.#unlockKey.current;
    const store = await openStoreOf(before, { ...storeOptions, transport, forceNewCluster, unlockKey });
    const { replica } = store;
    // A store that was made anew is not sealed yet.
    this.#identities.keepKeyAs((store.status().dataKeySealed ? unlockKey() : undefined) ?? 'clear');
    this.#endpoint.believe(() => replica.state.index.cluster.node(replica.identity.nodeId));
    try {
      await this.#take(await this.#enrolled(store, before));
      this.#beManager(store, transport);
      return store;
    } catch (thrown) {
      transport.close();
      await store.close();
      throw thrown;
    }
  }

  #enrolled(store: ReplicatedStore, before: NodeIdentityFile | undefined): Promise<NodeIdentityFile> {
    const { logger, now_ms, settings } = this.#options;
    return enrol({
      store,
      before,
      key: this.#key,
      address: this.#endpoint.address,
      engineNodeId: this.#endpoint.engineNodeId ?? '',
      reenrol: settings.reenrol,
      keep: (identity) => this.#identities.write(identity),
      now_ms,
      logger,
    });
  }

  #beManager(store: ReplicatedStore, transport: RaftTransport): void {
    const { logger, now_ms, random, store: storeOptions } = this.#options;
    if (this.#own === undefined) {
      throw identityProblem('this node has no certificate');
    }
    this.#manager = new Manager({
      store,
      own: this.#own,
      unlockKey: this.#unlockKey,
      peerUnlockFile: this.#peerUnlockFile,
      transport,
      cutRefused: () => this.#endpoint.cutRefused(),
      isConnected: (nodeId) => this.#endpoint.isConnected(nodeId),
      rotation: this.#options.rotation,
      address: () => this.#endpoint.address,
      engineNodeId: () => this.#endpoint.engineNodeId ?? '',
      report: this.#options.report ?? (() => NOTHING_TO_REPORT),
      onDemoted: () => this.#roleChanged('worker'),
      onReplaced: () => this.#roleChanged('manager'),
      onRemoved: (reason) => this.#onRemoved(reason),
      now_ms,
      monotonic_ms: storeOptions.monotonic_ms,
      random,
      logger,
    });
    this.#manager.start();
  }

  async #beWorker(identity: NodeIdentityFile): Promise<void> {
    const { logger, now_ms, random } = this.#options;
    const own = this.#use(identity);
    await this.#endpoint.listen();
    this.#worker = new Worker({
      own,
      address: () => this.#endpoint.address,
      engineNodeId: () => this.#endpoint.engineNodeId,
      onPromoted: () => this.#roleChanged('manager'),
      onRemoved: (reason) => this.#onRemoved(reason),
      now_ms,
      random,
      logger,
    });
    this.#worker.start();
  }

  async #joined(): Promise<NodeIdentityFile | undefined> {
    const { logger, now_ms, settings } = this.#options;
    const joining = { settings, endpoint: this.#endpoint, key: this.#key, now_ms, logger };
    const identity = await joinAsSet(joining);
    if (identity !== undefined) {
      await this.#identities.write(identity);
      const { clusterId: cluster, nodeId: node, role } = identity;
      logger.info('joined a cluster', { cluster, node, role });
    }
    return identity;
  }

  #use(identity: NodeIdentityFile): OwnIdentity {
    this.#own = new OwnIdentity(this.#identities, identity, this.#credentials);
    this.#credentials.replace(credentialsOf(identity));
    return this.#own;
  }

  async #take(identity: NodeIdentityFile): Promise<void> {
    await this.#identities.write(identity);
    this.#use(identity);
  }

  #roleChanged(role: string): void {
    this.#options.logger.info('the node has another role', { role });
    this.#options.onRoleChange();
  }

  #onRemoved(reason: CofferError): void {
    if (this.#removed === undefined) {
      this.#removed = reason;
      // The others refuse it already; nobody shall wonder what it is good for.
      void this.#peerUnlockFile.remove().catch(() => undefined);
      void this.#leaveRole();
      this.#options.onRemoved(reason);
    }
  }
}

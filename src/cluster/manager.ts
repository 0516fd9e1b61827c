// SPDX-License-Identifier: Apache-2.0
// A node while it is a manager: its place in the log, what it answers to others, and what it does when it leads.
import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { CofferError, type Logger } from '../common/index.ts';
import type { UnlockKeyHolder } from '../crypto/index.ts';
import type { ClusterView, NodeObject } from '../membership/index.ts';
import type { ReplicatedStore } from '../store/index.ts';
import type { PeerIdentity } from '../transport/index.ts';
import { AuthorityKeeper, type RotationTimes } from './authority-keeper.ts';
import { refusalOf } from './authorize.ts';
import { rootsOf } from './certificates.ts';
import { isDescribedAs, managerContacts } from './contacts.ts';
import { cutOffBy } from './cut-off.ts';
import { DataKeyKeeper } from './data-key-keeper.ts';
import { Departure } from './departure.ts';
import type { ForwardingAdmin } from './forwarding-admin.ts';
import type { ManagerContact, NodeIdentityFile } from './identity.ts';
import { JoinService } from './join-service.ts';
import { managerAdmin } from './manager-admin.ts';
import { managerRenewal } from './manager-renewal.ts';
import { LockKeeper } from './lock-keeper.ts';
import { MemberClient } from './member-client.ts';
import { MemberService } from './member-service.ts';
import { MembershipKeeper } from './membership-keeper.ts';
import { removedNode } from './node-refusals.ts';
import type { OwnIdentity } from './own-identity.ts';
import type { PeerUnlockFile } from './peer-unlock-file.ts';
import type { PortServices } from './port.ts';
import type { RaftTransport } from './raft-transport.ts';
import { Reachability } from './reachability.ts';
import { askManagers } from './manager-reports.ts';
import type { Renewal } from './renewal.ts';
import type { ManagerAnswer, ManagerReport } from './report-model.ts';
import { BODY, encodeBody } from './rpc-body.ts';
import { Standing } from './standing.ts';
import { lastEntryOf } from './survivors.ts';
import { UnlockService } from './unlock-service.ts';

const ANNOUNCE_MS = 2_000;
/** How soon a connection is cut after its certificate has expired. */
const CUT_MS = 10_000;

export interface ManagerOptions {
  readonly store: ReplicatedStore;
  readonly own: OwnIdentity;
  readonly unlockKey: UnlockKeyHolder;
  readonly peerUnlockFile: PeerUnlockFile;
  readonly transport: RaftTransport;
  /** Cuts the connections of those who may speak no longer. */
  readonly cutRefused: () => void;
  /** Whether another manager has the log's connection to this one open. */
  readonly isConnected: (nodeId: string) => boolean;
  readonly rotation?: RotationTimes | undefined;
  /** Where the others reach this node. */
  readonly address: () => string;
  readonly engineNodeId: () => string;
  /** What this manager tells the others of what it has refused, and of itself. */
  readonly report: () => ManagerReport;
  /** This node is a worker from now on, and has the certificate for it. */
  readonly onDemoted: () => void;
  /** This node was no manager for a while, and is one again, under another id in the log. */
  readonly onReplaced: () => void;
  readonly onRemoved: (reason: CofferError) => void;
  readonly now_ms: () => number;
  readonly monotonic_ms: () => number;
  readonly random: () => number;
  readonly logger: Logger;
}

export class Manager {
  readonly #options: ManagerOptions;
  readonly #client: MemberClient;
  readonly #renewal: Renewal;
  readonly #membership: MembershipKeeper;
  readonly #authority: AuthorityKeeper;
  readonly #dataKey: DataKeyKeeper;
  readonly #lock: LockKeeper;
  readonly admin: ForwardingAdmin;
  readonly services: PortServices;
  readonly #reachability: Reachability;
  readonly #standing: Standing;
  readonly #departure = new Departure();
  #announceTimer: NodeJS.Timeout | undefined;
  #cutTimer: NodeJS.Timeout | undefined;
  #unwatch: () => void = () => undefined;
  #cutOff: CofferError | undefined;
  #stopped = false;

  constructor(options: ManagerOptions) {
    this.#options = { ...options, ...this.#departure.telling(options) };
    const { logger, now_ms, own, store } = options;
    const { replica } = store;
    const { clusterId, nodeId } = own.current;
    const { credentials } = own;
    const managers = (): readonly ManagerContact[] => this.managers();
    this.#reachability = new Reachability(options);
    this.#client = new MemberClient({ clusterId, nodeId, credentials, managers });
    this.#standing = new Standing({
      ...this.#options,
      client: this.#client,
      description: () => this.#description(),
    });
    this.#dataKey = new DataKeyKeeper({ ...options, nodeId });
    this.#lock = new LockKeeper({ ...options, managers });
    this.admin = managerAdmin({
      store,
      client: this.#client,
      nodeId,
      reachability: this.#reachability,
      dataKey: this.#dataKey,
      lock: this.#lock,
      left: this.#departure.happened,
      now_ms,
    });
    this.services = this.#newServices(options);
    const view = (): ClusterView => replica.state.index.cluster;
    this.#renewal = managerRenewal({ ...options, view, onRenewed: () => this.#client.reset() });
    this.#membership = new MembershipKeeper({ replica, store, now_ms, logger });
    this.#authority = new AuthorityKeeper({
      ...options,
      replica,
      isReachable: (node) => this.#reachability.isReachable(node) ?? true,
      hasShown: (node) => this.#reachability.hasShown(node),
    });
  }

  start(): void {
    const { cutRefused, store, transport } = this.#options;
    transport.attach(store.replica);
    this.#unwatch = store.replica.watch({
      onClusterChange: () => this.#changed(),
      onLeader: () => this.#leaderChanged(),
    });
    this.#membership.start();
    this.#authority.start();
    this.#dataKey.start();
    this.#lock.start();
    this.#renewal.start();
    this.#announceTimer = setInterval(() => void this.#announce(), ANNOUNCE_MS).unref();
    this.#cutTimer = setInterval(() => this.#lookAtClock(cutRefused), CUT_MS).unref();
    void this.#announce();
    this.#changed();
  }

  stop(): void {
    this.#stopped = true;
    this.#standing.stop();
    this.#unwatch();
    clearInterval(this.#announceTimer);
    clearInterval(this.#cutTimer);
    this.#membership.stop();
    this.#authority.stop();
    this.#dataKey.stop();
    this.#lock.stop();
    this.#renewal.stop();
    this.#client.close();
    this.#options.transport.close();
  }

  /** All managers as far as they are known. */
  managers(): readonly ManagerContact[] {
    return this.#reachability.managers();
  }

  /** The one that leads, if that is known. */
  leader(): ManagerContact | undefined {
    return this.#reachability.leader();
  }

  /** What the other managers have refused, and how they are. Resolves in little more than two seconds, and never rejects. */
  askOthers(): Promise<readonly ManagerAnswer[]> {
    const { now_ms, own } = this.#options;
    const { nodeId } = own.current;
    return askManagers({ client: this.#client, nodeId, managers: () => this.managers(), now_ms });
  }

  /** Why no leader is heard of, where the others have told. */
  get problem(): CofferError | undefined {
    return this.#reachability.leader() === undefined ? this.#cutOff : undefined;
  }

  /** Another manager has refused to speak with this one. */
  refused(reason: CofferError, nodeId: string): void {
    this.#cutOff = cutOffBy(reason) ?? this.#cutOff;
    this.#standing.refused(reason, nodeId);
  }

  #newServices(options: ManagerOptions): PortServices {
    const { logger, now_ms, own, report, transport } = options;
    const { clusterId } = own.current;
    const store = (): ReplicatedStore => options.store;
    const join = new JoinService({ clusterId, store, now_ms, logger });
    const member = new MemberService({
      clusterId,
      store,
      leader: () => this.leader()?.nodeId ?? '',
      lastEntry: () => lastEntryOf(options.store.replica.status()),
      report,
      administer: (call, given) => this.admin.administer(call, given),
      onContact: (...contact) => this.#reachability.heardFrom(...contact),
      now_ms,
      logger,
    });
    return {
      raft: transport,
      memberMethods: member.methods,
      joinMethods: join.methods,
      unlockMethods: new UnlockService({ ...options, store }).methods,
      refusalOf: (peer, protocol) => this.#refusalOf(peer, protocol),
    };
  }

  #refusalOf(peer: PeerIdentity, protocol: string): CofferError | undefined {
    const { now_ms, own, store } = this.#options;
    const { clusterId, managers: contacts } = own.current;
    const view = store.replica.state.index.cluster;
    return refusalOf(peer, protocol, { clusterId, view, contacts, now_ms: now_ms() });
  }

  #leaderChanged(): void {
    this.#reachability.leaderChanged();
    this.#membership.wake();
  }

  #changed(): void {
    if (this.#stopped) {
      return;
    }
    const { cutRefused, own, store, transport } = this.#options;
    transport.refresh();
    cutRefused();
    this.#membership.wake();
    this.#renewal.wake();
    this.#dataKey.wake();
    this.#lock.wake();
    const view = store.replica.state.index.cluster;
    if (view.authority === undefined) {
      return;
    }
    void this.#keepUp({ roots: rootsOf(view.authority), managers: managerContacts(view) });
    if (view.revocation(own.current.nodeId) !== undefined) {
      this.#options.onRemoved(removedNode(own.current.nodeId));
    } else if (view.node(own.current.nodeId)?.role === 'worker') {
      this.#standing.ask();
    }
  }

  /** Whom to trust, and whom to call should the state be lost. */
  async #keepUp(known: Pick<NodeIdentityFile, 'roots' | 'managers'>): Promise<void> {
    const { logger, own } = this.#options;
    const { managers, roots } = own.current;
    if (isDeepStrictEqual({ roots, managers }, known)) {
      return;
    }
    await own.update(known).catch((thrown: unknown) => {
      const reason = CofferError.from(thrown).message;
      logger.error('whom this node trusts and calls could not be written down', { reason });
    });
  }

  #description(): Pick<NodeObject, 'hostname' | 'address' | 'engineNodeId'> {
    const { address, engineNodeId } = this.#options;
    return { hostname: hostname(), address: address(), engineNodeId: engineNodeId() };
  }

  /** Says where this node is, if the state knows something else: to the log, and to each manager by itself. */
  async #announce(): Promise<void> {
    const { logger, own, store } = this.#options;
    const { nodeId } = own.current;
    this.#standing.askIfDoubted();
    const { cluster } = store.replica.state.index;
    const node = cluster.node(nodeId);
    const said = this.#description();
    // Without a leader this node's own state may be old: the others may have been told something else since.
    const isKnown =
      node === undefined || (isDescribedAs(cluster, node, said) && this.#reachability.leader() !== undefined);
    if (isKnown || this.#stopped) {
      return;
    }
    // To each of them: whoever has voted for this node must know where to send its vote.
    const others = this.managers().filter((manager) => manager.nodeId !== nodeId);
    for (const manager of others) {
      this.#client.call(manager, 'hello', encodeBody(BODY.hello, said), ANNOUNCE_MS).catch(() => undefined);
    }
    if (isDescribedAs(cluster, node, said)) {
      return;
    }
    try {
      await store.propose({ kind: 'describe-node', nodeId, ...said }, { timeout_ms: ANNOUNCE_MS });
    } catch (thrown) {
      logger.debug('the others do not know this address yet', { reason: CofferError.from(thrown).message });
    }
  }

  /** A machine that was suspended has not counted the time. */
  #lookAtClock(cutRefused: () => void): void {
    cutRefused();
    this.#renewal.wake();
  }
}

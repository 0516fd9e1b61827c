// SPDX-License-Identifier: Apache-2.0
// One node of the replicated store: the Raft core with its disk, its clock and its peers.
import type { CofferError } from '../../common/index.ts';
import {
  type AnyConfChange,
  type ConfState,
  type MsgSnap,
  type NodeId,
  NONE,
  type PeerMessage,
  RawNode,
  type Status,
} from '../../raft/index.ts';
import type { Command } from '../../secrets/index.ts';
import { AppendWriter } from './append-writer.ts';
import { Applier } from './applier.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import { CoreLoop } from './core-loop.ts';
import { CoreStorage } from './core-storage.ts';
import { DiskWatchdog } from './disk-watchdog.ts';
import { IdleFlush } from './idle-flush.ts';
import { LeaderContact } from './leader-contact.ts';
import { Leadership } from './leadership.ts';
import { Lifetime } from './lifetime.ts';
import { MembershipChanges, takesVote } from './membership-changes.ts';
import type { NodeIdentity } from './node-identity.ts';
import { isForCore } from './peer-messages.ts';
import { Proposer } from './proposer.ts';
import { randomId } from './random-id.ts';
import { ReadRounds } from './read-rounds.ts';
import { coreConfig, type ReplicaParts } from './replica-parts.ts';
import { type ReplicaWatcher, ReplicaWatchers } from './replica-watchers.ts';
import type { SecretState } from '../state/secret-state.ts';
import type { ExportedRecord, Freshness, Proposed, ProposeOptions } from '../secret-store.ts';
import { SecretChanges } from './secret-changes.ts';
import { SnapshotTransfer } from './snapshot-transfer.ts';
import { Ticker } from './ticker.ts';
import { WholeState } from './whole-state.ts';

/** What a replica that is closed waits for the changes that were proposed. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * A replica proposes, reads and replicates from `start` until `close`, or until a fault. Every method that returns a
 * promise rejects with `store.closed` or `store.faulted` afterwards.
 */
export class Replica {
  readonly #parts: ReplicaParts;
  readonly #id: NodeId;
  readonly #node: RawNode;
  readonly #loop: CoreLoop;
  readonly #writer: AppendWriter;
  readonly #checkpoint: CheckpointWriter;
  readonly #snapshots: SnapshotTransfer;
  readonly #whole: WholeState;
  readonly #reads: ReadRounds;
  readonly #proposer: Proposer;
  readonly #membership: MembershipChanges;
  readonly #leadership: Leadership;
  readonly #watchdog: DiskWatchdog;
  readonly #ticker: Ticker;
  readonly #leader: LeaderContact;
  readonly #idleFlush: IdleFlush;
  readonly #lifetime: Lifetime;
  #recovering: boolean;
  #closing: Promise<void> | undefined;
  readonly #watchers = new ReplicaWatchers();
  /** Tells who wants to know which secrets have changed. */
  readonly secretChanges = new SecretChanges();

  constructor(parts: ReplicaParts) {
    const { clock, identity, log, logger, settings, state } = parts;
    this.#parts = parts;
    this.#id = identity.raftId;
    this.#recovering = parts.recoveringTerm !== 0;
    const newId = (): Buffer => randomId(parts.random);
    this.#leader = new LeaderContact(this.#id, clock);
    const onError = (thrown: unknown): void => this.#lifetime.fault(thrown);
    const wake = (): void => this.#loop.wake();
    this.#lifetime = new Lifetime({
      wake,
      stop: (reason) => this.#stop(reason),
      onFault: (error) => parts.onFault(error),
    });
    this.#checkpoint = new CheckpointWriter(parts.checkpointFile, clock, onError);
    this.#snapshots = new SnapshotTransfer({
      ...parts,
      write: (operations) => this.#writer.write(operations),
      onSent: (to, status) => this.#lifetime.run(() => this.#node.reportSnapshot(to, status)),
    });
    this.#writer = new AppendWriter({
      ...parts,
      checkpoint: this.#checkpoint,
      now_ms: () => clock.now_ms(),
      atTurnEnd: (callback) => clock.atTurnEnd(callback),
      install: (message) => this.#snapshots.install(message),
      onDurable: (responses) => this.#loop.deliver(responses),
      onInstalled: () => {
        this.#watchers.clusterChanged();
        void this.#whole.clearObsolete();
      },
      onError,
    });
    this.#whole = new WholeState({
      ...parts,
      writer: this.#writer,
      check: () => this.#lifetime.check(),
      onError,
    });
    this.#idleFlush = new IdleFlush(
      clock,
      () => state.changed,
      () => this.#writer.flush(),
    );
    const initial = { hardState: parts.hardState, confState: state.confState };
    const storage = new CoreStorage(log, initial, () => this.#writer.durable);
    this.#node = new RawNode(coreConfig(parts, storage));
    this.#reads = new ReadRounds({
      clock,
      incarnation: newId().subarray(0, 8),
      appliedIndex: () => state.appliedIndex,
      wake,
    });
    this.#watchdog = new DiskWatchdog({ ...settings, logger, onStall: () => this.#leadership.handOver() });
    this.#proposer = new Proposer({
      id: this.#id,
      node: this.#node,
      clock,
      diskSpace: parts.diskSpace,
      newRequestId: () => newId().toString('hex'),
      appliedIndex: () => state.appliedIndex,
      paused: () => this.#watchdog.stalled,
      ended: () => this.ended,
      onFault: onError,
      wake,
      onApplied: (duration_ms) => this.#watchers.committed(duration_ms),
    });
    this.#membership = new MembershipChanges(this.#node, clock, newId);
    this.#leadership = new Leadership({
      id: this.#id,
      node: this.#node,
      clock,
      settings,
      confState: () => state.confState,
      leads: () => this.#leader.isSelf,
      check: () => this.#lifetime.check(),
      run: (work) => this.#lifetime.run(work),
    });
    const applier = new Applier({
      node: this.#node,
      log,
      state,
      onRequest: (requestId, outcome) => this.#proposer.settle(requestId, outcome),
      onConfChange: (context, confState) => {
        // Whoever is told that a node is out may wipe it. No restart may bring this one back to needing it.
        void this.#writer.flushed().then(() => this.#membership.applied(context, confState));
        this.#watchers.clusterChanged();
      },
      onEffects: (effects) => this.secretChanges.note(effects),
      onClusterChange: () => this.#watchers.clusterChanged(),
      onConfChangeRefused: (context, error) => this.#membership.refused(context, error),
    });
    this.#loop = new CoreLoop({
      id: this.#id,
      node: this.#node,
      clock,
      writer: this.#writer,
      applier,
      reads: this.#reads,
      snapshots: this.#snapshots,
      appliedIndex: () => state.appliedIndex,
      send: (message) => this.#send(message),
      admit: () => this.#proposer.admit(),
      onApplied: () => this.#onApplied(),
      onLeader: (lead) => this.#onLeader(lead),
      onError,
    });
    const { electionTicks, tick_ms } = settings;
    const late_ms = (tick_ms * electionTicks) / 2;
    this.#ticker = new Ticker({
      clock,
      tick_ms,
      late_ms,
      onTick: () => this.#lifetime.run(() => this.#tick()),
    });
  }

  /** Begins to take part. A node that is the only voter becomes leader at once. */
  start(): void {
    this.state.load.start(this.#parts.clock, (thrown) => this.#lifetime.fault(thrown));
    this.#loop.start();
    this.#lifetime.run(() => this.#leadership.campaignAlone());
    this.#ticker.start();
    void this.#whole.clearObsolete();
  }

  get identity(): NodeIdentity {
    return this.#parts.identity;
  }

  /** The local state, for reads; `readBarrier` tells how fresh it is. */
  get state(): SecretState {
    return this.#parts.state;
  }

  /** The first entry that the log retains. */
  get firstIndex(): number {
    return this.#parts.log.start.index + 1;
  }

  /** Why the replica takes no more calls; undefined while it does. */
  get ended(): CofferError | undefined {
    return this.#lifetime.ended;
  }

  /** See `SecretStore`. */
  propose(command: Command, options: ProposeOptions = {}): Promise<Proposed> {
    return this.ended === undefined ? this.#proposer.propose(command, options) : Promise.reject(this.ended);
  }

  /** See `SecretStore`. */
  async readBarrier(timeout_ms: number): Promise<Freshness> {
    this.#lifetime.check();
    return (await this.#reads.wait(timeout_ms)) ? 'linearizable' : 'local';
  }

  /** See `WholeState`. */
  reseal(onProgress: (records: number) => void): Promise<void> {
    return this.#whole.reseal(onProgress);
  }

  /**
   * Lets go of the entries of the log up to `index`, which is applied, and resolves when they are deleted. Does not settle if
   * the replica ends before.
   */
  async forgetLog(index: number): Promise<void> {
    this.#lifetime.check();
    await this.#writer.flushed();
    await this.#writer.writeAsOf(() => this.#parts.log.forget(Math.min(index, this.#writer.durable.index)));
    this.#lifetime.check();
  }

  /** See `SecretStore`. */
  exportSecrets(): AsyncGenerator<ExportedRecord> {
    return this.#whole.exportSecrets();
  }

  /**
   * See `MembershipChanges`. A leader hands over before it is removed or made a learner: others must lead when that
   * takes effect, or nobody but the one that is gone might know of it. Throws `store.unavailable` if nobody takes over.
   */
  async proposeConfChange(change: AnyConfChange): Promise<ConfState> {
    this.#lifetime.check();
    if (takesVote(change, this.#id)) {
      await this.#leadership.passOn();
    }
    const applied = this.#membership.propose(change);
    this.#loop.wake();
    return applied;
  }

  /** Asks the leader to hand over to this voter. It goes on if the other does not take over in time. */
  transferLeader(to: NodeId): void {
    this.#lifetime.run(() => this.#node.transferLeader(to));
  }

  /** A message from a peer that has shown who it is. */
  receive(message: PeerMessage): void {
    this.#leader.heardFrom(message.from);
    if (isForCore(message, this.state, this.#proposer)) {
      this.#lifetime.run(() => this.#node.step(message));
    }
  }

  /**
   * A snapshot from a peer with the state behind it. Resolves when it was taken in or was not needed; rejects with
   * `store.damaged` if the stream is not whole, with `store.busy` while another is on its way, and as `chunks` does.
   */
  async receiveSnapshot(message: MsgSnap, chunks: AsyncIterable<Buffer>): Promise<void> {
    this.#lifetime.check();
    const staged = await this.#snapshots.receive(message, chunks, this.#node.basicStatus());
    this.#lifetime.run(() => {
      // Without a turn of the event loop in between, in which the core would be run, and not be asked what it wanted.
      if (!this.#loop.takeSnapshot(message) && staged) {
        this.#snapshots.drop();
        void this.#whole.clearObsolete();
      }
    });
  }

  /** Tells the watcher of changes from now on; returns what ends that. */
  watch(watcher: ReplicaWatcher): () => void {
    return this.#watchers.add(watcher);
  }

  /** Who leads, as far as this node knows. */
  get leader(): NodeId {
    return this.#leader.lead;
  }

  /** How long ago a leader was heard from; 0 while this node leads, undefined before the first. */
  get lastContact_ms(): number | undefined {
    return this.#leader.last_ms;
  }

  /** A message to this peer was lost. */
  reportUnreachable(id: NodeId): void {
    this.#lifetime.run(() => this.#node.reportUnreachable(id));
  }

  status(): Status {
    return this.#node.status();
  }

  /** Hands over its leadership, finishes what was proposed, and writes all down. */
  close(): Promise<void> {
    this.#closing ??= this.#close(this.#lifetime.close());
    return this.#closing;
  }

  async #close(reason: CofferError): Promise<void> {
    if (!this.#lifetime.isStopped) {
      await this.#proposer.drained(CLOSE_TIMEOUT_MS);
      this.#lifetime.run(() => this.#leadership.handOver());
    }
    if (!this.#lifetime.isStopped && this.state.changed) {
      this.#writer.flush();
    }
    await this.#writer.idle();
    this.#lifetime.stop(reason);
    await this.#checkpoint.close();
  }

  #onApplied(): void {
    this.#proposer.tryAgain();
    this.#reads.applied();
    this.#idleFlush.arm();
  }

  #onLeader(lead: NodeId): void {
    this.#leader.leaderIs(lead);
    this.#proposer.leaderIs(lead);
    this.#watchers.leaderIs(lead);
    if (lead !== NONE) {
      this.#reads.askAgain(Number.POSITIVE_INFINITY);
      this.#loop.wake();
    }
  }

  #send(message: PeerMessage): void {
    const keepsLeadership = message.type === 'MsgApp' || message.type === 'MsgHeartbeat';
    if (!(this.#watchdog.stalled && keepsLeadership)) {
      this.#parts.transport.send(message);
    }
  }

  #tick(): void {
    const { clock, diskSpace, settings } = this.#parts;
    this.#watchdog.watch(this.#writer.writing_ms);
    // A leader whose disk stands still stops its clock, and with it the heartbeats that keep others from taking over.
    if (!(this.#watchdog.stalled && this.#leader.isSelf)) {
      this.#node.tick();
    }
    this.#leadership.campaignAlone();
    this.#proposer.tryAgain();
    this.#reads.askAgain(clock.now_ms() - settings.tick_ms * settings.electionTicks);
    diskSpace.measure()?.catch((thrown: unknown) => this.#lifetime.fault(thrown));
    if (this.#recovering && this.#node.basicStatus().recoveringTerm === 0) {
      this.#recovering = false;
      this.#writer.recovered();
    }
  }

  #stop(reason: CofferError): void {
    this.#loop.stop();
    this.state.load.stop();
    this.#whole.stop();
    this.#writer.stop();
    this.#ticker.stop();
    this.#idleFlush.stop();
    this.#reads.close();
    this.#proposer.rejectAll(reason);
    this.#membership.rejectAll(reason);
  }
}

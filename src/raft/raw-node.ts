// SPDX-License-Identifier: Apache-2.0
// The core as its driver sees it: everything comes in by a call, and everything leaves in a `Ready`.
import { invariant } from '../common/index.ts';
import { encodeConfChange } from './confchange/index.ts';
import type { RaftConfig } from './config.ts';
import { applyConfChange } from './configuration.ts';
import { entriesSize } from './entry-size.ts';
import type { Message } from './message.ts';
import { isLocalMessage, isLocalTarget, isResponseMessage } from './message-kinds.ts';
import { Raft } from './raft.ts';
import type { Ready } from './ready.ts';
import type { Refusal } from './refusal.ts';
import { basicStatusOf, type BasicStatus, type Status, statusOf } from './status.ts';
import { step, tick } from './step.ts';
import {
  storageAppend,
  storageAppendResponse,
  storageApply,
  storageApplyResponse,
} from './storage-messages.ts';
import {
  type AnyConfChange,
  type ConfState,
  type Entry,
  type EntryType,
  type HardState,
  NONE,
  type NodeId,
  type Snapshot,
  type SoftState,
} from './types.ts';

/**
 * One node. It has no clock, does no I/O and never waits: a call changes its state, and `ready` hands out what
 * follows from that. Calls answer with a refusal where the protocol says no; an invariant that does not hold throws
 * `internal.invariant`, after which the node must not go on.
 */
export class RawNode {
  readonly #raft: Raft;
  readonly #async: boolean;
  #softState: SoftState;
  #hardState: HardState;
  /** What the node tells itself when the present `Ready` has been carried out. */
  #stepsOnAdvance: Message[] = [];

  /** Tests that look inside make `raft` by themselves. */
  constructor(config: RaftConfig, raft = new Raft(config)) {
    this.#raft = raft;
    this.#async = config.asyncStorageWrites;
    this.#softState = raft.softState;
    // A node that recovers does not begin with what was stored, and must say so.
    this.#hardState = config.recoveringTerm === 0 ? raft.hardState : config.storage.initialState().hardState;
  }

  /** The clock has ticked. */
  tick(): void {
    tick(this.#raft);
  }

  /** Stands for election now, if it may. */
  campaign(): Refusal | undefined {
    return step(this.#raft, { type: 'MsgHup', to: NONE, from: NONE, term: 0 });
  }

  /** Asks for an entry with this data. What was not refused may still get lost with its leader. */
  propose(data: Buffer): Refusal | undefined {
    return this.#propose('EntryNormal', data, this.#raft.id);
  }

  /** Asks for a change of members. It may come out of the log as an empty entry, if its time had not come. */
  proposeConfChange(change: AnyConfChange): Refusal | undefined {
    const type = change.kind === 'v1' ? 'EntryConfChange' : 'EntryConfChangeV2';
    return this.#propose(type, encodeConfChange(change), NONE);
  }

  /**
   * Puts a conf change into effect that is being applied, and returns the configuration, to be kept with the state.
   * A driver that takes in messages between a `Ready` and the applying of its entries must leave out those that a
   * snapshot stands for which has come meanwhile: its configuration is in effect already.
   */
  applyConfChange(change: AnyConfChange): ConfState {
    return applyConfChange(this.#raft, change);
  }

  /** Takes a message from a peer, or an answer of the writer or the state machine. */
  step(message: Message): Refusal | undefined {
    const fromStorage = isLocalTarget(message.from);
    if (isLocalMessage(message) && !fromStorage) {
      return 'local-message';
    }
    if (isResponseMessage(message) && !fromStorage && !this.#raft.tracker.progress.has(message.from)) {
      return 'peer-not-found';
    }
    return step(this.#raft, message);
  }

  /** Whether the next `ready` has anything to do. */
  hasReady(): boolean {
    const { log, messages, messagesAfterAppend, readStates } = this.#raft;
    return (
      messages.length > 0 ||
      messagesAfterAppend.length > 0 ||
      readStates.length > 0 ||
      this.#changedSoftState() !== undefined ||
      this.#changedHardState() !== undefined ||
      log.unstable.hasNextEntries() ||
      log.unstable.nextSnapshot() !== undefined ||
      log.hasNextCommittedEntries(!this.#async)
    );
  }

  /**
   * Hands out all that is to be done. It must be done. Without asynchronous writes, `advance` comes before the next
   * one.
   */
  ready(): Ready {
    invariant(this.#stepsOnAdvance.length === 0, 'one Ready is carried out before the next');
    const { log } = this.#raft;
    const hardState = this.#changedHardState();
    const softState = this.#changedSoftState();
    const entries = log.unstable.nextEntries();
    const snapshot = log.unstable.nextSnapshot();
    // What is not on this node's own disk may be applied only where the driver writes it down first: in the same
    // Ready.
    const committedEntries = log.nextCommittedEntries(!this.#async);
    const mustSync =
      entries.length > 0 ||
      (hardState !== undefined &&
        (hardState.term !== this.#hardState.term || hardState.vote !== this.#hardState.vote));
    const work = { hardState, entries, snapshot, committedEntries };
    const messages = this.#async ? this.#asyncMessages(work) : this.#syncMessages(work);
    const { readStates } = this.#raft;
    this.#accept(softState, hardState, committedEntries);
    return { softState, readStates, messages, mustSync, ...work };
  }

  /** The last `Ready` has been carried out. Only without asynchronous writes. */
  advance(): void {
    invariant(!this.#async, 'the storage answers for itself when writes are asynchronous');
    const steps = this.#stepsOnAdvance;
    this.#stepsOnAdvance = [];
    for (const message of steps) {
      step(this.#raft, message);
    }
  }

  /**
   * Asks for the index up to which the state must be applied before a read that begins now. The answer is a
   * `ReadState` with the same context. It may get lost, and then the read must be asked for anew.
   */
  readIndex(context: Buffer): void {
    step(this.#raft, { type: 'MsgReadIndex', to: NONE, from: NONE, term: 0, context });
  }

  /** Asks the leader to hand over to `transferee`. */
  transferLeader(transferee: NodeId): void {
    step(this.#raft, { type: 'MsgTransferLeader', to: NONE, from: transferee, term: 0 });
  }

  /** Makes a follower forget its leader, so that it votes for another one at once. */
  forgetLeader(): Refusal | undefined {
    return step(this.#raft, { type: 'MsgForgetLeader', to: NONE, from: NONE, term: 0 });
  }

  /** What was sent to this peer last has not arrived. */
  reportUnreachable(id: NodeId): void {
    step(this.#raft, { type: 'MsgUnreachable', to: NONE, from: id, term: 0 });
  }

  /** Every snapshot that is sent must be reported on, or the peer is sent nothing more until it answers by itself. */
  reportSnapshot(id: NodeId, status: 'finish' | 'failure'): void {
    step(this.#raft, { type: 'MsgSnapStatus', to: NONE, from: id, term: 0, reject: status === 'failure' });
  }

  /** Everything, with copies of the peers' progress. */
  status(): Status {
    return statusOf(this.#raft);
  }

  /** As `basicStatus` says it, for who asks at every turn. */
  get term(): number {
    return this.#raft.term;
  }

  /** As `basicStatus` says it, for who asks at every turn. */
  get lastIndex(): number {
    return this.#raft.log.lastIndex();
  }

  basicStatus(): BasicStatus {
    return basicStatusOf(this.#raft);
  }

  #propose(type: EntryType, data: Buffer, from: NodeId): Refusal | undefined {
    const entries = [{ index: 0, term: 0, type, data }];
    return step(this.#raft, { type: 'MsgProp', to: NONE, from, term: 0, entries });
  }

  #changedSoftState(): SoftState | undefined {
    const { lead, state } = this.#raft;
    const { lead: oldLead, raftState: oldState } = this.#softState;
    return lead === oldLead && state === oldState ? undefined : this.#raft.softState;
  }

  #changedHardState(): HardState | undefined {
    const { term, vote, log } = this.#raft;
    const old = this.#hardState;
    return term === old.term && vote === old.vote && log.committed === old.commit
      ? undefined
      : this.#raft.hardState;
  }

  #asyncMessages(work: Work): readonly Message[] {
    const messages = this.#raft.messages;
    const append = storageAppend(this.#raft, work);
    if (append !== undefined) {
      messages.push(append);
    }
    if (work.committedEntries.length > 0) {
      messages.push(storageApply(this.#raft, work.committedEntries));
    }
    return messages;
  }

  #syncMessages({ snapshot, committedEntries }: Work): readonly Message[] {
    const { id, messages, messagesAfterAppend } = this.#raft;
    this.#stepsOnAdvance = messagesAfterAppend.filter(({ to }) => to === id);
    const appended = storageAppendResponse(this.#raft, snapshot);
    if (appended !== undefined) {
      this.#stepsOnAdvance.push(appended);
    }
    if (committedEntries.length > 0) {
      this.#stepsOnAdvance.push(storageApplyResponse(this.#raft, committedEntries));
    }
    return [...messages, ...messagesAfterAppend.filter(({ to }) => to !== id)];
  }

  /** From now on all of it counts as being done. */
  #accept(
    softState: SoftState | undefined,
    hardState: HardState | undefined,
    committedEntries: readonly Entry[],
  ): void {
    this.#softState = softState ?? this.#softState;
    this.#hardState = hardState ?? this.#hardState;
    const raft = this.#raft;
    raft.messages = [];
    raft.messagesAfterAppend = [];
    raft.readStates = [];
    raft.log.unstable.acceptInProgress();
    const last = committedEntries.at(-1);
    if (last !== undefined) {
      raft.log.acceptApplying(last.index, entriesSize(committedEntries), !this.#async);
    }
  }
}

interface Work {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly committedEntries: readonly Entry[];
}

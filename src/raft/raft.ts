// SPDX-License-Identifier: Apache-2.0
// One node's part in the algorithm: what it knows, and how it passes from one role to another.
import { invariant } from '../common/index.ts';
import { checkConfig, type RaftConfig } from './config.ts';
import { restore } from './confchange/index.ts';
import { payloadsSize } from './entry-size.ts';
import type { Message, MsgReadIndex, PeerMessage } from './message.ts';
import { RaftLog } from './raft-log.ts';
import { ReadOnly } from './read-only.ts';
import { Inflights, Progress, ProgressTracker } from './tracker/index.ts';
import {
  type Entry,
  type HardState,
  NONE,
  type NodeId,
  type ReadState,
  type SoftState,
  type StateType,
} from './types.ts';

/**
 * The state that all roles share. The rules of each role stand in files of their own, as functions over this class,
 * which is why its fields can be written by them; outside of this folder it is seen through `RawNode` alone. Of the
 * paper's figure 2, `term`, `vote` and the log are the persistent state, the rest is volatile.
 */
export class Raft {
  readonly config: RaftConfig;
  readonly id: NodeId;
  readonly log: RaftLog;
  readonly tracker: ProgressTracker;
  readonly trace: ((event: string) => void) | undefined;

  term = 0;
  vote: NodeId = NONE;
  state: StateType = 'StateFollower';
  lead: NodeId = NONE;
  /** Not 0 while this node may lack what it once acknowledged in terms up to this one; see recovery.ts. */
  recoveringTerm: number;

  /** To peers, as soon as possible. */
  messages: Message[] = [];
  /** To peers and to this node, but not before all that is unstable now is durable. */
  messagesAfterAppend: Message[] = [];
  readStates: ReadState[] = [];

  /** To whom the leader is handing over (thesis, 3.10). */
  leadTransferee: NodeId = NONE;
  /** No conf change is proposed before the leader has applied this index: at or after the last one in the log. */
  pendingConfIndex = 0;
  /** Bytes of data that the leader appended and that are not applied yet: never more than there are. */
  uncommittedBytes = 0;
  readOnly = new ReadOnly();
  /** Reads that came before an entry of the leader's own term was committed. */
  earlyReads: MsgReadIndex[] = [];

  /** Ticks since the leader was heard from; of a leader, since it last checked its quorum. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  /** From `electionTick` to twice that less one, drawn anew with each change of role, so that votes rarely split. */
  randomizedElectionTimeout = 0;

  constructor(config: RaftConfig) {
    checkConfig(config);
    this.config = config;
    this.id = config.id;
    this.trace = config.trace;
    const { storage, applied } = config;
    // Without any room nothing would ever be applied, so that 0 means one entry at a time here too.
    this.log = new RaftLog(storage, Math.max(config.maxCommittedSizePerReady || config.maxSizePerMsg, 1));
    this.tracker = new ProgressTracker(config.maxInflightMsgs, config.maxInflightBytes);
    this.recoveringTerm = config.recoveringTerm;
    const { hardState, confState } = storage.initialState();
    const changed = restore({ tracker: this.tracker, lastIndex: this.log.lastIndex() }, confState);
    this.tracker.config = changed.config;
    this.tracker.progress = changed.progress;
    this.#loadState(hardState, applied);
    if (applied > 0) {
      this.log.appliedTo(applied, 0);
    }
    this.becomeFollower(this.term, NONE);
  }

  get hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }

  get softState(): SoftState {
    return { lead: this.lead, raftState: this.state };
  }

  /** What this node knows of itself as a member; undefined if it is none, as it believes. */
  get ownProgress(): Progress | undefined {
    return this.tracker.progress.get(this.id);
  }

  /** Whether this node may become leader: a voter with a whole log. */
  get promotable(): boolean {
    const own = this.ownProgress;
    return (
      own !== undefined &&
      !own.isLearner &&
      this.log.unstable.snapshot === undefined &&
      this.recoveringTerm === 0
    );
  }

  get pastElectionTimeout(): boolean {
    return this.electionElapsed >= this.randomizedElectionTimeout;
  }

  /** Only then does a leader know how far the log is committed (thesis, 6.4). */
  get committedEntryInCurrentTerm(): boolean {
    return this.log.termOrZero(this.log.committed) === this.term;
  }

  /**
   * Queues a message to a peer, or one of the answers that a leader or candidate gives to itself. Answers that count,
   * votes and acknowledgements, promise that something is durable (paper, figure 2: "updated on stable storage before
   * responding to RPCs"), so they wait for what is unstable; for refusals too, since they may rest on it.
   */
  send(message: PeerMessage): void {
    const { type, to } = message;
    if (type === 'MsgAppResp' || type === 'MsgVoteResp' || type === 'MsgPreVoteResp') {
      this.messagesAfterAppend.push(message);
      return;
    }
    invariant(to !== this.id && to !== NONE, `${type} goes to a peer`);
    this.messages.push(message);
  }

  becomeFollower(term: number, lead: NodeId): void {
    this.#reset(term);
    this.lead = lead;
    this.state = 'StateFollower';
    this.trace?.(`follows ${lead === NONE ? 'nobody' : lead.toString(16)} in term ${term}`);
  }

  /** Begins a new term and votes for itself in it. */
  becomeCandidate(): void {
    invariant(this.state !== 'StateLeader', 'a leader does not stand for election');
    this.#reset(this.term + 1);
    this.vote = this.id;
    this.state = 'StateCandidate';
    this.trace?.(`stands for election in term ${this.term}`);
  }

  /** Asks first (thesis, 9.6): neither term nor vote change, so that asking disturbs nobody. */
  becomePreCandidate(): void {
    invariant(this.state !== 'StateLeader', 'a leader does not stand for election');
    this.tracker.resetVotes();
    this.lead = NONE;
    this.state = 'StatePreCandidate';
    this.trace?.(`asks whether it could win term ${this.term + 1}`);
  }

  /** Takes office, and appends the empty entry whose commit will commit all that earlier terms have left. */
  becomeLeader(): void {
    invariant(this.state !== 'StateFollower', 'a follower becomes leader by election only');
    this.#reset(this.term);
    this.lead = this.id;
    this.state = 'StateLeader';
    const own = this.ownProgress;
    invariant(own !== undefined, 'a leader is a member when it is elected');
    own.becomeReplicate();
    own.recentActive = true;
    // There may be a conf change among the entries that it inherits. Waiting for all of them costs little, and
    // finding out would cost reading them.
    this.pendingConfIndex = this.log.lastIndex();
    const appended = this.appendEntries([{ index: 0, term: 0, type: 'EntryNormal', data: Buffer.alloc(0) }]);
    invariant(appended, 'an entry without data passes every limit');
    this.trace?.(`leads term ${this.term}`);
  }

  /** Appends to the leader's own log. False if too much is uncommitted already. */
  appendEntries(proposed: readonly Entry[]): boolean {
    const payload = payloadsSize(proposed);
    const limit = this.config.maxUncommittedEntriesSize || Infinity;
    // One proposal passes whatever its size, or it never would; and so do the core's own entries, which have no data.
    if (this.uncommittedBytes > 0 && payload > 0 && this.uncommittedBytes + payload > limit) {
      this.trace?.(`drops a proposal, since ${this.uncommittedBytes} bytes are uncommitted`);
      return false;
    }
    this.uncommittedBytes += payload;
    const first = this.log.lastIndex() + 1;
    this.log.append(
      proposed.map(({ type, data }, offset) => ({ index: first + offset, term: this.term, type, data })),
    );
    // The leader acknowledges to itself, when its own disk has it, just as its followers do (thesis, 10.2.1).
    this.send({
      type: 'MsgAppResp',
      to: this.id,
      from: this.id,
      term: this.term,
      index: this.log.lastIndex(),
      logTerm: 0,
      reject: false,
      rejectHint: 0,
      recoveringTerm: 0,
    });
    return true;
  }

  /** Commits what a quorum has, if the last entry of that is of this term. */
  maybeCommit(): boolean {
    return this.log.maybeCommit({ term: this.term, index: this.tracker.committed() });
  }

  #loadState(hardState: HardState, applied: number): void {
    const { term, vote, commit } = hardState;
    if (this.recoveringTerm !== 0) {
      // What was lost may have been an overwriting of what is there, so nothing that is not applied counts as
      // committed until a leader says so anew. And in the terms that it has forgotten, the node must not act again.
      this.term = Math.max(term, this.recoveringTerm);
      this.vote = this.term === term ? vote : NONE;
      this.log.commitTo(applied);
      return;
    }
    if (term !== 0 || vote !== NONE || commit !== 0) {
      invariant(
        commit <= this.log.lastIndex(),
        `the stored commit index ${commit} lies within the log, which ends with ${this.log.lastIndex()}`,
      );
      this.log.commitTo(commit);
      this.term = term;
      this.vote = vote;
    }
    // What is applied, or compacted after that, was committed. It may be ahead of the stored commit index, since that
    // is written by turns with the state, and nothing waits for it.
    this.log.commitTo(applied);
  }

  #reset(term: number): void {
    if (this.term !== term) {
      this.term = term;
      this.vote = NONE;
    }
    this.lead = NONE;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    const { electionTick, random } = this.config;
    this.randomizedElectionTimeout = electionTick + random(electionTick);
    this.leadTransferee = NONE;
    this.tracker.resetVotes();
    this.#resetProgress();
    this.pendingConfIndex = 0;
    this.uncommittedBytes = 0;
    // Who asked for these reads asks again, another leader if there is one.
    this.readOnly = new ReadOnly();
    this.earlyReads = [];
  }

  /** What was known of the peers' logs held for the leader of one term. */
  #resetProgress(): void {
    const { progress, maxInflight, maxInflightBytes } = this.tracker;
    const last = this.log.lastIndex();
    this.tracker.progress = new Map(
      Array.from(progress, ([id, { isLearner }]) => [
        id,
        new Progress({
          match: id === this.id ? last : 0,
          next: last + 1,
          inflights: new Inflights(maxInflight, maxInflightBytes),
          isLearner,
        }),
      ]),
    );
  }
}

// SPDX-License-Identifier: Apache-2.0
// One turn of the core after another: what it wants is handed to the writer, to the peers and to the state.
import { CofferError, outsideRequests } from '../../common/index.ts';
import type { Entry, Message, MsgSnap, NodeId, PeerMessage, RawNode, Ready } from '../../raft/index.ts';
import type { AppendWriter } from './append-writer.ts';
import type { Applier } from './applier.ts';
import { ApplyQueue } from './apply-queue.ts';
import type { Clock } from './clock.ts';
import type { ReadRounds } from './read-rounds.ts';
import type { SnapshotTransfer } from './snapshot-transfer.ts';

export interface CoreLoopParts {
  readonly id: NodeId;
  readonly node: RawNode;
  readonly clock: Clock;
  readonly writer: AppendWriter;
  readonly applier: Applier;
  readonly reads: ReadRounds;
  readonly snapshots: SnapshotTransfer;
  readonly appliedIndex: () => number;
  readonly send: (message: PeerMessage) => void;
  /** Called before each round: hands to the core what waits for it. */
  readonly admit: () => void;
  /** Called whenever entries were applied. */
  readonly onApplied: () => void;
  /** Called when another leader is known, or none. */
  readonly onLeader: (lead: NodeId) => void;
  /** Called once, with whatever failed. Nothing more is done afterwards. */
  readonly onError: (thrown: unknown) => void;
}

/** Rounds in one turn of the event loop; a longer run lets input in between. */
const ROUNDS_PER_TURN = 16;
/** Entries that are applied in one turn of the event loop: some tenths of a millisecond. */
const APPLIED_PER_TURN = 16;
/** So few are applied sooner than another turn of the event loop comes. */
const APPLIED_AT_ONCE = 2;

/**
 * Drives the core. A round sends at once what needs no durability, so that the leader's disk and its followers'
 * write at the same time (thesis, 10.2.1); what promises durability comes back from the writer when it is kept.
 *
 * What is committed is applied when that has gone out, and a little at a time: so the followers hear of it, and the disk
 * writes, while this node applies; and what they answer meanwhile is passed on.
 */
export class CoreLoop {
  readonly #parts: CoreLoopParts;
  #woken = false;
  #running = false;
  #stopped = false;
  #installsSnapshot = false;
  readonly #applies = new ApplyQueue();
  #applyDue = false;

  constructor(parts: CoreLoopParts) {
    this.#parts = parts;
  }

  /** Runs the core when the current call has ended, with all that comes until then. */
  wake(): void {
    if (this.#woken || this.#stopped) {
      return;
    }
    this.#woken = true;
    outsideRequests(() =>
      queueMicrotask(() => {
        this.#woken = false;
        this.run();
      }),
    );
  }

  /** Runs the core for the first time, and applies at once what it knows to be committed. */
  start(): void {
    this.#guarded(() => {
      do {
        this.#turn();
      } while (this.#applyNext(Number.POSITIVE_INFINITY));
    });
  }

  /** Runs the core now. */
  run(): void {
    this.#guarded(() => this.#turn());
  }

  #guarded(work: () => void): void {
    if (this.#running || this.#stopped) {
      return;
    }
    this.#running = true;
    try {
      work();
    } catch (thrown) {
      this.#stopped = true;
      this.#parts.onError(thrown);
    } finally {
      this.#running = false;
    }
  }

  /** The core's messages that waited for the disk. */
  deliver(responses: readonly Message[]): void {
    if (this.#stopped) {
      return;
    }
    for (const message of responses) {
      if (message.to === this.#parts.id) {
        this.#parts.node.step(message);
      } else {
        this.#parts.send(message as PeerMessage);
      }
    }
    this.wake();
  }

  /** Hands a snapshot to the core, and runs it; true if the core wants it to be installed. */
  takeSnapshot(message: MsgSnap): boolean {
    // With its first step it stands for all that waits: a membership change among that must not be put into effect after it.
    while (this.#applyNext(Number.POSITIVE_INFINITY));
    this.#parts.node.step(message);
    this.#installsSnapshot = false;
    this.run();
    return this.#installsSnapshot;
  }

  stop(): void {
    this.#stopped = true;
  }

  #turn(): void {
    const { admit, clock, node, reads } = this.#parts;
    for (let round = 0; round < ROUNDS_PER_TURN; round += 1) {
      admit();
      reads.begin((context) => node.readIndex(context));
      if (!node.hasReady()) {
        return;
      }
      this.#handle(node.ready());
    }
    clock.defer(() => this.run());
  }

  #handle({ messages, readStates, softState }: Ready): void {
    const votes = messages.filter(({ type }) => type === 'MsgVote');
    for (const message of messages) {
      this.#route(message, votes);
    }
    readStates.forEach((state) => this.#parts.reads.answered(state));
    if (softState !== undefined) {
      this.#parts.onLeader(softState.lead);
    }
    // After the messages: those that carry the same entries are encoded by now, and applying wipes them.
    if (this.#applies.count <= APPLIED_AT_ONCE || !messages.some(isToGoFirst)) {
      this.#applyNext(APPLIED_PER_TURN);
    }
    this.#applySoon();
  }

  #applySoon(): void {
    if (this.#applyDue || this.#applies.count === 0) {
      return;
    }
    this.#applyDue = true;
    this.#parts.clock.atTurnEnd(() => {
      this.#applyDue = false;
      this.#guarded(() => {
        this.#applyNext(APPLIED_PER_TURN);
        this.#turn();
        this.#applySoon();
      });
    });
  }

  /** False if nothing waits. */
  #applyNext(countMax: number): boolean {
    const part = this.#applies.next(countMax);
    if (part === undefined) {
      return false;
    }
    this.#parts.applier.apply(part.entries);
    part.responses.forEach((response) => this.#parts.node.step(response));
    this.#parts.onApplied();
    return true;
  }

  #route(message: Message, votes: readonly Message[]): void {
    switch (message.type) {
      case 'MsgStorageAppend':
        this.#installsSnapshot ||= message.snapshot !== undefined;
        this.#parts.writer.append({ ...message, responses: [...votes, ...message.responses] });
        break;
      case 'MsgVote':
        // A candidate that forgot its term in a crash could win that term twice, with different entries: those who have
        // voted for it would do so again. So it asks for votes only when its own is durable, which is being written now.
        break;
      case 'MsgStorageApply':
        this.#applies.add(message);
        break;
      case 'MsgSnap':
        void this.#parts.snapshots.send(message);
        break;
      case 'MsgProp':
        this.#parts.send(message);
        // Nothing here needs the copies any longer that were made for the leader.
        message.entries.forEach((entry) => entry.data.fill(0));
        break;
      case 'MsgApp':
        this.#parts.send(message);
        this.#wipeReadBack(message.entries);
        break;
      case 'MsgAppResp':
      case 'MsgVoteResp':
      case 'MsgHeartbeat':
      case 'MsgHeartbeatResp':
      case 'MsgTransferLeader':
      case 'MsgTimeoutNow':
      case 'MsgReadIndex':
      case 'MsgReadIndexResp':
      case 'MsgPreVote':
      case 'MsgPreVoteResp':
        this.#parts.send(message);
        break;
      case 'MsgHup':
      case 'MsgBeat':
      case 'MsgUnreachable':
      case 'MsgSnapStatus':
      case 'MsgCheckQuorum':
      case 'MsgForgetLeader':
      case 'MsgStorageAppendResp':
      case 'MsgStorageApplyResp':
        throw new CofferError('internal.invariant', `${message.type} does not leave the core`);
    }
  }

  /** Entries that are applied were wiped and forgotten; what is sent of them was opened for this message alone. */
  #wipeReadBack(entries: readonly Entry[]): void {
    const appliedIndex = this.#parts.appliedIndex();
    for (const { data, index } of entries) {
      if (index <= appliedIndex) {
        data.fill(0);
      }
    }
  }
}

/** Whether others wait for it: a peer, or all who wait for what is to be written. */
function isToGoFirst(message: Message): boolean {
  return message.type === 'MsgStorageAppend'
    ? message.entries.length > 0
    : message.type !== 'MsgStorageApply';
}

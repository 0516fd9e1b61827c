// SPDX-License-Identifier: Apache-2.0
// The one writer of the database: everything that becomes durable goes through here, one synced batch at a time.
import { invariant } from '../../common/index.ts';
import type { Keyring } from '../../crypto/index.ts';
import { type HardState, type Message, type MsgStorageAppend, payloadSize } from '../../raft/index.ts';
import type { Checkpoint, Database, DatabaseOperation, RaftLog } from '../../storage/index.ts';
import type { CheckpointWriter } from './checkpoint-writer.ts';
import type { DurableState } from './core-storage.ts';
import { hardStateOperation, type NodeIdentity } from './node-identity.ts';
import type { SecretState } from '../state/secret-state.ts';

/** What one batch takes of the entries that wait, so that no batch holds up the event loop for long. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

export interface AppendWriterOptions {
  readonly identity: NodeIdentity;
  readonly keyring: Keyring;
  readonly database: Database;
  readonly checkpoint: CheckpointWriter;
  readonly log: RaftLog;
  readonly state: SecretState;
  readonly hardState: HardState;
  readonly recoveringTerm: number;
  readonly now_ms: () => number;
  /** See `Clock`. */
  readonly atTurnEnd: (callback: () => void) => void;
  /** Takes a staged snapshot into the state: the operations that make it the state, with the log begun anew. */
  readonly install: (message: MsgStorageAppend) => readonly DatabaseOperation[];
  /** Called when a batch is durable, with all messages that were to wait for it. */
  readonly onDurable: (responses: readonly Message[]) => void;
  /** Called when a snapshot is in place. */
  readonly onInstalled: () => void;
  /** Called once, with whatever a write failed with. Nothing is written afterwards. */
  readonly onError: (thrown: unknown) => void;
}

interface Extra {
  readonly work: () => Promise<void>;
  readonly resolve: () => void;
}

/** As many as the checkpoint's file has slots. */
const CHECKPOINT_SLOTS = 3;

/**
 * Writes what the core hands out, in order. Appends that arrive while a batch is being synced go into the next one
 * together, with the state that was applied meanwhile: one sync for all of it. A hard state that changed in its
 * commit alone promises nothing, and waits for the next batch; messages that wait for no more than that are let go.
 */
export class AppendWriter {
  readonly #options: AppendWriterOptions;
  #hardState: HardState;
  /** As the disk has it, or will have it with the batch in flight. */
  #writtenHardState: HardState;
  #recoveringTerm: number;
  #durable: DurableState;
  #waiting: MsgStorageAppend[] = [];
  #extras: Extra[] = [];
  #flushDue = false;
  #running: Promise<void> | undefined;
  #stopped = false;
  /** When the oldest write that is not done was begun; undefined while none is under way. */
  #writingSince_ms: number | undefined;

  constructor(options: AppendWriterOptions) {
    this.#options = options;
    this.#hardState = options.hardState;
    this.#writtenHardState = options.hardState;
    this.#recoveringTerm = options.recoveringTerm;
    this.#durable = { index: options.state.appliedIndex, confState: options.state.confState };
  }

  /** The applied state that is on the disk. */
  get durable(): DurableState {
    return this.#durable;
  }

  /** How long the write that is under way has taken so far. */
  get writing_ms(): number {
    return this.#writingSince_ms === undefined ? 0 : this.#options.now_ms() - this.#writingSince_ms;
  }

  /** Takes over what the core wants to be written; the messages are written in the order in which they came. */
  append(message: MsgStorageAppend): void {
    this.#waiting.push(message);
    this.#wake();
  }

  /**
   * Writes operations of another kind, in a batch of their own, after the state as it is now. Does not settle if the writer
   * fails before.
   */
  write(operations: readonly DatabaseOperation[]): Promise<void> {
    return this.writeAsOf(() => operations);
  }

  /** The same for operations that are made when nothing is being written, so that they follow from what is there then. */
  writeAsOf(make: () => readonly DatabaseOperation[]): Promise<void> {
    return this.#alone(async () => {
      const operations = make();
      if (operations.length > 0) {
        await this.#timed(() => this.#options.database.write(operations, { sync: true }));
      }
    });
  }

  /** Resolves when every slot of the checkpoint's file was written anew, durably. Does not settle if the writer fails before. */
  renewCheckpoint(): Promise<void> {
    return this.#alone(async () => {
      for (let slot = 0; slot < CHECKPOINT_SLOTS; slot += 1) {
        await this.#writeCheckpoint(this.#nextCheckpoint(), this.#hardState);
        await this.#options.checkpoint.sync();
      }
    });
  }

  /** Resolves when the state as it is now is durable. Does not settle if the writer fails before. */
  flushed(): Promise<void> {
    return this.write([]);
  }

  /** Writes the applied state, though nothing else asks for a batch. */
  flush(): void {
    this.#flushDue = true;
    this.#wake();
  }

  /** The recovery has ended: the next checkpoint says so. */
  recovered(): void {
    this.#recoveringTerm = 0;
    this.flush();
  }

  /** Resolves when nothing is being written and nothing waits. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) {
      await this.#running;
    }
  }

  /** Writes nothing more. The batch in flight may still come to its end. */
  stop(): void {
    this.#stopped = true;
  }

  /** Does work between two batches, after one with the state as it is now. */
  #alone(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      this.#extras.push({ work, resolve });
      this.#wake();
    });
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#isDue()) {
        this.#wake();
      }
    });
  }

  #isDue(): boolean {
    if (this.#stopped) {
      return false;
    }
    return (
      this.#flushDue ||
      this.#extras.length > 0 ||
      this.#waiting.some((message) => message.responses.length > 0 || this.#isToKeep(message))
    );
  }

  /** Whether the message holds what must not be forgotten: entries, a vote, a snapshot. */
  #isToKeep({ entries, snapshot, term, vote }: MsgStorageAppend): boolean {
    const voted = term !== 0 && (term !== this.#hardState.term || vote !== this.#hardState.vote);
    return entries.length > 0 || snapshot !== undefined || voted;
  }

  async #run(): Promise<void> {
    try {
      while (this.#isDue()) {
        // Messages to the peers go out first, so that their disks work while this node seals and writes; and whatever else
        // the core hands out until then joins the batch.
        await new Promise<void>((resolve) => this.#options.atTurnEnd(resolve));
        // Taken first: the batch before it has all that was applied when it was asked for.
        const extra = this.#extras.shift();
        const messages = this.#takeMessages();
        if (this.#flushDue || extra !== undefined || messages.some((message) => this.#isToKeep(message))) {
          await this.#writeBatch(messages);
        } else {
          this.#passOn(messages);
        }
        if (extra !== undefined && !this.#stopped) {
          await extra.work();
          extra.resolve();
        }
      }
    } catch (thrown) {
      this.#stopped = true;
      this.#options.onError(thrown);
    }
  }

  #takeMessages(): readonly MsgStorageAppend[] {
    let size_bytes = 0;
    let count = 0;
    for (const { entries } of this.#waiting) {
      if (count > 0 && size_bytes >= BATCH_BYTES_MAX) {
        break;
      }
      size_bytes += entries.reduce((sum, entry) => sum + payloadSize(entry), 0);
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** What these promise is on the disk already; that more is committed by now is written with the next batch. */
  #passOn(messages: readonly MsgStorageAppend[]): void {
    messages.forEach((message) => this.#takeHardState(message));
    this.#options.onDurable(messages.flatMap((message) => message.responses));
  }

  async #writeBatch(messages: readonly MsgStorageAppend[]): Promise<void> {
    const { database, log, state } = this.#options;
    this.#flushDue = false;
    const before = this.#hardState;
    const operations = messages.flatMap((message) => this.#operationsOf(message));
    if (this.#hardState !== this.#writtenHardState) {
      operations.push(hardStateOperation(this.#options.keyring, this.#hardState));
      this.#writtenHardState = this.#hardState;
    }
    const batch = state.changed ? state.batch() : undefined;
    operations.push(...(batch?.operations ?? []));
    const { appliedIndex: index, confState } = state;
    // Never past what an earlier batch has made durable: a snapshot of the disk must find its place in the log.
    operations.push(...log.compact(this.#durable.index));
    if (operations.length > 0) {
      const checkpoint = this.#nextCheckpoint();
      const written = this.#timed(() => database.write(operations, { sync: true }));
      // While the disk works. It is written before anyone is told of the batch: else a node that is killed in between, and
      // whose database is put back to how it was before, would not know that it has promised more.
      this.#options.checkpoint.prepare(checkpoint);
      await written;
      await this.#timed(() => this.#writeCheckpoint(checkpoint, before));
    }
    if (batch !== undefined) {
      state.written(batch);
    }
    this.#durable = { index, confState };
    if (this.#stopped) {
      return;
    }
    this.#options.onDurable(messages.flatMap((message) => message.responses));
    if (messages.some(({ snapshot }) => snapshot !== undefined)) {
      this.#options.onInstalled();
    }
  }

  #operationsOf(message: MsgStorageAppend): DatabaseOperation[] {
    const operations: DatabaseOperation[] = [];
    if (message.snapshot !== undefined) {
      operations.push(...this.#options.install(message));
    }
    operations.push(...this.#options.log.append(message.entries));
    this.#takeHardState(message);
    return operations;
  }

  #takeHardState({ term, vote, commit }: MsgStorageAppend): void {
    if (term !== 0) {
      invariant(term >= this.#hardState.term, 'a term never goes back');
      invariant(commit >= this.#hardState.commit, 'what is committed stays committed');
      this.#hardState = { term, vote, commit };
    }
  }

  #nextCheckpoint(): Checkpoint {
    const { identity, log } = this.#options;
    const { term, vote } = this.#hardState;
    return { ...identity, term, vote, recoveringTerm: this.#recoveringTerm, ...log.mark };
  }

  async #writeCheckpoint(next: Checkpoint, before: HardState): Promise<void> {
    const { checkpoint } = this.#options;
    await checkpoint.write(next);
    if (next.term !== before.term || next.vote !== before.vote) {
      // A vote must not be forgotten, whatever becomes of the database.
      await checkpoint.sync();
    }
  }

  async #timed(work: () => Promise<void>): Promise<void> {
    this.#writingSince_ms = this.#options.now_ms();
    try {
      await work();
    } finally {
      this.#writingSince_ms = undefined;
    }
  }
}

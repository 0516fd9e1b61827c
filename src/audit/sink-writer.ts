// SPDX-License-Identifier: Apache-2.0
// Writes what waits for one sink, in groups, and goes on by itself after whatever kept it from that.
import { CofferError, type Logger } from '../common/index.ts';
import { Chain, type ChainedLine, type ChainPosition } from './chain.ts';
import type { AuditEvent, AuditFields } from './record.ts';
import type { AuditSink, OpenedSink } from './sink.ts';

export interface AuditEntry {
  readonly event: AuditEvent;
  readonly at_ms: number;
  readonly fields: AuditFields;
  /** When it was added, by a clock that nobody sets. */
  readonly added_ms: number;
}

export interface SinkWriterOptions {
  readonly sink: AuditSink;
  /** This node's id, as far as it is known. */
  readonly node: () => string;
  /** In the record of the start. */
  readonly version: string;
  readonly now_ms: () => number;
  readonly monotonic_ms: () => number;
  readonly logger: Logger;
  /** A file is full, and the next one is there. */
  readonly onRotated?: () => void;
  /** Default: 250. */
  readonly retry_ms?: number;
}

/** What is written at once. */
interface Group {
  readonly lines: readonly ChainedLine[];
  /** Where the chain is with them. */
  readonly position: ChainPosition;
  /** How many of those that wait are among them. */
  readonly taken: number;
  /** How many are said to be lost. */
  readonly missed: number;
}

/** What may wait: some megabytes. */
export const WAITING_MAX = 10_000;
/** How long records may wait for a sink that fails before no more secrets are delivered. */
const FAULT_MAX_MS = 1_000;
/** And for one that is slow: a busy disk takes seconds now and then, and each refusal costs a task its start. */
const SLOW_MAX_MS = 5_000;
const GROUP_MAX = 512;
const RETRY_MS = 250;
/** What is added meanwhile goes out in one write: one for each record would cost a third of a delivery. */
const GATHER_MS = 10;

export class SinkWriter {
  readonly #options: SinkWriterOptions;
  readonly #waiting: AuditEntry[] = [];
  #opened: OpenedSink | undefined;
  #position: ChainPosition | undefined;
  #missed = 0;
  #failures = 0;
  /** What the sink has not taken, or not all of it. */
  #group: Group | undefined;
  #fault: string | undefined;
  /** Since when the sink has had what it is to write. */
  #askedAt_ms: number | undefined;
  #running: Promise<void> | undefined;
  #closing = false;

  constructor(options: SinkWriterOptions) {
    this.#options = options;
  }

  /** The last line that was written; undefined before the first one. */
  get position(): ChainPosition | undefined {
    return this.#position;
  }

  get name(): string {
    return this.#options.sink.name;
  }

  /** How often the sink could not be opened or written since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** Why it is not writing; undefined while it does, or has nothing to write. */
  get problem(): string | undefined {
    const [oldest] = this.#waiting;
    const { sink } = this.#options;
    if (this.#waiting.length >= WAITING_MAX) {
      return `${sink.name}: ${this.#fault ?? `${WAITING_MAX} records wait for it`}`;
    }
    // A process that was held up has not asked the sink yet.
    if (this.#isLonger(this.#askedAt_ms, SLOW_MAX_MS)) {
      return `${sink.name}: ${this.#fault ?? `it has not taken a line for ${SLOW_MAX_MS / 1_000} s`}`;
    }
    return this.#fault !== undefined && this.#isLonger(oldest?.added_ms, FAULT_MAX_MS)
      ? `${sink.name}: ${this.#fault}`
      : undefined;
  }

  add(entry: AuditEntry): void {
    if (this.#waiting.length >= WAITING_MAX) {
      this.#missed += 1;
      return;
    }
    this.#waiting.push(entry);
    this.#wake();
  }

  /** Opens the sink, and writes that it was. */
  start(): void {
    this.#wake();
  }

  /** Where the chain was; up to there what was written stays from now on. Rejects with why it does not. */
  async sync(): Promise<ChainPosition | undefined> {
    const position = this.#position;
    await this.#opened?.sync();
    return position;
  }

  /** Writes what waits, unless the sink fails. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#running;
    await this.#opened?.close();
  }

  #isLonger(since_ms: number | undefined, than_ms: number): boolean {
    return since_ms !== undefined && this.#options.monotonic_ms() - since_ms > than_ms;
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#waiting.length > 0 && !this.#closing) {
        this.#wake();
      }
    });
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    let failures = 0;
    while (this.#opened === undefined || this.#waiting.length > 0) {
      if (this.#waiting.length < GROUP_MAX && !this.#closing) {
        await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      }
      this.#askedAt_ms = this.#options.monotonic_ms();
      try {
        await this.#writeGroup(this.#opened ?? (await this.#open()));
        this.#succeeded();
        failures = 0;
      } catch (thrown) {
        this.#failed(CofferError.from(thrown).detail);
        failures += 1;
        // A file that was moved away is begun anew with the second try.
        if (this.#closing && failures > 1) {
          return;
        }
        const { retry_ms = RETRY_MS } = this.#options;
        await new Promise((resolve) => setTimeout(resolve, retry_ms));
      } finally {
        this.#askedAt_ms = undefined;
      }
    }
  }

  async #open(): Promise<OpenedSink> {
    const { monotonic_ms, now_ms, sink, version } = this.#options;
    const opened = await sink.open();
    this.#opened = opened;
    this.#position = opened.position;
    const detail = [`coffer ${version}`, opened.remark].filter((part) => part !== undefined).join('; ');
    this.#waiting.unshift({ event: 'start', at_ms: now_ms(), fields: { detail }, added_ms: monotonic_ms() });
    return opened;
  }

  async #writeGroup(opened: OpenedSink): Promise<void> {
    if (opened.room_bytes === 0) {
      await opened.makeRoom();
      this.#options.onRotated?.();
    }
    // Who has taken some of the lines must not be told others of their numbers.
    const group = (opened.beginning === undefined ? this.#group : undefined) ?? this.#nextGroup(opened);
    this.#group = group;
    await opened.write(group.lines);
    this.#group = undefined;
    this.#position = group.position;
    this.#missed -= group.missed;
    this.#waiting.splice(0, group.taken);
  }

  #nextGroup({ beginning, position, room_bytes }: OpenedSink): Group {
    const { node, now_ms } = this.#options;
    const chain = new Chain(this.#position ?? position);
    const lines: ChainedLine[] = [];
    let size_bytes = 0;
    const append = (event: AuditEvent, at_ms: number, fields: AuditFields): void => {
      const chained = chain.append(event, at_ms, node(), fields);
      lines.push(chained);
      size_bytes += Buffer.byteLength(chained.line) + 1;
    };
    if (beginning !== undefined) {
      append('rotate-file', now_ms(), beginning);
    }
    const missed = this.#missed;
    if (missed > 0) {
      append('missed', now_ms(), { detail: `${missed} records could not be written, and are lost` });
    }
    let taken = 0;
    for (const { at_ms, event, fields } of this.#waiting.slice(0, GROUP_MAX)) {
      if (taken > 0 && size_bytes >= room_bytes) {
        break;
      }
      append(event, at_ms, fields);
      taken += 1;
    }
    return { lines, position: chain.position, taken, missed };
  }

  #succeeded(): void {
    if (this.#fault !== undefined) {
      this.#fault = undefined;
      this.#options.logger.info('the audit log is written again', { sink: this.#options.sink.name });
    }
  }

  #failed(fault: string): void {
    this.#failures += 1;
    if (this.#fault !== fault) {
      this.#fault = fault;
      this.#options.logger.error('the audit log cannot be written', {
        sink: this.#options.sink.name,
        reason: fault,
      });
    }
  }
}

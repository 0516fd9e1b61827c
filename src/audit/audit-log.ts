// SPDX-License-Identifier: Apache-2.0
import { CofferError, currentRequest } from '../common/index.ts';
import type { ChainPosition } from './chain.ts';
import type { AuditEvent, AuditFields } from './record.ts';
import { SinkWriter, type SinkWriterOptions } from './sink-writer.ts';
import type { AuditSink } from './sink.ts';

export interface AuditLogOptions extends Omit<SinkWriterOptions, 'sink'> {
  /** None: nothing is recorded. */
  readonly sinks: readonly AuditSink[];
  /** Told of all that is recorded, also where nothing is written. It may record more by itself. */
  readonly onRecord?: (event: AuditEvent, fields: AuditFields) => void;
}

export interface SinkHealth {
  readonly name: string;
  /** How often it could not be opened or written since the start. */
  readonly failures: number;
  /** Why it does not take what is to be written. */
  readonly problem: string | undefined;
}

/** Takes notes of what is done. Whoever delivers asks first whether they can be written down. */
export interface Auditor {
  /** Never throws and never waits. Without a `request` among the fields, it is the one of `currentRequest`. */
  record(event: AuditEvent, fields?: AuditFields): void;
  /** Throws `audit.unavailable` if every sink has failed for a second, or has hung for five, or more waits for it than may. */
  requireWritable(): void;
}

export const noAudit: Auditor = { record: () => undefined, requireWritable: () => undefined };

const TEXT_LENGTH_MAX = 400;

export class AuditLog implements Auditor {
  readonly #options: AuditLogOptions;
  readonly #writers: readonly SinkWriter[];

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#writers = options.sinks.map((sink) => new SinkWriter({ ...options, sink }));
  }

  /** The names of the sinks. */
  get sinks(): readonly string[] {
    return this.#options.sinks.map(({ name }) => name);
  }

  /** What is wrong with each sink that does not take what is to be written. */
  get problems(): readonly string[] {
    return this.#writers.map(({ problem }) => problem).filter((problem) => problem !== undefined);
  }

  /** How each sink is. */
  get health(): readonly SinkHealth[] {
    return this.#writers.map(({ failures, name, problem }) => ({ name, failures, problem }));
  }

  /** Why nothing is delivered; undefined while one sink at least is written. */
  get problem(): CofferError | undefined {
    if (this.#writers.length === 0 || this.#writers.some(({ problem }) => problem === undefined)) {
      return undefined;
    }
    const sentence = `the audit log cannot be written (${this.problems.join('; ')})`;
    return new CofferError('audit.unavailable', sentence, {
      hint: 'Make room, or mend what is named; secrets are delivered again as soon as it is written.',
    });
  }

  /** Opens the sinks, and goes on trying those that cannot be had. */
  start(): void {
    this.#writers.forEach((writer) => writer.start());
  }

  record(event: AuditEvent, fields: AuditFields = {}): void {
    const request = fields.request ?? currentRequest();
    const entry = {
      event,
      fields: shortened(request === fields.request ? fields : { ...fields, request }),
      at_ms: this.#options.now_ms(),
      added_ms: this.#options.monotonic_ms(),
    };
    this.#writers.forEach((writer) => writer.add(entry));
    this.#options.onRecord?.(event, entry.fields);
  }

  requireWritable(): void {
    const { problem } = this;
    if (problem !== undefined) {
      throw problem;
    }
  }

  /** Where the chain of the files has come to, with all of it on the disk; undefined without files, or before the first line. */
  async durableHead(): Promise<ChainPosition | undefined> {
    const index = this.#options.sinks.findIndex(({ name }) => name === 'file');
    return this.#writers[index]?.sync();
  }

  /** Writes what waits. Resolves when all sinks have it, or have failed. */
  async close(): Promise<void> {
    this.record('stop');
    await Promise.all(this.#writers.map((writer) => writer.close().catch(() => undefined)));
  }
}

/** A hostile request may hold megabytes of text, which must not wait here. */
function shortened(fields: AuditFields): AuditFields {
  const isShort = Object.values(fields).every(
    (value) => typeof value !== 'string' || value.length <= TEXT_LENGTH_MAX,
  );
  return isShort
    ? fields
    : Object.fromEntries(
        Object.entries(fields).map(([key, value]: [string, unknown]) => [
          key,
          // By way of bytes: a slice would keep the whole text.
          typeof value === 'string' ? Buffer.from(value.slice(0, TEXT_LENGTH_MAX)).toString() : value,
        ]),
      );
}

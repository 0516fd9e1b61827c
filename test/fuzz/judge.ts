// SPDX-License-Identifier: Apache-2.0
// The oracle: an input is taken or refused, as its parser promises; whatever else happens is a failure.
import { type AllocationMeter, meterAllocations } from '../support/allocation-meter.ts';
import { CofferError } from '../../src/common/index.ts';
import { quotedPiece } from './canary.ts';
import { BrokenPromise, type FuzzTarget } from './target.ts';

/** Of a processor, so that a busy machine is no failure; far more than any input takes. */
const TIME_MAX_MS = 3_000;
const MEMORY_DEFAULT_BYTES = 64 * 1024;
/** What parsers may allocate of each byte of their input: copies, and text of two bytes for each. */
const MEMORY_FACTOR = 24;

export type Verdict =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly thrown: unknown }
  | Failure;

export interface Failure {
  readonly kind: 'failed';
  /** The same sentence for what is the same failure. */
  readonly what: string;
  readonly thrown: unknown;
}

export class Judge {
  readonly #target: FuzzTarget;
  readonly #meter: AllocationMeter;

  constructor(target: FuzzTarget) {
    this.#target = target;
    this.#meter = meterAllocations();
  }

  /** Gives Node its own functions back. */
  stop(): void {
    this.#meter.stop();
  }

  async judge(input: Buffer): Promise<Verdict> {
    const bytes = Buffer.from(input);
    const before = process.cpuUsage();
    let verdict: Verdict;
    const { allocated_bytes, result } = await this.#meter.measureAsync(() => this.#run(bytes));
    verdict = result;
    if (verdict.kind !== 'failed' && worked_ms(before) > TIME_MAX_MS) {
      verdict = failed(`takes longer than ${TIME_MAX_MS} ms`);
    }
    const memory_bytes = MEMORY_FACTOR * input.length + (this.#target.memory_bytes ?? MEMORY_DEFAULT_BYTES);
    return verdict.kind !== 'failed' && allocated_bytes > memory_bytes
      ? failed('allocates more than its input is worth')
      : verdict;
  }

  async #run(bytes: Buffer): Promise<Verdict> {
    try {
      await this.#target.run(bytes);
      return { kind: 'taken' };
    } catch (thrown) {
      return this.#judgeThrown(thrown);
    }
  }

  #judgeThrown(thrown: unknown): Verdict {
    if (thrown instanceof BrokenPromise) {
      return failed(thrown.message, thrown);
    }
    if (!this.#target.refuses(thrown)) {
      return failed(`throws what is no refusal of it: ${withoutNumbers(thrown)}`, thrown);
    }
    return quotedPiece(thrown, this.#target) === undefined
      ? { kind: 'refused', thrown }
      : failed(`quotes a secret: ${kindOf(thrown)}`, thrown);
  }
}

function worked_ms(before: NodeJS.CpuUsage): number {
  const { system, user } = process.cpuUsage(before);
  return (system + user) / 1_000;
}

function failed(what: string, thrown?: unknown): Failure {
  return { kind: 'failed', what, thrown };
}

/** The sentence is another one for each input. */
function kindOf(thrown: unknown): string {
  return thrown instanceof CofferError ? thrown.code : thrown instanceof Error ? thrown.name : 'no error';
}

/** Two inputs that fail in one way have one sentence. */
function withoutNumbers(thrown: unknown): string {
  const sentence = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return sentence
    .replaceAll(/[^ -~]/g, '?')
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '"..."')
    .replaceAll(/[\w/.-]*\d[\w/.-]*/g, 'N')
    .slice(0, 100);
}

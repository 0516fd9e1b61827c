// SPDX-License-Identifier: Apache-2.0
import { CofferError } from './errors.ts';

export interface TokenBucketsOptions {
  /** How many calls one key may make at once. */
  readonly burst: number;
  /** After this time it may make one more. */
  readonly refill_ms: number;
  readonly now_ms: () => number;
}

/** More keys than these are bounded together, as one. */
const KEYS_MAX = 1_000;

/** Bounds how often something may be done, for each key by itself. */
export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  readonly #buckets = new Map<string, { left: number; at_ms: number }>();

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
  }

  /** Throws `cluster.rate-limited`, with `what` in the sentence, for one call too many. */
  take(key: string, what: string): void {
    const { burst, now_ms, refill_ms } = this.#options;
    const at_ms = now_ms();
    this.#forgetFull(at_ms);
    const place = this.#buckets.has(key) || this.#buckets.size < KEYS_MAX ? key : '';
    const bucket = this.#buckets.get(place) ?? { left: burst, at_ms };
    const left = Math.min(burst, bucket.left + Math.max(0, at_ms - bucket.at_ms) / refill_ms);
    if (left < 1) {
      this.#buckets.set(place, { left, at_ms });
      throw new CofferError('cluster.rate-limited', `there are too many ${what}`, {
        hint: 'Wait a moment, then try again.',
      });
    }
    this.#buckets.set(place, { left: left - 1, at_ms });
  }

  #forgetFull(at_ms: number): void {
    const { burst, refill_ms } = this.#options;
    for (const [key, bucket] of this.#buckets) {
      if (bucket.left + (at_ms - bucket.at_ms) / refill_ms >= burst) {
        this.#buckets.delete(key);
      }
    }
  }
}

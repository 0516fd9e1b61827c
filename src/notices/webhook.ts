// SPDX-License-Identifier: Apache-2.0
// Sends notices to an address of the user's, one after the other, until it takes them.
import { createHmac, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { CofferError, type Logger } from '../common/index.ts';
import type { Notice } from './notice.ts';

export interface WebhookOptions {
  readonly url: URL;
  /** The file with what the messages are signed with; read for each try, so that it may be replaced. */
  readonly tokenFile: string;
  readonly logger: Logger;
  /** For one try. Default: 10,000. */
  readonly timeout_ms?: number;
  /** Before the second try; each later one waits twice as long, up to `RETRY_MS_MAX`. Default: 1,000. */
  readonly retry_ms?: number;
}

interface Waiting {
  /** The same at each try: whoever gets a message twice knows it by that. */
  readonly id: string;
  readonly notice: Notice;
  /** Ends it. */
  readonly signal: AbortSignal;
}

export interface WebhookCounts {
  readonly waiting: number;
  readonly delivered: number;
  /** Tries that came to nothing. */
  readonly failures: number;
  /** Notices that were given up. */
  readonly dropped: number;
}

const TIMEOUT_MS = 10_000;
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 300_000;
/** More than a day, at five minutes each. */
const TRIES_MAX = 300;
const WAITING_MAX = 1_000;
const TOKEN_BYTES_MAX = 4_096;

export class Webhook {
  readonly #options: WebhookOptions;
  readonly #waiting: Waiting[] = [];
  readonly #stop = new AbortController();
  /** Of `deliver`. */
  #inHand = 0;
  #running: Promise<void> | undefined;
  #delivered = 0;
  #failures = 0;
  #dropped = 0;
  #problem: string | undefined;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  /** Why the last try came to nothing; undefined after one that did not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get counts(): WebhookCounts {
    const waiting = this.#waiting.length + this.#inHand;
    return { waiting, delivered: this.#delivered, failures: this.#failures, dropped: this.#dropped };
  }

  /** Returns at once and never throws. When too many wait, the newest is given up. */
  send(notice: Notice): void {
    const { signal } = this.#stop;
    if (this.#waiting.length >= WAITING_MAX || signal.aborted) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push({ id: randomUUID(), notice, signal });
    this.#running ??= this.#run();
  }

  /**
   * For whoever sends again what was not taken, one after the other: what is refused here does not hold up what waits. Resolves with whether
   * it was taken, and with false as soon as `signal` ends it. Never rejects.
   */
  async deliver(notice: Notice, signal: AbortSignal): Promise<boolean> {
    const either = new AbortController();
    const ends = [this.#stop.signal, signal];
    const end = (): void => either.abort();
    // Not by `AbortSignal.any`, which stays in memory for as long as one that it is made of.
    ends.forEach((each) => each.addEventListener('abort', end, { once: true }));
    if (ends.some(({ aborted }) => aborted)) {
      end();
    }
    this.#inHand += 1;
    const wasTaken = await this.#tryAgain({ id: randomUUID(), notice, signal: either.signal });
    this.#inHand -= 1;
    ends.forEach((each) => each.removeEventListener('abort', end));
    return wasTaken;
  }

  /** What waits is given up. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    let next = this.#waiting[0];
    while (next !== undefined && !this.#stop.signal.aborted) {
      await this.#tryAgain(next);
      this.#waiting.shift();
      next = this.#waiting[0];
    }
    this.#running = undefined;
  }

  /** False: it was given up, or has ended. Never rejects. */
  async #tryAgain(waiting: Waiting): Promise<boolean> {
    const { retry_ms = RETRY_MS } = this.#options;
    const { signal } = waiting;
    for (let tries = 0; tries < TRIES_MAX && !signal.aborted; tries += 1) {
      try {
        await this.#post(waiting);
        this.#problem = undefined;
        this.#delivered += 1;
        return true;
      } catch (thrown) {
        if (!signal.aborted) {
          this.#failed(thrown);
          await waitFor(Math.min(retry_ms * 2 ** Math.min(tries, 20), RETRY_MS_MAX), signal);
        }
      }
    }
    if (signal.aborted) {
      // Whether the receiver would take anything, nobody asks any more.
      this.#problem = undefined;
    } else {
      this.#dropped += 1;
    }
    return false;
  }

  async #post({ id, notice, signal }: Waiting): Promise<void> {
    const { timeout_ms = TIMEOUT_MS, url } = this.#options;
    const { facts, ...named } = notice;
    const body = JSON.stringify({ id, ...named, ...facts });
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'coffer',
        'X-Coffer-Delivery': id,
        'X-Coffer-Event': notice.event,
        'X-Coffer-Signature': `sha256=${await this.#signatureOf(body)}`,
      },
      body,
      // Another place has not been named by anybody who may.
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeout_ms)]),
    });
    // What it says is not read.
    await answer.body?.cancel();
    if (!answer.ok) {
      throw new CofferError('notice.refused', `the receiver has answered with status ${answer.status}`);
    }
  }

  async #signatureOf(body: string): Promise<string> {
    const token = await readFile(this.#options.tokenFile);
    try {
      const end = token.at(-1) === NEWLINE ? token.length - 1 : token.length;
      if (end < 1 || end > TOKEN_BYTES_MAX) {
        throw new CofferError(
          'notice.refused',
          `the file of COFFER_WEBHOOK_TOKEN_FILE has 1 to ${TOKEN_BYTES_MAX} bytes`,
        );
      }
      return createHmac('sha256', token.subarray(0, end)).update(body).digest('hex');
    } finally {
      token.fill(0);
    }
  }

  #failed(thrown: unknown): void {
    this.#failures += 1;
    const reason = reasonOf(thrown);
    if (this.#problem !== reason) {
      this.#options.logger.warn('a notice was not taken, and is sent again', { reason });
    }
    this.#problem = reason;
  }
}

async function waitFor(duration_ms: number, signal: AbortSignal): Promise<void> {
  try {
    await pause(duration_ms, undefined, { ref: false, signal });
  } catch {
    // It ends.
  }
}

const NEWLINE = 0x0a;

/** `fetch` hides why it has failed behind "fetch failed". */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  return CofferError.from(cause).detail;
}

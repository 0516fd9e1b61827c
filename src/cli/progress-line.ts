// SPDX-License-Identifier: Apache-2.0
import type { Session } from './session.ts';
import { humanSize } from './text.ts';

const INTERVAL_MS = 200;

/** How many bytes have moved, on one line of a terminal; nothing where standard error is none. */
export class ByteProgress {
  readonly #session: Session;
  readonly #what: string;
  #bytes = 0;
  #shownAt_ms: number | undefined;

  /** `what` goes before the size: `written`. */
  constructor(session: Session, what: string) {
    this.#session = session;
    this.#what = what;
  }

  add(size_bytes: number): void {
    const { env, now_ms, stderr } = this.#session.io;
    this.#bytes += size_bytes;
    const due = this.#shownAt_ms === undefined || now_ms() - this.#shownAt_ms >= INTERVAL_MS;
    if (due && stderr.isTTY === true && env['TERM'] !== 'dumb') {
      this.#shownAt_ms = now_ms();
      stderr.write(`\r${this.#what} ${humanSize(this.#bytes)}\u001b[K`);
    }
  }

  /** Takes the line away: what came of it is said elsewhere. */
  end(): void {
    if (this.#shownAt_ms !== undefined) {
      this.#session.io.stderr.write('\r\u001b[K');
    }
  }
}

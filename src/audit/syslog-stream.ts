// SPDX-License-Identifier: Apache-2.0
// Messages to a receiver over a connection that is made anew when it has ended. Nobody acknowledges a message of syslog, so what the
// kernel had taken shortly before a connection ended is sent again on the next one: the receiver may have it twice. What had lain there
// for longer is lost with the connection, and the chain says so.
import { octetCounted } from './syslog-message.ts';
import { SyslogConnection, type SyslogConnectionOptions } from './syslog-connection.ts';

/** How long before its end a connection may have lost what it had taken. */
const RESENT_MS = 5_000;
const RESENT_BYTES_MAX = 1024 * 1024;

interface Sent {
  readonly bytes: Buffer;
  readonly at_ms: number;
}

export class SyslogStream {
  readonly #options: SyslogConnectionOptions;
  #connection: SyslogConnection | undefined;
  /** What this connection or the one before may have lost, the oldest first. */
  #sent: readonly Sent[] = [];

  constructor(options: SyslogConnectionOptions) {
    this.#options = options;
  }

  /** Resolves when the kernel has all messages. Rejects with `audit.unavailable`: then some may have arrived. */
  async send(messages: readonly Buffer[]): Promise<void> {
    const { monotonic_ms } = this.#options;
    const bytes = Buffer.concat(messages.map(octetCounted));
    this.#dropEnded();
    const again = this.#connection === undefined ? this.#sent : [];
    const connection = (this.#connection ??= await SyslogConnection.open(this.#options));
    const asked_ms = monotonic_ms();
    try {
      await connection.write(Buffer.concat([...again.map((sent) => sent.bytes), bytes]));
    } catch (thrown) {
      this.#connection = undefined;
      if (again.length === 0) {
        this.#forget(asked_ms);
      }
      throw thrown;
    }
    const at_ms = monotonic_ms();
    const before = again.length > 0 ? again.map((sent) => ({ ...sent, at_ms })) : this.#sent;
    this.#sent = [...before, { bytes, at_ms }];
    this.#forget(at_ms);
  }

  end(): void {
    this.#connection?.end();
  }

  #dropEnded(): void {
    const ended_ms = this.#connection?.endedAt_ms;
    if (ended_ms !== undefined) {
      this.#connection = undefined;
      this.#forget(ended_ms);
    }
  }

  /** What had arrived long before the connection was at its end. */
  #forget(end_ms: number): void {
    const kept: Sent[] = [];
    let size_bytes = 0;
    for (const sent of this.#sent.toReversed()) {
      size_bytes += sent.bytes.length;
      if (end_ms - sent.at_ms > RESENT_MS || size_bytes > RESENT_BYTES_MAX) {
        break;
      }
      kept.unshift(sent);
    }
    this.#sent = kept;
  }
}

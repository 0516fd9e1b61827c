// SPDX-License-Identifier: Apache-2.0
import { type ChainedLine, type ChainPosition, newChain } from './chain.ts';
import type { AuditSink, OpenedSink } from './sink.ts';
import type { SyslogAddress } from './syslog-address.ts';
import { explained } from './syslog-connection.ts';
import { sendDatagrams } from './syslog-datagrams.ts';
import { syslogMessage, type SyslogOrigin } from './syslog-message.ts';
import { SyslogStream } from './syslog-stream.ts';

export interface SyslogSinkOptions extends SyslogOrigin {
  readonly address: SyslogAddress;
  /** As of `SyslogConnectionOptions`. */
  readonly caFile: string | undefined;
  readonly connect_ms?: number;
  readonly write_ms?: number;
  readonly monotonic_ms: () => number;
}

/** Each line is a message to a syslog receiver. Each process begins a chain. */
export class SyslogSink implements AuditSink, OpenedSink {
  readonly name = 'syslog';
  readonly position: ChainPosition = newChain();
  readonly remark = undefined;
  readonly beginning = undefined;
  readonly room_bytes = Number.POSITIVE_INFINITY;
  readonly #options: SyslogSinkOptions;
  readonly #send: (messages: readonly Buffer[]) => Promise<void>;
  readonly #end: () => void;
  #isClosed = false;

  constructor(options: SyslogSinkOptions) {
    const { address } = options;
    this.#options = options;
    if (address.transport === 'udp') {
      this.#send = (messages) => sendDatagrams(address, messages);
      this.#end = () => undefined;
    } else {
      const stream = new SyslogStream({ ...options, address });
      this.#send = (messages) => stream.send(messages);
      this.#end = () => stream.end();
    }
  }

  /** The connection is made for the first line, and again for the next one after it has ended. */
  open(): Promise<OpenedSink> {
    return Promise.resolve(this);
  }

  makeRoom(): Promise<void> {
    return Promise.resolve();
  }

  async write(lines: readonly ChainedLine[]): Promise<void> {
    if (this.#isClosed) {
      throw explained(this.#options.address, new Error('it was closed'));
    }
    await this.#send(lines.map((line) => syslogMessage(line, this.#options)));
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#end();
    return Promise.resolve();
  }
}

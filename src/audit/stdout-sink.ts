// SPDX-License-Identifier: Apache-2.0
import type { Writable } from 'node:stream';
import { type ChainedLine, newChain, textOf } from './chain.ts';
import type { AuditSink, OpenedSink } from './sink.ts';

/** Lines on a stream: of a managed plugin they land in the engine's log, of a service in the journal. Each process begins a chain. */
export class StreamSink implements AuditSink {
  readonly name = 'stdout';
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  open(): Promise<OpenedSink> {
    return Promise.resolve({
      position: newChain(),
      remark: undefined,
      beginning: undefined,
      room_bytes: Number.POSITIVE_INFINITY,
      makeRoom: () => Promise.resolve(),
      write: (lines) => this.#write(lines),
      sync: () => Promise.resolve(),
      close: () => Promise.resolve(),
    });
  }

  #write(lines: readonly ChainedLine[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(textOf(lines), (error) => (error ? reject(error) : resolve()));
    });
  }
}

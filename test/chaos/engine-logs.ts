// SPDX-License-Identifier: Apache-2.0
// The logs of the engines, which are those of their plugins too, read as they grow: nothing of a value may stand in them, and
// they tell how fresh the answers of GetSecret were.
import { closeSync, openSync, readSync } from 'node:fs';
import type { Leak } from '../support/leak-scanner.ts';
import type { Canaries } from './canaries.ts';

const CHUNK_BYTES = 1024 * 1024;
/** Far more than a value has in its longest form, so that one across the bound of two reads is seen. */
const OVERLAP_BYTES = 512;

export interface LogFile {
  readonly name: string;
  readonly file: string;
}

export class EngineLogs {
  readonly #files: readonly LogFile[];
  readonly #canaries: Canaries;
  readonly #read_bytes = new Map<string, number>();
  readonly #ends = new Map<string, Buffer>();
  #deliveries: string[] = [];

  constructor(files: readonly LogFile[], canaries: Canaries) {
    this.#files = files;
    this.#canaries = canaries;
  }

  /** Reads what is new, and returns the values in it. */
  read(): readonly Leak[] {
    return this.#files.flatMap(({ name, file }) => {
      const leaks: Leak[] = [];
      const descriptor = openSync(file, 'r');
      try {
        for (
          let chunk = this.#next(file, descriptor);
          chunk.length > 0;
          chunk = this.#next(file, descriptor)
        ) {
          leaks.push(...this.#look(name, file, chunk));
        }
      } finally {
        closeSync(descriptor);
      }
      return leaks;
    });
  }

  /** The lines on deliveries since the last call, as the daemons wrote them: an engine writes them down as text in quotes. */
  takeDeliveries(): readonly string[] {
    const taken = this.#deliveries;
    this.#deliveries = [];
    return taken;
  }

  #next(file: string, descriptor: number): Buffer {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    const position = this.#read_bytes.get(file) ?? 0;
    const read = readSync(descriptor, buffer, 0, CHUNK_BYTES, position);
    this.#read_bytes.set(file, position + read);
    return buffer.subarray(0, read);
  }

  #look(name: string, file: string, chunk: Buffer): readonly Leak[] {
    const before = this.#ends.get(file) ?? Buffer.alloc(0);
    const lineEnd = chunk.lastIndexOf('\n');
    const whole = Buffer.concat([before, chunk]);
    // The last line may be half: it is looked at again with what follows, and so is enough of the bytes before it.
    this.#ends.set(file, Buffer.from(lineEnd < 0 ? whole : chunk.subarray(lineEnd + 1)));
    const lines = lineEnd < 0 ? '' : whole.subarray(0, before.length + lineEnd).toString('utf8');
    this.#deliveries.push(
      ...lines
        .split('\n')
        .filter((line) => line.includes('freshness'))
        .map((line) => line.replaceAll('\\"', '"')),
    );
    return this.#canaries.find(
      whole.subarray(Math.max(0, before.length - OVERLAP_BYTES)),
      `the log of ${name}`,
    );
  }
}

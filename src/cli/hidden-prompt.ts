// SPDX-License-Identifier: Apache-2.0
// Asking for a value at the terminal without showing it.
import { VALUE_BYTES_MAX } from '../secrets/index.ts';
import { requestError, usageError } from './command-error.ts';
import type { Input, Output } from './io.ts';

const ENTER = new Set([0x0a, 0x0d]);
const BACKSPACE = new Set([0x08, 0x7f]);
const INTERRUPT = 0x03;
const END_OF_INPUT = 0x04;
const ERASE_LINE = 0x15;

/** The next question after so many lines, the last of which is given to look at; undefined: there is none. */
export type NextQuestion = (answered: number, last: Buffer) => string | undefined;

/**
 * Asks each question in turn and returns the lines, which the caller wipes. The terminal does not echo
 * meanwhile, and is put back however it ends. Rejects on Ctrl-C, Ctrl-D and a line that no value could be.
 */
export async function promptHidden(
  input: Input,
  output: Output,
  questions: readonly string[] | NextQuestion,
): Promise<readonly Buffer[]> {
  const next: NextQuestion = typeof questions === 'function' ? questions : (answered) => questions[answered];
  const lines: HiddenLine[] = [];
  input.setRawMode?.(true);
  try {
    for await (const line of readLines(input, output, next)) {
      lines.push(line);
    }
    return lines.map((line) => line.take());
  } finally {
    for (const line of lines) {
      line.wipe();
    }
    input.setRawMode?.(false);
    input.pause();
  }
}

async function* readLines(input: Input, output: Output, next: NextQuestion): AsyncGenerator<HiddenLine> {
  let answered = 0;
  let line = new HiddenLine();
  output.write(next(0, line.view()) ?? '');
  // Not destroyed on the way out: the stream is the process's own standard input.
  for await (const chunk of input.iterator({ destroyOnReturn: false })) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    for (const byte of bytes) {
      if (!ENTER.has(byte)) {
        line.accept(byte, output);
        continue;
      }
      output.write('\n');
      answered += 1;
      const question = next(answered, line.view());
      yield line;
      line = new HiddenLine();
      if (question === undefined) {
        bytes.fill(0);
        return;
      }
      output.write(question);
    }
    bytes.fill(0);
  }
  throw usageError('the input ended before the value was complete');
}

/** A line as it is typed, edited as a terminal would. */
class HiddenLine {
  readonly #bytes = Buffer.alloc(VALUE_BYTES_MAX);
  #length = 0;

  accept(byte: number, output: Output): void {
    if (byte === INTERRUPT || (byte === END_OF_INPUT && this.#length === 0)) {
      output.write('\n');
      throw requestError('interrupted; nothing was stored');
    }
    if (byte === ERASE_LINE) {
      this.#length = 0;
    } else if (BACKSPACE.has(byte)) {
      this.#eraseCharacter();
    } else if (this.#length === this.#bytes.length) {
      output.write('\n');
      throw usageError(`a value has 1 to ${VALUE_BYTES_MAX} bytes; this one is longer`);
    } else {
      this.#bytes[this.#length] = byte;
      this.#length += 1;
    }
  }

  /** What was typed, without a copy. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  take(): Buffer {
    return Buffer.from(this.view());
  }

  wipe(): void {
    this.#bytes.fill(0);
  }

  #eraseCharacter(): void {
    // A character may have up to four bytes; all but its first begin with the bits 10.
    do {
      this.#length = Math.max(0, this.#length - 1);
    } while (this.#length > 0 && ((this.#bytes[this.#length] ?? 0) & 0xc0) === 0x80);
  }
}

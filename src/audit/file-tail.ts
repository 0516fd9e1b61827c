// SPDX-License-Identifier: Apache-2.0
// What a log that was written before ends with, and what of that was torn by a crash.
import type { FileHandle } from 'node:fs/promises';
import { type ChainPosition, hashLine } from './chain.ts';
import { decodeRecord, LINE_BYTES_MAX } from './record.ts';

/** Some lines. */
const TAIL_BYTES = 64 * LINE_BYTES_MAX;
const NEWLINE = 0x0a;

export interface FileTail {
  /** Of the last whole line; undefined for a file without any record at its end. */
  readonly position: ChainPosition | undefined;
  /** How far whole lines go. What stands behind it was being written. */
  readonly whole_bytes: number;
  readonly size_bytes: number;
}

export async function readTail(handle: FileHandle): Promise<FileTail> {
  const { size } = await handle.stat();
  const start = Math.max(0, size - TAIL_BYTES);
  const bytes = await readRange(handle, start, size - start);
  const end = bytes.lastIndexOf(NEWLINE) + 1;
  const lines = bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
  return { position: lastPosition(lines), whole_bytes: start + end, size_bytes: size };
}

/** The number of the first record; undefined if there is none. */
export async function readFirstSeq(handle: FileHandle): Promise<number | undefined> {
  const bytes = await readRange(handle, 0, LINE_BYTES_MAX);
  const [line = ''] = bytes.toString('utf8').split('\n', 1);
  return decodeRecord(line)?.seq;
}

/** Lines that are no records any more count as such: the chain goes on behind them, and whoever verifies it finds them. */
function lastPosition(lines: readonly string[]): ChainPosition | undefined {
  const last = lines.at(-1);
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    const record = decodeRecord(lines[index] ?? '');
    if (record !== undefined && last !== undefined) {
      const seq = record.seq + (lines.length - 1 - index);
      return { chain: record.chain, seq, hash: hashLine(last) };
    }
  }
  return undefined;
}

async function readRange(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) {
      break;
    }
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

// SPDX-License-Identifier: Apache-2.0
// The image of the task that reads: this program's own Node with the libraries that it loads, and nothing else. So none has to
// come from a registry, and what runs is what runs here already.
import { execFile } from 'node:child_process';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { type ArchivedFile, tarOf } from './tar.ts';

const NODE_PATH = '/node';
/** Whoever reads may have ended: the task ends by itself. */
const LIFE_MS = 120_000;
const TRACE_TIMEOUT_MS = 10_000;

export const WAITING: readonly string[] = [
  NODE_PATH,
  '-e',
  `process.on('SIGTERM', () => process.exit()); setTimeout(() => process.exit(), ${LIFE_MS})`,
];

const READ = `const { readFileSync, writeSync } = require('node:fs');
const put = (bytes) => { for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at); };
for (let file = 0; file < Number(process.argv[1]); file += 1) {
  const value = readFileSync('/run/secrets/' + file);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  put(length);
  put(value);
}`;

/** Writes each of the files `0` to `count - 1` behind its length, in four bytes. */
export function readingCommand(count: number): readonly string[] {
  return [NODE_PATH, '-e', READ, String(count)];
}

/** The root file system of the image, as a tar archive. */
export async function readerImage(): Promise<Readable> {
  // The loader of the GNU C library says what it would load, and runs nothing.
  const { stdout } = await promisify(execFile)(process.execPath, ['--version'], {
    env: { LD_TRACE_LOADED_OBJECTS: '1' },
    timeout: TRACE_TIMEOUT_MS,
  });
  const node: ArchivedFile = { source: process.execPath, name: NODE_PATH.slice(1) };
  return Readable.from(tarOf([node, ...librariesIn(stdout)]), { objectMode: false });
}

/** Pure: the files that the loader names, where it looks for them. */
export function librariesIn(trace: string): readonly ArchivedFile[] {
  return [...trace.matchAll(/(\/\S+) \(0x[0-9a-f]+\)/g)].map(([, file = '']) => ({
    source: file,
    name: file.slice(1),
  }));
}

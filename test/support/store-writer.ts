// SPDX-License-Identifier: Apache-2.0
// A program that stores secrets until it is killed, and says on its standard output what was acknowledged.
//
//   node store-writer.cjs STATE_DIRECTORY ROUND CONCURRENCY [rotating]     rotating: the data key, all the time
import { writeSync } from 'node:fs';
import type { ReplicatedStore } from '../../src/store/index.ts';
import { openTestStore, putValue, removeSecret } from './test-store.ts';
import { valueOf } from './written-values.ts';

const ALIVE_MS = 60_000;

/** Synchronously: what the parent has not read when the process dies is in the pipe. */
function say(words: string): void {
  writeSync(1, `${words}\n`);
}

async function write(store: ReplicatedStore, round: string, writer: number): Promise<never> {
  for (let number = 0; ; number += 1) {
    const name = `r${round}-w${writer}-${number}`;
    say(`try ${name}`);
    await putValue(store, name, valueOf(name));
    say(`put ${name}`);
    if (number % 5 === 4) {
      const old = `r${round}-w${writer}-${number - 2}`;
      say(`forget ${old}`);
      await removeSecret(store, old);
      say(`removed ${old}`);
    }
  }
}

async function rotate(store: ReplicatedStore): Promise<never> {
  for (;;) {
    await store.dataKey.rotate();
    say('rotated');
  }
}

async function main([
  stateDirectory = '',
  round = '',
  concurrency = '',
  more = '',
]: readonly string[]): Promise<void> {
  // It ends when it is killed. A store that has lost its leadership to a slow disk waits for time alone, which keeps no process.
  setInterval(() => undefined, ALIVE_MS);
  const store = await openTestStore(stateDirectory, { logLimits: { entriesMax: 200, bytesMax: 256 * 1024 } });
  const writers = Array.from({ length: Number(concurrency) }, (_, writer) => write(store, round, writer));
  await Promise.all([...writers, ...(more === 'rotating' ? [rotate(store)] : [])]);
}

void main(process.argv.slice(2));

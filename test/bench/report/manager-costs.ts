// SPDX-License-Identifier: Apache-2.0
// What one manager costs who uses it: each as one number.
import { readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { ManagerProcess } from '../../support/manager-process.ts';
import { getSecret, put, secretName } from '../keys-calls.ts';
import { timeCalls } from '../measure.ts';

const FILL_WIDTH = 64;
const CALLS = 200;
const COMMAND_MS_MAX = 600_000;

/** Stores secrets of the numbers from `from` to `to - 1`, of this size each. */
export async function fill(manager: ManagerProcess, from: number, to: number, value: Buffer): Promise<void> {
  await timeCalls(manager.controlSocket, to - from, FILL_WIDTH, 201, (index) =>
    put(secretName(from + index), value),
  );
}

/** Milliseconds that half of the writes take at most, one at a time, each of a new version of a secret that is there. */
export async function put_ms(manager: ManagerProcess, secrets: number, value: Buffer): Promise<number> {
  const { p50_ms } = await timeCalls(manager.controlSocket, CALLS, 1, 200, (index) =>
    put(secretName(spread(index, secrets)), value),
  );
  return p50_ms;
}

/** Milliseconds that half of the answers take at most, one at a time, for tasks that have asked before. */
export async function getSecret_ms(manager: ManagerProcess, secrets: number): Promise<number> {
  const ask = () =>
    timeCalls(manager.pluginSocket, CALLS, 1, 200, (index) => getSecret(spread(index, secrets)));
  await ask();
  return (await ask()).p50_ms;
}

/** Milliseconds of a command, from the start of its process to its end. */
export async function command_ms(manager: ManagerProcess, words: readonly string[]): Promise<number> {
  const began_ms = performance.now();
  await manager.cli(words, { timeout_ms: COMMAND_MS_MAX });
  return performance.now() - began_ms;
}

/** Milliseconds of a backup of all into a file, which goes again. */
export async function backup_ms(manager: ManagerProcess, directory: string, key: string): Promise<number> {
  const file = path.join(directory, 'backup');
  const time_ms = await command_ms(manager, ['backup', '--recipient', key, file]);
  rmSync(file);
  return time_ms;
}

/** A new key for backups: its public half. */
export async function backupKey(manager: ManagerProcess, directory: string): Promise<string> {
  const { stdout } = await manager.cli(['backup-key', path.join(directory, 'backup-key')]);
  return stdout.trim();
}

/** Milliseconds from the start of the daemon, which is ended first, until it serves. */
export async function start_ms(manager: ManagerProcess): Promise<number> {
  await manager.stop();
  const began_ms = performance.now();
  await manager.start();
  await manager.serving();
  return performance.now() - began_ms;
}

/** Bytes of all files that the manager has on its disk. */
export function diskOf(manager: ManagerProcess): number {
  const { stateDirectory } = manager;
  return readdirSync(stateDirectory, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => sizeOf(path.join(parentPath, name)))
    .reduce((sum, size_bytes) => sum + size_bytes, 0);
}

/** A table that LevelDB has just merged into another is gone. */
function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** The index-th of some secrets that lie evenly among all. */
function spread(index: number, secrets: number): number {
  return Math.floor((index * secrets) / CALLS) % secrets;
}

// SPDX-License-Identifier: Apache-2.0
// What was measured on: the machine and the versions.
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem, type as systemName } from 'node:os';
import path from 'node:path';
import { tryCommand } from '../../support/command.ts';
import { findEtcd, versionOf } from '../raft-etcd.ts';
import type { Fact } from './markdown.ts';
import { inDigits } from './markdown.ts';
import { type Spread, spreadOf } from './spread.ts';

const SYNCS = 200;
const SYNC_BYTES = 4096;
const GIB = 1024 ** 3;
const TMPFS_MAGIC = 0x01021994;

/** The facts that the report begins with. `directory` is on the disk that is measured. */
export async function machineFacts(directory: string): Promise<readonly Fact[]> {
  const [cpu] = cpus();
  const etcd = await findEtcd();
  const temporary =
    statfsSync(tmpdir()).type === TMPFS_MAGIC ? ' (where clusters lie is memory: no sync there)' : '';
  return [
    { what: 'processor', value: `${cpus().length} x ${cpu?.model.trim() ?? 'unknown'}` },
    { what: 'memory', value: `${inDigits(totalmem() / GIB)} GiB` },
    { what: 'system', value: `${systemName()} ${release()}, ${distribution()}` },
    { what: 'a sync of 4 KiB to the disk', value: `${syncInWords(syncTimes_ms(directory))}${temporary}` },
    { what: 'Node', value: process.version },
    { what: 'coffer', value: await cofferVersion() },
    { what: 'etcd', value: etcd === undefined ? 'none' : versionOf(etcd) },
    { what: 'Docker Engine', value: await firstLine(['dockerd', '--version']) },
  ];
}

/** How long a write takes until the disk says that it is there, in milliseconds: what no durable write can be faster than. */
function syncTimes_ms(directory: string): readonly number[] {
  const file = path.join(directory, 'sync');
  const handle = openSync(file, 'w');
  const block = Buffer.alloc(SYNC_BYTES, 'x');
  try {
    return Array.from({ length: SYNCS }, () => {
      const began_ms = performance.now();
      writeSync(handle, block);
      fdatasyncSync(handle);
      return performance.now() - began_ms;
    });
  } finally {
    closeSync(handle);
    rmSync(file);
  }
}

function syncInWords(times_ms: readonly number[]): string {
  const { median, min, max }: Spread = spreadOf(times_ms);
  return `${inDigits(median)} ms (${inDigits(min)}–${inDigits(max)}, ${times_ms.length} times)`;
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** The commit, and whether there is more than that. */
async function cofferVersion(): Promise<string> {
  const commit = await firstLine(['git', 'log', '-1', '--format=%h of %cs']);
  const changes = await firstLine([
    'git',
    '--no-optional-locks',
    'status',
    '--porcelain',
    '--untracked-files=no',
  ]);
  return changes === '' || changes === 'none' ? commit : `${commit}, with changes`;
}

async function firstLine(command: readonly [string, ...string[]]): Promise<string> {
  try {
    const { code, stdout } = await tryCommand(command);
    return code === 0 ? (stdout.split('\n')[0] ?? '') : 'none';
  } catch {
    return 'none';
  }
}

// SPDX-License-Identifier: Apache-2.0
// A program of a Debian package of which nothing else is wanted: downloaded and unpacked, not installed, and nothing is started.
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { tryCommand } from './command.ts';
import { projectRoot } from './project.ts';

export interface DebianProgram {
  readonly name: string;
  readonly package: string;
}

const DOWNLOAD_MS = 120_000;

/** The program of the system; or that of the package, which is kept in build/cache. Undefined if neither is to be had. */
export async function findDebianProgram(wanted: DebianProgram): Promise<string | undefined> {
  const { name } = wanted;
  const installed = (process.env['PATH'] ?? '').split(':').map((place) => path.join(place, name));
  const cache = path.join(projectRoot(), 'build', 'cache', name);
  const unpacked = path.join(cache, 'usr', 'bin', name);
  const found = [...installed, unpacked].find((file) => existsSync(file));
  return found ?? ((await download(wanted, cache)) && existsSync(unpacked) ? unpacked : undefined);
}

async function download(wanted: DebianProgram, directory: string): Promise<boolean> {
  mkdirSync(directory, { recursive: true });
  try {
    const options = { cwd: directory, timeout_ms: DOWNLOAD_MS };
    const got = await tryCommand(['apt-get', 'download', wanted.package], options);
    const archive = readdirSync(directory).find((file) => file.endsWith('.deb'));
    if (got.code !== 0 || archive === undefined) {
      return false;
    }
    const unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -x "./usr/bin/$2"';
    return (await tryCommand(['sh', '-c', unpack, 'sh', archive, wanted.name], options)).code === 0;
  } catch {
    // There is no apt-get here, or no network.
    return false;
  }
}

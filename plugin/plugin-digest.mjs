// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';

/**
 * The SHA-256 in hexadecimal of `plugin`, its config.json and its rootfs/, as one archive: the files in the order of their
 * names, with their modes, owned by root, all of the one time `time_s` (in seconds since 1970). Anybody can do it again
 * with GNU tar (docs/supply-chain.md).
 */
export async function pluginDigest(plugin, time_s) {
  const words = [
    '--sort=name',
    '--format=ustar',
    '--hard-dereference',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    `--mtime=@${time_s}`,
    '-c',
    'config.json',
    'rootfs',
  ];
  const archiver = spawn('tar', words, { cwd: plugin, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(archiver, 'close');
  const hash = createHash('sha256');
  await pipeline(archiver.stdout, hash);
  const [code] = await ended;
  if (code !== 0) {
    throw new Error(`tar ended with code ${code}`);
  }
  return hash.digest('hex');
}

// SPDX-License-Identifier: Apache-2.0
// A directory in which a test mounts, and that is given back without a mount.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { readMountPoints } from '../../src/distribution/agent/mount-points.ts';
import { atProcessEnd, temporaryDirectory } from './cleanup.ts';

/** Why this process cannot mount; undefined when it can. */
export function whyNoMounts(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'only root can mount';
}

export interface MountDirectory {
  readonly path: string;
  /** What is mounted in it, as paths from it on. */
  mounted(): readonly string[];
  /** Unmounts what is left. */
  remove(): void;
}

export function mountDirectory(): MountDirectory {
  const directory = temporaryDirectory();
  const below = `${directory.path}${path.sep}`;
  const mounted = (): readonly string[] =>
    readMountPoints()
      .filter((point) => point.path.startsWith(below))
      .map((point) => point.path);
  const unmountAll = (): void => {
    for (const target of mounted().toReversed()) {
      spawnSync('umount', ['-l', target]);
    }
  };
  const forget = atProcessEnd(unmountAll);
  return {
    path: directory.path,
    mounted: () => mounted().map((target) => target.slice(below.length)),
    remove() {
      unmountAll();
      forget();
      directory.remove();
    },
  };
}

// SPDX-License-Identifier: Apache-2.0
// The `docker` programs of this machine. Tests run the real ones: what they send differs by version.
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';

export interface DockerCli {
  readonly path: string;
  readonly version: string;
}

let known: readonly DockerCli[] | undefined;

/** Every `docker` on this machine, the one that a person would get first. There is at least one. */
export function dockerClis(): readonly DockerCli[] {
  known ??= findDockerClis();
  return known;
}

function findDockerClis(): readonly DockerCli[] {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/local/bin', '/usr/bin'];
  const candidates = directories
    .map((directory) => path.join(directory, 'docker'))
    .filter((file) => existsSync(file));
  const files = [...new Set(candidates.map((file) => realpathSync(file)))];
  const clis = files.map((file) => {
    const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' });
    return { path: file, version: /version ([\d.]+)/.exec(stdout)?.[1] ?? 'unknown' };
  });
  if (clis.length === 0) {
    throw new Error('there is no docker program on this machine');
  }
  return clis;
}

/** The first `docker` of this machine. */
export function defaultDockerCli(): DockerCli {
  const [first] = dockerClis();
  if (first === undefined) {
    throw new Error('there is no docker program on this machine');
  }
  return first;
}

// SPDX-License-Identifier: Apache-2.0
// etcd from Debian's packages: what a user would keep such data in otherwise. One node, as safe as it comes: each group of
// entries is synced before it is acknowledged.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { atProcessEnd, killProcess } from '../support/cleanup.ts';
import { findDebianProgram } from '../support/debian-program.ts';
import { freePort } from '../support/free-port.ts';
import { waitFor } from '../support/wait-for.ts';
import type { HttpConnection } from './raft-http.ts';

export interface Etcd {
  readonly port: number;
  readonly version: string;
  stop(): Promise<void>;
}

/** Starts etcd on an empty directory; resolves to why not if it cannot be had. */
export async function startEtcd(directory: string): Promise<Etcd | string> {
  const program = await findEtcd();
  if (program === undefined) {
    return 'there is no etcd here, and `apt-get download etcd-server` brings none';
  }
  const [port, peerPort] = [await freePort(), await freePort()];
  const client = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const options = {
    'data-dir': directory,
    logger: 'zap',
    'log-level': 'error',
    'log-outputs': path.join(path.dirname(directory), 'etcd.log'),
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    // More than the benchmark writes, or etcd would stop taking anything half-way.
    'quota-backend-bytes': String(8 * 1024 ** 3),
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(program, args, { stdio: 'ignore' });
  const forget = atProcessEnd(() => killProcess(child.pid));
  await waitFor(async () => (await fetch(`${client}/health`)).ok, { what: 'etcd to serve' });
  return {
    port,
    version: versionOf(program),
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      forget();
    },
  };
}

/** Stores one value under a key of its own. */
export async function etcdPut(connection: HttpConnection, key: string, value: Buffer): Promise<void> {
  const body = `{"key":"${Buffer.from(key).toString('base64')}","value":"${value.toString('base64')}"}`;
  await connection.post('/v3/kv/put', body);
}

/** That of the system, or of Debian's package. */
export function findEtcd(): Promise<string | undefined> {
  return findDebianProgram({ name: 'etcd', package: 'etcd-server' });
}

/** Its version, as it says itself. */
export function versionOf(program: string): string {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return /^etcd Version: (\S+)/m.exec(stdout)?.[1] ?? 'of unknown version';
}

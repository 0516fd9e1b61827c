// SPDX-License-Identifier: Apache-2.0
// A Docker registry on an engine's host box, for `docker plugin push` and `install`: on its loopback interface, or on its network
// for engines that are told to trust it.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Engine } from './engine.ts';
import { waitFor } from './wait-for.ts';

/** The box has its own network, so that the port is free. */
const PORT = 5000;

export interface Registry {
  /** The host part of the names of what it holds: `127.0.0.1:5000`, or the host's own address. */
  readonly address: string;
}

/** Starts a registry that ends with the host of its engine; `onNetwork` for the other engines of its network too. */
export async function startRegistry(
  { box, host }: Pick<Engine, 'box' | 'host'>,
  { onNetwork = false } = {},
): Promise<Registry> {
  const address = `${onNetwork ? (host?.address ?? '') : '127.0.0.1'}:${PORT}`;
  const directory = path.join(box.directory, 'registry');
  mkdirSync(directory);
  const config = path.join(directory, 'config.json');
  writeFileSync(
    config,
    // YAML reads JSON.
    JSON.stringify({
      version: '0.1',
      log: { level: 'info', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: path.join(directory, 'data') } },
      http: { addr: address },
    }),
  );
  const [program, ...args] = box.inside(['docker-registry', 'serve', config]);
  const logFile = path.join(directory, 'log');
  const log = openSync(logFile, 'a');
  const server = spawn(program, args, {
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'] ?? '', OTEL_TRACES_EXPORTER: 'none' },
  });
  closeSync(log);
  await waitFor(
    () => {
      const text = readFileSync(logFile, 'utf8');
      if (server.exitCode !== null) {
        throw new Error(`the registry ended:\n${text.slice(-2_000)}`);
      }
      return text.includes(`listening on ${address}`);
    },
    { what: 'the registry to listen' },
  );
  return { address };
}

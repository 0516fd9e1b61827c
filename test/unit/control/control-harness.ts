// SPDX-License-Identifier: Apache-2.0
// A control server on a socket in a directory of its own, and raw ways to speak to it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { silentLogger } from '../../../src/common/index.ts';
import {
  type ControlOptions,
  type ControlServer,
  createControlServer,
  type DaemonStatus,
} from '../../../src/control/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';

export const STATUS: DaemonStatus = {
  version: '0.1.0',
  state: 'serving',
  uptime_ms: 61_000,
  mode: 'process',
  driverName: 'coffer',
  sockets: {
    plugin: '/run/docker/plugins/coffer.sock',
    gateway: '/run/coffer/docker.sock',
    control: '/run/coffer/control.sock',
  },
  stateDirectory: '/var/lib/coffer',
};

export interface Harness {
  readonly store: MemoryStore;
  readonly server: ControlServer;
  readonly directory: string;
  readonly socketPath: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly json: unknown;
}

/** A control server that is not listening yet, with what it stands before played. */
export function controlServer(store: MemoryStore, overrides: Partial<ControlOptions> = {}): ControlServer {
  return createControlServer({
    store: () => store,
    status: () => STATUS,
    users: async () => ({ services: [], engineSecrets: [] }),
    ledger: async () => ({ entries: [], gaps: [] }),
    refusals: () => [],
    doctor: () => [],
    version: STATUS.version,
    logger: silentLogger,
    ...overrides,
  });
}

/** Runs `work` with a control server, and leaves nothing behind, whatever happens. */
export async function withControl(
  overrides: Partial<ControlOptions>,
  work: (harness: Harness) => Promise<void>,
): Promise<void> {
  // Short, since a socket's path has 107 bytes at most, and a managed plugin's directory has 64 of them.
  const directory = mkdtempSync('/tmp/c-');
  const store = new MemoryStore();
  const server = controlServer(store, overrides);
  const socketPath = path.join(directory, 'control.sock');
  try {
    await server.listen(socketPath);
    await work({ store, server, directory, socketPath });
  } finally {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** One request on a connection of its own. */
export function send(
  { socketPath }: Pick<Harness, 'socketPath'>,
  method: string,
  target: string,
  body?: Uint8Array,
  headers: OutgoingHttpHeaders = { 'content-length': body?.length ?? 0 },
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, method, path: target, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: text === '' ? undefined : JSON.parse(text),
        });
      });
    });
    request.once('error', reject);
    request.end(body);
  });
}

/** Writes bytes that need not be HTTP, and resolves with all that comes back until the server ends. */
export function sendRaw(
  { socketPath }: Pick<Harness, 'socketPath'>,
  ...writes: readonly string[]
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.once('close', () => resolve(text));
    socket.once('error', reject);
    for (const write of writes) {
      socket.write(write);
    }
  });
}

/** What an error reply says, but for the id of its request, which is another one each time. */
export function refusalOf({ json }: Pick<Reply, 'json'>): unknown {
  const { request, ...said } = json as Readonly<Record<string, unknown>>;
  assert.equal(typeof request, 'string');
  return said;
}

/** The `code` of an error reply. */
export function codeOf({ json }: Pick<Reply, 'json'>): unknown {
  return (json as { code?: unknown }).code;
}

// SPDX-License-Identifier: Apache-2.0
// The plugin's server on a socket of its own, and what the engine sends to it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { listenOnUnixSocket, type LogFields, type Logger, SecretValue } from '../../../src/common/index.ts';
import type { SwarmNode } from '../../../src/membership/index.ts';
import {
  createPluginServer,
  Refusals,
  SecretProvider,
  type VolumeDriver,
  type VolumeDriverOptions,
} from '../../../src/plugin/index.ts';
import type { PluginServerOptions } from '../../../src/plugin/plugin-server.ts';
import { newSecretId } from '../../../src/secrets/index.ts';
import type { StoreSource } from '../../../src/store/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { RecordingAudit } from '../../support/recording-audit.ts';
import { requestOverSocket, type SocketReply } from '../../support/socket-request.ts';

export interface PluginHarness {
  readonly store: MemoryStore;
  readonly provider: SecretProvider;
  readonly refusals: Refusals;
  readonly audit: RecordingAudit;
  readonly socket: string;
  /** What the swarm says of its nodes, by their ids. */
  readonly swarmNodes: Map<string, SwarmNode>;
  /** Every line that was logged, as one text. */
  readonly logged: () => string;
  /** Puts a new version of a secret. */
  readonly put: (name: string, value: string | Uint8Array) => Promise<void>;
  /** One GetSecret call as an engine makes it. */
  readonly getSecret: (request: Readonly<Record<string, unknown>>) => Promise<Answer>;
}

interface PlayedPlugin extends PluginServerOptions {
  readonly audit: RecordingAudit;
  readonly swarmNodes: Map<string, SwarmNode>;
}

export interface Answer {
  readonly Value?: string;
  readonly Err?: string;
  readonly DoNotReuse?: boolean;
}

/** What a plugin server needs, played. */
export function pluginOptions(source: StoreSource, logger: Logger): PlayedPlugin {
  const refusals = new Refusals();
  const audit = new RecordingAudit();
  const swarmNodes = new Map<string, SwarmNode>();
  const swarmNode = (id: string): SwarmNode | undefined => swarmNodes.get(id);
  const now_ms = (): number => 1;
  const provider = new SecretProvider({ source, swarmNode, audit, logger, now_ms });
  return { provider, volumes: undefined, refusals, audit, swarmNodes, logger, now_ms };
}

/** Runs `work` with a plugin server over a store in memory, and leaves nothing behind. */
export async function withPlugin(
  work: (harness: PluginHarness) => Promise<void>,
  sourceOf: (store: MemoryStore) => StoreSource = (store) => () => store,
  driverOf?: (options: Pick<VolumeDriverOptions, 'refusals' | 'audit' | 'logger' | 'now_ms'>) => VolumeDriver,
): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'coffer-plugin-'));
  const store = new MemoryStore();
  const lines: string[] = [];
  const write = (sentence: string, fields?: LogFields): void => {
    lines.push(JSON.stringify({ sentence, ...fields }));
  };
  const logger: Logger = { debug: write, info: write, warn: write, error: write };
  const options = pluginOptions(sourceOf(store), logger);
  const { audit, now_ms, provider, refusals, swarmNodes } = options;
  const volumes = driverOf?.({ refusals, audit, logger, now_ms });
  const server = createPluginServer({ ...options, volumes });
  const socket = path.join(directory, 'coffer.sock');
  await listenOnUnixSocket(server, socket);
  try {
    await work({
      store,
      provider,
      refusals,
      audit,
      socket,
      swarmNodes,
      logged: () => lines.join('\n'),
      put: (name, value) => putVersion(store, name, value),
      getSecret: async (request) => {
        const reply = await post(socket, `${JSON.stringify(request)}\n`);
        return reply.json() as Answer;
      },
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true, force: true });
  }
}

async function putVersion(store: MemoryStore, name: string, value: string | Uint8Array): Promise<void> {
  await store.propose({
    kind: 'put',
    id: newSecretId(),
    name,
    labels: undefined,
    origin: 'control',
    expect: 'always',
    value: SecretValue.copyOf(Buffer.from(value)),
    at_ms: 1,
  });
}

/** A call with a body as it is, in the manner of moby's plugin client. */
export function post(
  socket: string,
  body: string | Uint8Array,
  path = '/SecretProvider.GetSecret',
): Promise<SocketReply> {
  return requestOverSocket(socket, {
    path,
    method: 'POST',
    headers: { Host: '', Accept: 'application/vnd.docker.plugins.v1.2+json' },
    body,
  });
}

export function textOf(answer: Answer): string {
  return Buffer.from(answer.Value ?? '', 'base64').toString('utf8');
}

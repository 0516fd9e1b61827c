// SPDX-License-Identifier: Apache-2.0
// coffer's store on one node, from the proposal through the Raft core and LevelDB to the applied state.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { SecretValue, silentLogger } from '../../src/common/index.ts';
import type { Keyring } from '../../src/crypto/index.ts';
import { type Command, newSecretId } from '../../src/secrets/index.ts';
import { DiskCheckpointFile, LevelDatabase, type LogLimits, readKeyFile } from '../../src/storage/index.ts';
import { systemClock } from '../../src/store/replica/clock.ts';
import { DiskSpace } from '../../src/store/replica/disk-space.ts';
import { openReplica } from '../../src/store/replica/open-replica.ts';
import type { Replica } from '../../src/store/replica/replica.ts';
import { DEFAULT_SETTINGS } from '../../src/store/replica/replica-settings.ts';
import { paced } from '../../src/store/snapshot/paced.ts';
import { exportState } from '../../src/store/snapshot/snapshot-export.ts';
import { noPeers } from '../../src/store/replica/transport.ts';
import { openTestStore } from '../support/test-store.ts';
import { timeFor, type Timing } from './measure.ts';
import type { Handlers } from './raft-child.ts';

/** What is stored, and by how many at once. Names begin with `prefix`, so that each is new. */
export interface LoadRequest {
  readonly duration_ms: number;
  readonly width: number;
  readonly value_bytes: number;
  readonly prefix: string;
}

export interface Usage {
  readonly secrets: number;
  readonly resident_bytes: number;
  readonly heap_bytes: number;
}

interface OpenStore {
  readonly database: LevelDatabase;
  readonly keyring: Keyring;
  readonly replica: Replica;
}

const FILL_WIDTH = 1_024;

/** The role of a process that holds a store. */
export function storeRole() {
  let store: OpenStore | undefined;
  let server: Server | undefined;
  const opened = (): OpenStore => {
    if (store === undefined) {
      throw new Error('nothing is open');
    }
    return store;
  };
  return {
    open: async (options: { readonly directory: string; readonly logLimits?: LogLimits }): Promise<void> => {
      store = await openParts(options.directory, options.logLimits ?? DEFAULT_SETTINGS.logLimits);
    },
    /** Opens the store as the daemon does: how long until it serves, and until all metadata are in memory and verified. */
    restart: async ({
      directory,
    }: {
      readonly directory: string;
    }): Promise<{ readonly serving_ms: number; readonly loaded_ms: number }> => {
      const began_ms = performance.now();
      const whole = await openTestStore(directory);
      await whole.readBarrier(1_000);
      const serving_ms = performance.now() - began_ms;
      await whole.loaded();
      return { serving_ms, loaded_ms: performance.now() - began_ms };
    },
    measure: ({ duration_ms, width, value_bytes, prefix }: LoadRequest): Promise<Timing> => {
      const { replica } = opened();
      return timeFor(duration_ms, width, (index) => replica.propose(put(`${prefix}-${index}`, value_bytes)));
    },
    /** As `measure`, while the state is exported over and over; says how often and how much that was. */
    measureExporting: async (
      load: LoadRequest,
    ): Promise<{ readonly timing: Timing; readonly exported_bytes: number; readonly exports: number }> => {
      const { replica } = opened();
      const exporting = exportUntil(opened(), performance.now() + load.duration_ms);
      const timing = await timeFor(load.duration_ms, load.width, (index) =>
        replica.propose(put(`${load.prefix}-${index}`, load.value_bytes)),
      );
      return { timing, ...(await exporting) };
    },
    fill: async (wanted: { readonly secrets: number; readonly value_bytes: number }): Promise<void> => {
      const { replica } = opened();
      let next = replica.state.index.size;
      const worker = async (): Promise<void> => {
        while (next < wanted.secrets) {
          next += 1;
          await replica.propose(put(`fill-${next}`, wanted.value_bytes));
        }
      };
      await Promise.all(Array.from({ length: FILL_WIDTH }, worker));
    },
    serve: async (): Promise<number> => {
      server = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const name = request.url?.slice(1) ?? '';
          opened()
            .replica.propose(putBytes(name, Buffer.concat(chunks)))
            .then(({ index }) => response.end(`{"index":${index}}`))
            .catch((thrown: unknown) => response.writeHead(500).end(String(thrown)));
        });
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      return address !== null && typeof address === 'object' ? address.port : 0;
    },
    usage: async (): Promise<Usage> => {
      const { rss, heapUsed } = process.memoryUsage();
      const secrets = store?.replica.state.index.size ?? 0;
      return { secrets, resident_bytes: rss, heap_bytes: heapUsed };
    },
    close: async (): Promise<void> => {
      server?.closeAllConnections();
      server?.close();
      await opened().replica.close();
      await opened().database.close();
    },
  } satisfies Handlers;
}

/** Opens a store with its parts at hand, which the daemon's own way of opening keeps to itself. */
async function openParts(directory: string, logLimits: LogLimits): Promise<OpenStore> {
  // Makes what is not there yet.
  await (await openTestStore(directory)).close();
  const keyFile = await readKeyFile(path.join(directory, 'keys.json'));
  if (keyFile === undefined) {
    throw new Error(`${directory} has no keys`);
  }
  const { keyring } = keyFile;
  const { file, checkpoint } = await DiskCheckpointFile.open(path.join(directory, 'checkpoint'), keyring);
  const database = await LevelDatabase.open(path.join(directory, 'database'));
  const replica = await openReplica({
    keyring,
    database,
    checkpointFile: file,
    checkpoint,
    clock: systemClock,
    transport: noPeers,
    random: (limit) => randomInt(limit),
    diskSpace: new DiskSpace({ directory, now_ms: () => performance.now() }),
    settings: { ...DEFAULT_SETTINGS, logLimits },
    logger: silentLogger,
    onFault: (error) => {
      throw error;
    },
  });
  replica.start();
  while ((await replica.readBarrier(1_000)) !== 'linearizable') {
    // It leads in a moment.
  }
  await replica.state.load.ended;
  return { database, keyring, replica };
}

async function exportUntil(
  { database, keyring }: OpenStore,
  deadline_ms: number,
): Promise<{ readonly exported_bytes: number; readonly exports: number }> {
  let exported_bytes = 0;
  let exports = 0;
  while (performance.now() < deadline_ms) {
    const view = database.snapshot();
    try {
      for await (const chunk of paced(exportState(view, keyring).chunks, systemClock)) {
        exported_bytes += chunk.length;
        // The peer takes a chunk after the other, and its answer comes through the event loop.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      await view.close();
    }
    exports += 1;
  }
  return { exported_bytes, exports };
}

function put(name: string, value_bytes: number): Command {
  return putBytes(name, Buffer.alloc(value_bytes, 'x'));
}

function putBytes(name: string, value: Buffer): Command {
  return {
    kind: 'put',
    id: newSecretId(),
    name,
    labels: undefined,
    origin: 'control',
    expect: 'always',
    value: SecretValue.copyOf(value),
    at_ms: 1_700_000_000_000,
  };
}

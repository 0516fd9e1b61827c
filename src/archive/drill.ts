// SPDX-License-Identifier: Apache-2.0
// Whether a backup can be restored, found out by restoring it: into a sandbox, from which all of it is read again.
import { createHash, type Hash, timingSafeEqual } from 'node:crypto';
import {
  type BackedUpSecret,
  type BackupOrigin,
  type BackupRecord,
  encodeBackedUp,
} from '../backup/index.ts';
import { CofferError, type Logger } from '../common/index.ts';
import type { SealingKeyObject } from '../membership/index.ts';
import type { Secret } from '../secrets/index.ts';
import { paced, type ReplicatedStore, systemClock } from '../store/index.ts';
import { restoreBackup } from './restore.ts';
import { removeLeftSandbox, type SandboxPlaces, withSandbox } from './sandbox.ts';

/** How many secrets are named in each way in which they can differ. */
const NAMES_MAX = 5;

/** `POST /v1/drill`. */
export interface DrillSummary {
  /** Whether all of it is there again, as it stands in the file. */
  readonly passed: boolean;
  /** Why not: one sentence each. */
  readonly problems: readonly string[];
  /** What was restored, and found to be the same. */
  readonly secrets: number;
  readonly versions: number;
  readonly values_bytes: number;
  readonly duration_ms: number;
  /** Whether the sandbox was in memory, and on no disk. */
  readonly inMemory: boolean;
  /** Of what the backup says that it is; absent if it could not be read so far. */
  readonly createdAt_ms?: number | undefined;
  readonly clusterId?: string | undefined;
  readonly appliedIndex?: number | undefined;
}

export interface DrillsOptions {
  /** The real store's, which a drill does not touch. */
  readonly stateDirectory: string;
  readonly monotonic_ms: () => number;
  readonly logger: Logger;
  /** Default: those that Linux has. */
  readonly places?: SandboxPlaces | undefined;
}

export interface DrillWish {
  /** Of the file. */
  readonly size_bytes: number;
  readonly signal: AbortSignal;
}

/** The drills of a daemon: one at a time. */
export class Drills {
  readonly #options: DrillsOptions;
  #running: Promise<DrillSummary> | undefined;

  constructor(options: DrillsOptions) {
    this.#options = options;
  }

  /** Throws `backup.drill` while one is under way. */
  check(): void {
    if (this.#running !== undefined) {
      throw new CofferError('backup.drill', 'a drill is under way already', { hint: 'Wait for its end.' });
    }
  }

  /** Removes what a process has left that was killed in the middle of one. Never rejects. */
  async clean(): Promise<void> {
    const { logger, stateDirectory } = this.#options;
    await removeLeftSandbox(stateDirectory).catch((thrown: unknown) => {
      logger.warn('what a drill has left was not removed', { reason: CofferError.from(thrown).message });
    });
  }

  /** Resolves when none is under way. Never rejects. */
  async ended(): Promise<void> {
    await this.#running?.catch(() => undefined);
  }

  /** Rejects with `backup.drill`, or what ended it from outside; whatever else is wrong is what it finds. */
  async run(records: AsyncIterable<BackupRecord>, wish: DrillWish): Promise<DrillSummary> {
    this.check();
    this.#running = this.#run(records, wish).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(records: AsyncIterable<BackupRecord>, { signal, size_bytes }: DrillWish): Promise<DrillSummary> {
    const { monotonic_ms } = this.#options;
    const began_ms = monotonic_ms();
    const told = new Told();
    let found: Found = { problems: [], secrets: 0, versions: 0, values_bytes: 0 };
    let inMemory = false;
    try {
      found = await withSandbox({ ...this.#options, size_bytes }, async (sandbox) => {
        ({ inMemory } = sandbox);
        await restoreBackup(sandbox.store, told.listen(paced(records, systemClock), signal), {
          existing: 'refuse',
          check: false,
        });
        const reopened = await sandbox.reopen();
        await reopened.loaded();
        return compare(reopened, told, signal);
      });
    } catch (thrown) {
      signal.throwIfAborted();
      const error = CofferError.from(thrown);
      if (error.code === 'backup.drill') {
        // There is no sandbox: it says nothing about the backup.
        throw error;
      }
      found = { ...found, problems: [problemOf(error)] };
    }
    return {
      ...found,
      passed: found.problems.length === 0,
      duration_ms: Math.round(monotonic_ms() - began_ms),
      inMemory,
      createdAt_ms: told.origin?.createdAt_ms,
      clusterId: told.origin?.clusterId,
      appliedIndex: told.origin?.appliedIndex,
    };
  }
}

/** A store that fails for another reason than its content does not speak against the backup, and not for it either. */
function problemOf({ code, detail }: CofferError): string {
  return code.startsWith('store.') && code !== 'store.damaged'
    ? `the sandbox could not take it, which says nothing about the backup itself: ${detail}`
    : detail;
}

type Found = Pick<DrillSummary, 'problems' | 'secrets' | 'versions' | 'values_bytes'>;

interface Digest {
  readonly name: string;
  readonly digest: Buffer;
}

/** What the file says of each secret, as a digest over all of it. */
class Told {
  readonly digests = new Map<string, Digest>();
  origin: BackupOrigin | undefined;
  readonly sealingKeys: SealingKeyObject[] = [];
  #current: { readonly secret: BackedUpSecret; readonly hash: Hash } | undefined;

  async *listen(records: AsyncIterable<BackupRecord>, signal: AbortSignal): AsyncGenerator<BackupRecord> {
    for await (const record of records) {
      signal.throwIfAborted();
      if (record.kind === 'value') {
        addValue(this.#current?.hash, record.number, record.bytes);
      } else {
        this.#finish();
      }
      if (record.kind === 'begin') {
        this.origin = record.origin;
      } else if (record.kind === 'secret') {
        this.#current = { secret: record.secret, hash: hashOf(record.secret) };
      } else if (record.kind === 'sealing-key') {
        this.sealingKeys.push(record.key);
      }
      yield record;
    }
  }

  #finish(): void {
    if (this.#current !== undefined) {
      const { hash, secret } = this.#current;
      this.digests.set(secret.id, { name: secret.name, digest: hash.digest() });
      this.#current = undefined;
    }
  }
}

/** Reads all that the store has, and holds it against what it was told. */
async function compare(
  store: ReplicatedStore,
  { digests, sealingKeys }: Told,
  signal: AbortSignal,
): Promise<Found> {
  const different: string[] = [];
  const seen = new Set<string>();
  let [versions, values_bytes] = [0, 0];
  for await (const secret of paced(inTurns(store.list()), systemClock)) {
    signal.throwIfAborted();
    seen.add(secret.id);
    const digest = digestIn(store, secret);
    if (digest === undefined || digests.get(secret.id)?.digest.equals(digest) !== true) {
      different.push(secret.name);
    }
    versions += secret.versions.length;
    values_bytes += secret.versions.reduce((sum, { size }) => sum + size, 0);
  }
  const missing = [...digests].filter(([id]) => !seen.has(id)).map(([, { name }]) => name);
  const keys = sealingKeys.filter((key) => !isThere(store.cluster.sealingKey(key.id), key));
  const problems = [
    ...listed(
      keys.map(({ id }) => `sealing key ${id}`),
      'not the same after the restore',
    ),
    ...listed(missing, 'not there after the restore'),
    ...listed(different, 'not the same after the restore'),
  ];
  return { problems, secrets: seen.size, versions, values_bytes };
}

function isThere(restored: SealingKeyObject | undefined, key: SealingKeyObject): boolean {
  return (
    restored !== undefined &&
    restored.active === key.active &&
    restored.secretKey.length === key.secretKey.length &&
    timingSafeEqual(restored.secretKey, key.secretKey)
  );
}

/** undefined if a value of it does not open. */
function digestIn(store: ReplicatedStore, secret: Secret): Buffer | undefined {
  const hash = hashOf(secret);
  for (const { number } of secret.versions) {
    try {
      const value = store.readValue(secret.id, number);
      addValue(hash, number, value.expose());
      value.wipe();
    } catch (thrown) {
      if (CofferError.from(thrown).code === 'store.damaged') {
        return undefined;
      }
      throw thrown;
    }
  }
  return hash.digest();
}

function hashOf(secret: BackedUpSecret | Secret): Hash {
  return createHash('sha256').update(encodeBackedUp(secret));
}

function addValue(hash: Hash | undefined, number: number, bytes: Buffer): void {
  hash?.update(`\0${number}\0${bytes.length}\0`).update(bytes);
}

function listed(names: readonly string[], what: string): readonly string[] {
  if (names.length === 0) {
    return [];
  }
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : '';
  return [`${names.slice(0, NAMES_MAX).join(', ')}${more}: ${what}`];
}

async function* inTurns<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

// SPDX-License-Identifier: Apache-2.0
// Backups in memory: made of secrets that the test invents, and read back.
import {
  type BackedUpSecret,
  type BackupRecord,
  ExactReader,
  newHeader,
  openBackup,
  openHeader,
  type Opening,
  readHeader,
  type ScryptCost,
  sealBackup,
  type Sealing,
  type SecretRecord,
} from '../../../src/backup/index.ts';
import { CofferError } from '../../../src/common/index.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';

export const PASSPHRASE = Buffer.from('correct horse battery staple');
/** A passphrase that costs next to nothing. */
export const CHEAP: ScryptCost = { log2N: 4, r: 8, p: 1 };

export const ORIGIN = {
  clusterId: 'c'.repeat(25),
  appliedIndex: 4_711,
  createdAt_ms: 1_700_000_000_000,
  version: '1.2.3',
} as const;

export interface Kept {
  readonly secret: BackedUpSecret;
  readonly values: readonly Buffer[];
}

/** Secrets with 1 to 4 versions of 1 to `valueBytesMax` bytes. */
export function inventSecrets(random: SeededRandom, count: number, valueBytesMax: number): readonly Kept[] {
  return Array.from({ length: count }, (_, place) => {
    const values = Array.from({ length: 1 + random.below(4) }, () =>
      random.bytes(1 + random.below(valueBytesMax)),
    );
    const first = 1 + random.below(20);
    const secret: BackedUpSecret = {
      id: `id-${place}`,
      name: `secret-${place}`,
      labels: place % 2 === 0 ? {} : { env: 'prod', place: String(place) },
      origin: random.pick(['control', 'gateway', 'generated']),
      createdAt_ms: random.below(1_000_000),
      updatedAt_ms: 1_000_000 + random.below(1_000_000),
      versions: values.map(({ length }, number) => ({
        number: first + number,
        createdAt_ms: number,
        size: length,
      })),
      destroyed:
        first < 3 ? [] : [{ number: first - 2, createdAt_ms: place, size: 1, destroyedAt_ms: place + 1 }],
    };
    return { secret, values };
  });
}

export async function* recordsOf(kept: readonly Kept[]): AsyncGenerator<SecretRecord> {
  for (const { secret, values } of kept) {
    yield { kind: 'secret', secret: { ...secret, pending: false, engine: undefined, modifiedIndex: 1 } };
    for (const value of values) {
      yield { kind: 'value', bytes: Buffer.from(value) };
    }
  }
}

/** A whole file. */
export async function makeBackup(
  kept: readonly Kept[],
  sealing: Sealing = { passphrase: PASSPHRASE, recipients: [], cost: CHEAP },
): Promise<Buffer> {
  const { bytes, payloadKey } = await newHeader(sealing);
  const chunks: Buffer[] = [];
  for await (const chunk of sealBackup(payloadKey, ORIGIN, recordsOf(kept)).chunks) {
    chunks.push(chunk);
  }
  return Buffer.concat([bytes, ...chunks]);
}

export async function* inPieces(file: Buffer, size_bytes: number = file.length): AsyncGenerator<Buffer> {
  for (let at = 0; at < file.length; at += size_bytes) {
    yield file.subarray(at, at + size_bytes);
  }
}

export interface Read {
  readonly kept: readonly Kept[];
  readonly first: BackupRecord | undefined;
  readonly last: BackupRecord | undefined;
}

/** Reads a file to its end. */
export async function readBack(
  source: AsyncIterable<Uint8Array>,
  opening: Opening = { passphrase: PASSPHRASE },
): Promise<Read> {
  const reader = new ExactReader(source);
  const payloadKey = await openHeader(await readHeader(reader), opening);
  const kept: { readonly secret: BackedUpSecret; readonly values: Buffer[] }[] = [];
  let first: BackupRecord | undefined;
  let last: BackupRecord | undefined;
  for await (const record of openBackup(payloadKey, reader)) {
    first ??= record;
    last = record;
    if (record.kind === 'secret') {
      kept.push({ secret: record.secret, values: [] });
    } else if (record.kind === 'value') {
      kept.at(-1)?.values.push(Buffer.from(record.bytes));
    }
  }
  return { kept, first, last };
}

/** What a file is refused with; throws if it is not. */
export async function refusalOf(file: Buffer, opening?: Opening): Promise<CofferError> {
  try {
    await readBack(inPieces(file), opening);
  } catch (thrown) {
    if (thrown instanceof CofferError) {
      return thrown;
    }
    throw thrown;
  }
  throw new Error('the backup was read as if it were whole');
}

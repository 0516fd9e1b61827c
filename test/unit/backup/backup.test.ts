// SPDX-License-Identifier: Apache-2.0
// A backup as a file: what it gives back, and everything that it refuses.
import assert from 'node:assert/strict';
import { hkdfSync, scryptSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { newHeader, sealBackup } from '../../../src/backup/index.ts';
import { LABELS_BYTES_MAX, VALUE_BYTES_MAX, VERSIONS_KEPT } from '../../../src/secrets/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import {
  CHEAP,
  inPieces,
  inventSecrets,
  type Kept,
  makeBackup,
  ORIGIN,
  PASSPHRASE,
  readBack,
  recordsOf,
  refusalOf,
} from './backup-harness.ts';

const MAGIC = 'coffer-backup/1\n';
/** One passphrase slot: magic, length, count, slot, digest. */
const HEADER_BYTES = MAGIC.length + 4 + 1 + (1 + 3 + 32 + 72) + 32;
const FULL_CHUNK_BYTES = 4 + 64 * 1024 + 16;

/** The file's chunks, each with its length before it. */
function chunksOf(file: Buffer): { readonly header: Buffer; readonly chunks: readonly Buffer[] } {
  const chunks: Buffer[] = [];
  for (let at = HEADER_BYTES; at < file.length; ) {
    const size_bytes = 4 + (file.readUInt32BE(at) & 0x7fff_ffff);
    chunks.push(file.subarray(at, at + size_bytes));
    at += size_bytes;
  }
  return { header: file.subarray(0, HEADER_BYTES), chunks };
}

describe('a backup', () => {
  test('gives back all that was put in, however its bytes come', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    for (const [count, valueBytesMax] of [
      [0, 1],
      [1, 1],
      [7, 300],
      [40, 9_000],
      [3, VALUE_BYTES_MAX],
    ] as const) {
      const kept = inventSecrets(random, count, valueBytesMax);
      const file = await makeBackup(kept);
      for (const size_bytes of [file.length, 65_536, 1 + random.below(5_000)]) {
        const { kept: read, first, last } = await readBack(inPieces(file, size_bytes));
        assert.deepEqual(read, kept);
        assert.deepEqual(first, { kind: 'begin', origin: ORIGIN });
        assert.deepEqual(last, {
          kind: 'end',
          summary: {
            appliedIndex: ORIGIN.appliedIndex,
            secrets: count,
            versions: kept.flatMap(({ values }) => values).length,
            values_bytes: kept.flatMap(({ values }) => values).reduce((sum, { length }) => sum + length, 0),
          },
        });
      }
    }
  });

  test('gives back the largest secret that there can be', async () => {
    const labels = Object.fromEntries(
      Array.from({ length: LABELS_BYTES_MAX / 8 }, (_, place) => [String(place).padStart(8, '0'), '']),
    );
    const size = VALUE_BYTES_MAX;
    const values = Array.from({ length: VERSIONS_KEPT }, (_, number) => Buffer.alloc(size, number + 1));
    const versions = values.map((_, number) => ({ number: number + 1, createdAt_ms: number, size }));
    const [invented] = inventSecrets(new SeededRandom(), 1, 1);
    assert.ok(invented);
    const kept = [{ secret: { ...invented.secret, labels, versions, destroyed: [] }, values }];
    assert.deepEqual((await readBack(inPieces(await makeBackup(kept)))).kept, kept);
  });

  test('ends exactly with a chunk as well as a byte before and after', async () => {
    const [invented] = inventSecrets(new SeededRandom(), 1, 1);
    assert.ok(invented);
    const lengths = new Set<number>();
    for (let less = 120; less < 300; less += 1) {
      const size = 65_536 - less;
      const kept: readonly Kept[] = [
        {
          secret: { ...invented.secret, versions: [{ number: 1, createdAt_ms: 1, size }], destroyed: [] },
          values: [Buffer.alloc(size, 7)],
        },
      ];
      const file = await makeBackup(kept);
      lengths.add(chunksOf(file).chunks.length);
      if (
        file.length >= HEADER_BYTES + FULL_CHUNK_BYTES - 2 &&
        file.length < HEADER_BYTES + FULL_CHUNK_BYTES + 40
      ) {
        assert.deepEqual((await readBack(inPieces(file))).kept, kept, `${less}`);
      }
    }
    assert.deepEqual(
      [...lengths].sort((a, b) => a - b),
      [1, 2],
      'both sides of the border were tried',
    );
  });

  test('is another file each time, and shows nothing of what is in it', async () => {
    const kept = inventSecrets(new SeededRandom(), 3, 100);
    const [one, other] = [await makeBackup(kept), await makeBackup(kept)];
    assert.ok(!one.subarray(HEADER_BYTES).equals(other.subarray(HEADER_BYTES)));
    for (const { secret, values } of kept) {
      assert.ok(!one.includes(secret.name) && !one.includes(secret.id));
      assert.ok(values.every((value) => value.length < 4 || !one.includes(value)));
    }
  });

  test('can be opened by the description of its format alone, with other libraries', async () => {
    const kept = inventSecrets(new SeededRandom(), 30, 8_000);
    const file = await makeBackup(kept);
    const slot = file.subarray(MAGIC.length + 4 + 1 + 1);
    const [log2N = 0, r = 0, p = 0] = slot;
    const key = scryptSync(PASSPHRASE, slot.subarray(3, 35), 32, { N: 2 ** log2N, r, p });
    const fileKey = xsalsa20poly1305(key, slot.subarray(35, 59)).decrypt(slot.subarray(59, 107));
    const { header, chunks } = chunksOf(file);
    const derive = (from: Uint8Array, salt: Uint8Array, purpose: string, size: number): Buffer =>
      Buffer.from(hkdfSync('sha256', from, salt, purpose, size));
    const payloadKey = derive(fileKey, header.subarray(-32), 'coffer-backup/1 payload key', 32);
    const prefix = derive(payloadKey, Buffer.alloc(0), 'coffer-backup/1 nonce prefix', 15);
    const content = Buffer.concat(
      chunks.map((chunk, number) => {
        const tail = Buffer.alloc(9);
        tail.writeBigUInt64BE(BigInt(number));
        tail[8] = number === chunks.length - 1 ? 1 : 0;
        return xsalsa20poly1305(payloadKey, Buffer.concat([prefix, tail])).decrypt(chunk.subarray(4));
      }),
    );
    for (const { values } of kept) {
      assert.ok(values.every((value) => content.includes(value)));
    }
  });

  test('is written no further than it is read, so that its size needs no memory', async () => {
    const size = 200_000;
    const kept = inventSecrets(new SeededRandom(), 40, 1).map(({ secret }) => ({
      secret: { ...secret, versions: [{ number: 1, createdAt_ms: 1, size }], destroyed: [] },
      values: [Buffer.alloc(size, 1)],
    }));
    const { bytes, payloadKey } = await newHeader({ passphrase: PASSPHRASE, recipients: [], cost: CHEAP });
    let taken_bytes = 0;
    async function* records(): ReturnType<typeof recordsOf> {
      for await (const record of recordsOf(kept)) {
        taken_bytes += record.kind === 'value' ? record.bytes.length : 0;
        yield record;
      }
    }
    async function* file(): AsyncGenerator<Buffer> {
      yield bytes;
      let given_bytes = 0;
      for await (const chunk of sealBackup(payloadKey, ORIGIN, records()).chunks) {
        given_bytes += chunk.length;
        assert.ok(taken_bytes <= given_bytes + size, 'a record at most is ahead');
        yield chunk;
      }
    }
    assert.equal((await readBack(file())).kept.length, 40);
  });
});

describe('a backup is refused', () => {
  test('with any of its bytes altered', async () => {
    const file = await makeBackup(inventSecrets(new SeededRandom(), 3, 40));
    for (let at = 0; at < file.length; at += 1) {
      const altered = Buffer.from(file);
      altered[at] = (altered[at] ?? 0) ^ (1 << (at % 8));
      const { code } = await refusalOf(altered);
      assert.ok(
        code === 'backup.damaged' || (at < MAGIC.length && code === 'backup.format'),
        `byte ${at}: ${code}`,
      );
    }
  });

  test('cut anywhere, and says that it was', async () => {
    const file = await makeBackup(inventSecrets(new SeededRandom(), 3, 40));
    for (let size = 0; size < file.length; size += 1) {
      const { code, detail } = await refusalOf(file.subarray(0, size));
      if (size < MAGIC.length) {
        assert.equal(code, 'backup.format', `${size} bytes`);
      } else {
        assert.deepEqual(
          [code, /was cut off after byte \d+/.test(detail)],
          ['backup.damaged', true],
          `${size}: ${detail}`,
        );
      }
    }
  });

  test('cut between two chunks, though each of them is whole', async () => {
    const file = await makeBackup(inventSecrets(new SeededRandom(), 40, 9_000));
    const { header, chunks } = chunksOf(file);
    assert.ok(chunks.length > 3);
    const { detail } = await refusalOf(Buffer.concat([header, ...chunks.slice(0, -1)]));
    assert.match(detail, /was cut off .* its last chunk is missing/);
  });

  test('with bytes after its end, be they any or its own', async () => {
    const file = await makeBackup(inventSecrets(new SeededRandom(), 2, 100));
    const { chunks } = chunksOf(file);
    for (const more of [Buffer.of(0), Buffer.from('\n'), ...chunks, file]) {
      const { code, detail } = await refusalOf(Buffer.concat([file, more]));
      assert.deepEqual([code, /goes on after its end/.test(detail)], ['backup.damaged', true], detail);
    }
  });

  test('with chunks in another order, twice, left out, or from another backup', async () => {
    const kept = inventSecrets(new SeededRandom(), 60, 9_000);
    const file = await makeBackup(kept);
    const { header, chunks } = chunksOf(file);
    const [first, second, third] = chunks;
    assert.ok(first && second && third && chunks.length > 4);
    const rest = chunks.slice(3);
    const other = chunksOf(await makeBackup(kept)).chunks[1];
    assert.ok(other);
    for (const [how, order, sentence] of [
      ['two changed places', [second, first, third, ...rest], /chunk 0 belongs.*chunk 1 comes too early/],
      ['one comes twice', [first, first, second, third, ...rest], /chunk 1 belongs.*chunk 0 comes again/],
      ['one is left out', [first, third, ...rest], /chunk 1 belongs.*chunk 2 comes too early/],
      ['one is from another backup', [first, other, third, ...rest], /was altered in chunk 1/],
    ] as const) {
      const { code, detail } = await refusalOf(Buffer.concat([header, ...order]));
      assert.equal(code, 'backup.damaged', how);
      assert.match(detail, sentence, how);
    }
  });

  test('under the header of another backup of the same passphrase', async () => {
    const kept = inventSecrets(new SeededRandom(), 2, 100);
    const [one, other] = [await makeBackup(kept), await makeBackup(kept)];
    const { code } = await refusalOf(
      Buffer.concat([one.subarray(0, HEADER_BYTES), ...chunksOf(other).chunks]),
    );
    assert.equal(code, 'backup.damaged');
  });

  test('that is no backup, or of a version to come', async () => {
    const none = await refusalOf(Buffer.from('-----BEGIN PGP MESSAGE-----\n'));
    assert.deepEqual([none.code, /does not begin as one/.test(none.detail)], ['backup.format', true]);
    assert.equal((await refusalOf(Buffer.alloc(0))).code, 'backup.format');
    const file = await makeBackup([]);
    const later = await refusalOf(
      Buffer.concat([Buffer.from('coffer-backup/2\n'), file.subarray(MAGIC.length)]),
    );
    assert.match(later.detail, /format 2, which this version of coffer cannot read/);
  });

  test('whatever its bytes are, with an error of its own kind', async (t) => {
    const file = await makeBackup(inventSecrets(new SeededRandom(), 2, 50));
    const random = new SeededRandom();
    t.diagnostic(random.description);
    for (let round = 0; round < 300; round += 1) {
      const altered = Buffer.from(file);
      for (let edit = 0; edit <= random.below(6); edit += 1) {
        altered[random.below(altered.length)] = random.below(256);
      }
      if (!altered.equals(file)) {
        const { code } = await refusalOf(altered.subarray(0, 1 + random.below(2 * altered.length)));
        assert.match(code, /^backup\.(format|damaged|key)$/);
      }
    }
  });
});

// SPDX-License-Identifier: Apache-2.0
// What is refused of a content though each of its chunks is authentic: a writer that is broken, or means harm.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { type BackedUpSecret, ExactReader, openBackup } from '../../../src/backup/index.ts';
import { encodeBackedUp, encodeOrigin, recordHead, type RecordKind } from '../../../src/backup/records.ts';
import { sealChunks } from '../../../src/backup/seal-chunks.ts';
import { encodeSealingKey } from '../../../src/backup/sealing-keys.ts';
import { encodeEnd } from '../../../src/backup/write-backup.ts';
import { CofferError } from '../../../src/common/index.ts';
import { aSealingKey } from '../../support/cluster-objects.ts';
import { inPieces, ORIGIN } from './backup-harness.ts';

const KEY = Buffer.alloc(32, 3);
type Part = readonly [kind: RecordKind, body: Buffer];

const begin: Part = ['begin', encodeOrigin(ORIGIN)];

function secret(more: Partial<BackedUpSecret> = {}): Part {
  const versions = [{ number: 1, createdAt_ms: 1, size: 5 }];
  const plain = {
    id: 'i',
    name: 'n',
    labels: {},
    origin: 'control',
    createdAt_ms: 1,
    updatedAt_ms: 1,
    destroyed: [],
  } as const;
  return ['secret', encodeBackedUp({ ...plain, versions, ...more })];
}

const sealingKey: Part = ['sealing-key', encodeSealingKey(aSealingKey('one'))];
const value: Part = ['value', Buffer.from('value')];

/** The end that belongs to these records, with counts that can be wrong. */
function endOf(parts: readonly Part[], secrets: number, versions: number, values_bytes: number): Part {
  const hash = createHash('sha256');
  for (const [kind, body] of parts) {
    hash.update(recordHead(kind, body.length)).update(body);
  }
  return ['end', encodeEnd(secrets, versions, values_bytes, hash.digest())];
}

async function read(content: Buffer): Promise<number> {
  const payload: Buffer[] = [];
  for await (const chunk of sealChunks(KEY, inPieces(content))) {
    payload.push(chunk);
  }
  let records = 0;
  for await (const _record of openBackup(KEY, new ExactReader(inPieces(Buffer.concat(payload))))) {
    records += 1;
  }
  return records;
}

const bytesOf = (parts: readonly Part[]): Buffer =>
  Buffer.concat(parts.flatMap(([kind, body]) => [recordHead(kind, body.length), body]));

describe('a content whose chunks are all authentic', () => {
  const sound = [begin, secret(), value] as const;

  test('is read if it is sound', async () => {
    assert.equal(await read(bytesOf([...sound, endOf(sound, 1, 1, 5)])), 4);
    assert.equal(await read(bytesOf([begin, endOf([begin], 0, 0, 0)])), 2);
    const keys = [begin, sealingKey, sealingKey] as const;
    assert.equal(await read(bytesOf([...keys, endOf(keys, 0, 0, 0)])), 4);
  });

  for (const [how, parts, sentence] of [
    [
      'does not begin with its origin',
      [secret(), value, endOf([secret(), value], 1, 1, 5)],
      /does not begin/,
    ],
    ['begins twice', [begin, ...sound, endOf([begin, ...sound], 1, 1, 5)], /says it twice/],
    ['lacks a value', [begin, secret(), endOf([begin, secret()], 1, 0, 0)], /lacks a value/],
    ['lacks a value before another secret', [begin, secret(), secret()], /lacks a value/],
    ['has a value too many', [...sound, value], /not the next one/],
    ['has a value of another size', [begin, secret(), ['value', Buffer.from('valu')]], /not the next one/],
    ['has a value of no secret', [begin, value], /not the next one/],
    ['counts wrongly', [...sound, endOf(sound, 2, 1, 5)], /its digest differs/],
    ['has the digest of others', [...sound, endOf([begin], 1, 1, 5)], /its digest differs/],
    ['goes on after its end', [begin, endOf([begin], 0, 0, 0), begin], /after its last one/],
    ['holds a sealing key behind a secret', [...sound, sealingKey], /where secrets stand/],
    [
      'holds a sealing key that is cut short',
      [begin, ['sealing-key', sealingKey[1].subarray(0, -1)]],
      /the record of a sealing key ends too early/,
    ],
    ['has no end', sound, /does not end with its last record/],
    [
      'holds a name that none can be',
      [begin, secret({ name: '-' })],
      /holds what cannot be restored: the name is invalid/,
    ],
    ['holds a secret without versions', [begin, secret({ versions: [] })], /versions that cannot be/],
    [
      'holds versions out of order',
      [begin, secret({ versions: [2, 1].map((number) => ({ number, createdAt_ms: 1, size: 5 })) })],
      /versions that cannot be/,
    ],
    [
      'holds a value that is too large',
      [begin, secret({ versions: [{ number: 1, createdAt_ms: 1, size: 512_000 }] })],
      /versions that cannot be/,
    ],
    ...([[1], [2], [0]] as const).map(
      (numbers) =>
        [
          `holds a destroyed version ${numbers.join()} that cannot be beside version 1`,
          [
            begin,
            secret({
              destroyed: numbers.map((number) => ({ number, createdAt_ms: 1, size: 1, destroyedAt_ms: 1 })),
            }),
          ],
          /destroyed versions that cannot be/,
        ] as const,
    ),
    ['holds a record that is cut', [begin, ['secret', secret()[1].subarray(1)]], /cannot be read/],
  ] as const satisfies readonly (readonly [string, readonly Part[], RegExp])[]) {
    test(`is refused when it ${how}`, async () => {
      await assert.rejects(
        read(bytesOf(parts)),
        (thrown: unknown) =>
          thrown instanceof CofferError && thrown.code === 'backup.damaged' && sentence.test(thrown.detail),
      );
    });
  }

  test('is refused when it holds a kind of record that is none, or one that is too large', async () => {
    for (const head of ['090000000061', '02ffffffff', '01']) {
      await assert.rejects(read(Buffer.concat([bytesOf([begin]), Buffer.from(head, 'hex')])), {
        code: 'backup.damaged',
      });
    }
  });
});

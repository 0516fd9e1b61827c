// SPDX-License-Identifier: Apache-2.0
// Inputs that `make fuzz` has found, made small.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readAuthority } from '../../../src/certificates/authority-codec.ts';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import { CANARY, quotedPiece } from '../../fuzz/canary.ts';
import { TARGETS } from '../../fuzz/targets/index.ts';

async function refusalOf(name: string, input: Buffer): Promise<CofferError> {
  const target = TARGETS.find((one) => one.name === name);
  assert.ok(target !== undefined, `there is a target ${name}`);
  try {
    await target.run(input);
  } catch (thrown) {
    assert.ok(thrown instanceof CofferError, String(thrown));
    return thrown;
  }
  throw new Error('it is taken');
}

describe('what was found once', () => {
  test('the key of a CA that is none is damage of the record, and not a bad certificate', () => {
    const value = SecretValue.copyOf(Buffer.from('0100000000000000000000', 'hex'));
    assert.throws(() => readAuthority(value), { code: 'store.damaged' });
  });

  test('a join token that is given in the place of addresses is not repeated', async () => {
    const token = `coffer-1-m-${CANARY}`;
    const bodies = TARGETS.find(({ name }) => name === 'control/bodies')?.seeds() ?? [];
    const place = bodies.find((seed) => seed.includes(token))?.readUInt8(0);
    assert.ok(place !== undefined);
    for (const wish of [{ join: token }, { join: [{ token }] }, { token: [token] }]) {
      const body = Buffer.concat([Buffer.of(place), Buffer.from(JSON.stringify(wish))]);
      const refusal = await refusalOf('control/bodies', body);
      assert.equal(refusal.code, 'request.invalid');
      assert.equal(quotedPiece(refusal), undefined, refusal.message);
    }
  });

  test('a key that stands in the place of its id is not repeated', async () => {
    const key = Buffer.from(CANARY.repeat(2)).toString('base64');
    const entry = { id: key, key };
    const file = {
      format: 3,
      initialized: true,
      sealedBy: 'none',
      active: key,
      keys: [entry],
      indexKey: entry,
    };
    const refusal = await refusalOf('storage/key-file', Buffer.from(JSON.stringify(file)));
    assert.equal(refusal.code, 'store.damaged');
    assert.equal(quotedPiece(refusal), undefined, refusal.message);
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64Length, writeBase64 } from '../../../src/common/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

test('base64 is written as Node writes it, of any length, and nothing beside it', (t) => {
  const random = new SeededRandom();
  t.diagnostic(random.description);
  for (let length = 0; length < 300; length += 1) {
    const bytes = random.bytes(length);
    const expected = bytes.toString('base64');
    assert.equal(base64Length(length), expected.length);
    const target = Buffer.alloc(expected.length + 2, '.');
    writeBase64(target, 1, bytes);
    assert.equal(target.toString('latin1'), `.${expected}.`);
  }
});

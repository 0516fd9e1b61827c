// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { format, inspect } from 'node:util';
import { CofferError, SecretValue } from '../../../src/common/index.ts';

const CANARY = 'the-canary-value';

function consoleOutput(...args: readonly unknown[]): string {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString('utf8');
      done();
    },
  });
  new Console(stream, stream).log(...args);
  return text;
}

describe('a secret value', () => {
  const value = SecretValue.copyOf(Buffer.from(CANARY));
  const holder = { name: 'n', nested: { value }, list: [value], map: new Map([['key', value]]) };

  for (const [how, print] of [
    ['a template string', () => `it is ${String(value)}`],
    ['concatenation', () => ['', value].join('')],
    ['util.inspect', () => inspect(value)],
    ['util.inspect of what holds it', () => inspect(holder, { depth: null, showHidden: true })],
    ['util.format', () => format('%s %o %O %j', value, value, value, value)],
    ['JSON', () => JSON.stringify(holder)],
    ['console.log', () => consoleOutput('it is', value, holder)],
    [
      'an error',
      () => inspect(new CofferError('internal.unexpected', `about ${String(value)}`, { cause: holder })),
    ],
    ['an error made from it', () => inspect(CofferError.from(value))],
  ] as const) {
    test(`prints as [redacted] by ${how}`, () => {
      const text = print();
      assert.ok(text.includes('[redacted]'), text);
      assert.ok(!text.includes(CANARY) && !text.includes(Buffer.from(CANARY).toString('base64')));
      assert.ok(!text.includes('74 68 65'), 'not as a dump of its bytes');
    });
  }

  test('shows no byte without its own printer either', () => {
    const text = inspect(value, { customInspect: false, showHidden: true, depth: null });
    assert.ok(!text.includes('74 68 65') && !text.includes('116'), text);
  });

  test('is compared by its bytes, and is zeros once it is wiped', () => {
    const same = SecretValue.copyOf(Buffer.from(CANARY));
    assert.ok(value.equals(same));
    assert.ok(!value.equals(SecretValue.copyOf(Buffer.from('the-canary-valuf'))));
    assert.ok(!value.equals(SecretValue.copyOf(Buffer.from('the'))));
    same.wipe();
    assert.ok(same.expose().equals(Buffer.alloc(CANARY.length)));
    assert.ok(!value.equals(same));
  });

  test('copies into memory of its own, or takes over what it is given', () => {
    const bytes = Buffer.from('shared');
    const copy = SecretValue.copyOf(bytes);
    assert.notEqual(copy.expose().buffer, bytes.buffer);
    assert.equal(copy.expose().buffer.byteLength, copy.byteLength, 'outside the pool');
    assert.equal(SecretValue.takeOver(bytes).expose(), bytes);
  });
});

// SPDX-License-Identifier: Apache-2.0
// Sealed values: what opens, for whom, and that nothing else does.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import nacl from 'tweetnacl';
import { SecretValue } from '../../../src/common/index.ts';
import {
  certificateOf,
  newSealingKey,
  openSealed,
  parseSealed,
  resealValue,
  type SealedScope,
  SEALED_TEXT_LENGTH_MAX,
  type SealingKey,
  type SealingKeys,
  scopeInStack,
  scopeOfSecret,
  sealValue,
} from '../../../src/sealing/index.ts';
import { paddedSize } from '../../../src/sealing/padding.ts';
import { assertProperty } from '../../support/property.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const PREFIX = 'coffer-sealed-1.';
const CLUSTER = 'c0ffee0c0ffee0c0ffee0c0ff';
const HEADER_BYTES = 17 + CLUSTER.length;
const KEY = newSealingKey(CLUSTER, 1_700_000_000_000);
const CERTIFICATE = certificateOf(KEY);
const SHOP: SealedScope = { name: 'shop_db', stack: 'shop' };

function holding(...keys: readonly SealingKey[]): SealingKeys {
  return { sealingKey: (id) => keys.find((key) => key.id === id) };
}

function sealed(text: string | Buffer, scope = SHOP, key = KEY): string {
  return sealValue(
    key === KEY ? CERTIFICATE : certificateOf(key),
    scope,
    SecretValue.copyOf(Buffer.from(text)),
  );
}

function opened(text: string, scope = SHOP, keys = holding(KEY)): Buffer {
  return openSealed(keys, text, scope).expose();
}

function contentOf(text: string): Buffer {
  return Buffer.from(text.slice(PREFIX.length), 'base64url');
}

function ofContent(content: Uint8Array): string {
  return `${PREFIX}${Buffer.from(content).toString('base64url')}`;
}

function flipped(content: Buffer, at: number, bit: number): Buffer {
  const altered = Buffer.from(content);
  altered.writeUInt8(altered.readUInt8(at) ^ (1 << bit), at);
  return altered;
}

describe('a sealed value', () => {
  test('opens to the same bytes for the secret that it was sealed for, whatever they are', (t) => {
    const values = fc.uint8Array({ minLength: 1, maxLength: 2_000 });
    assertProperty(
      t,
      30,
      fc.property(values, (value) => {
        assert.deepEqual(opened(sealed(Buffer.from(value))), Buffer.from(value));
      }),
    );
  });

  test('of the largest size opens too, and its text is within the limit; one byte more is refused', () => {
    const value = new SeededRandom().bytes(511_999);
    const text = sealed(value);
    assert.ok(opened(text).equals(value));
    assert.ok(text.length < SEALED_TEXT_LENGTH_MAX, `${text.length}`);
    assert.throws(() => sealed(Buffer.alloc(512_000)), { code: 'secret.value-size' });
    assert.throws(() => sealed(''), { code: 'secret.value-size' });
  });

  test('is one word that YAML, shells and Compose leave alone', () => {
    assert.match(sealed('x'), /^coffer-sealed-1\.[A-Za-z0-9_-]+$/);
  });

  test('is another text each time, and says nothing of the value, not even how long a short one is', () => {
    const texts = ['a', 'b'.repeat(255), 'a'].map((value) => sealed(value));
    assert.equal(new Set(texts).size, 3);
    assert.equal(new Set(texts.map(({ length }) => length)).size, 1);
  });

  test('does not open with any byte of it flipped, nor cut, nor lengthened', (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const content = contentOf(sealed('short'));
    for (let at = 0; at < content.length; at += 1) {
      assert.throws(() => opened(ofContent(flipped(content, at, random.below(8)))), REFUSED, `byte ${at}`);
    }
    for (let length = 0; length < content.length; length += length < 120 ? 1 : 17) {
      assert.throws(() => opened(ofContent(content.subarray(0, length))), REFUSED, `cut to ${length}`);
    }
    assert.throws(() => opened(ofContent(content.subarray(0, -1))), REFUSED);
    assert.throws(() => opened(ofContent(Buffer.concat([content, Buffer.of(0)]))), REFUSED);
  });

  test('does not open with that bit flipped which X25519 ignores', () => {
    const content = contentOf(sealed('short'));
    const lastOfKey = HEADER_BYTES + 31;
    assert.throws(() => opened(ofContent(flipped(content, lastOfKey, 7))), { code: 'sealed.invalid' });
  });

  test('does not open with any character replaced or put in that is none of it', () => {
    const text = sealed('short');
    for (let at = 0; at <= text.length; at += 1) {
      for (const other of '.= \n\0é+/') {
        const [before, after] = [text.slice(0, at), text.slice(at)];
        const put = `${before}${other}${after}`;
        assert.throws(() => opened(put), { code: 'sealed.invalid' }, `${JSON.stringify(other)} at ${at}`);
        const replaced = `${before}${other}${after.slice(1)}`;
        assert.throws(() => opened(replaced === text ? put : replaced), { code: 'sealed.invalid' });
      }
    }
    assert.throws(() => opened(''), { code: 'sealed.invalid' });
    assert.throws(() => opened(`${text}${'A'.repeat(SEALED_TEXT_LENGTH_MAX)}`), { code: 'sealed.invalid' });
  });

  test('of another cluster is refused with the name of that', () => {
    const other = newSealingKey('another0another0another00', 1);
    assert.throws(() => opened(sealed('x', SHOP, other)), {
      code: 'sealed.key-unknown',
      detail: `this cluster does not have the key ${other.id} that the value was sealed to; it was one of cluster another0another0another00`,
    });
  });

  test('opens by hand, as the manual says', () => {
    const content = contentOf(sealed('by hand'));
    const header = content.subarray(0, HEADER_BYTES);
    const box = content.subarray(header.length);
    const plain = nacl.box.open(box.subarray(56), box.subarray(32, 56), box.subarray(0, 32), KEY.secretKey);
    assert.ok(plain !== null);
    const fields: Buffer[] = [];
    let rest = Buffer.from(plain);
    for (let field = 0; field < 4; field += 1) {
      const length = rest.readUInt32BE();
      fields.push(rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
    }
    assert.deepEqual(fields, [header, ...['shop_db', 'shop', 'by hand'].map((text) => Buffer.from(text))]);
    assert.deepEqual(rest, Buffer.alloc(256 - 'by hand'.length));
    assert.equal(header.toString('hex', 0, 8), KEY.id);
  });

  test('of this format opens for ever', () => {
    const key = { ...newSealingKey(CLUSTER, 0, () => Buffer.alloc(32, 7)), secretKey: Buffer.alloc(32, 7) };
    assert.equal(opened(KEPT_TEXT, SHOP, holding(key)).toString(), 'kept since the first release');
  });
});

/** Sealed once, by the first version of the format. */
const KEPT_TEXT =
  'coffer-sealed-1.kT2iCkcdSJw3VL3JUHTSVhljMGZmZWUwYzBmZmVlMGMwZmZlZTBjMGZm-4X_IuK6h_OxjCxTGFeuD4cbwf9gE47oJlGU5wK83zLIXfPSr4OP7w884wVH9AMSvE1Rms5W5iqwJ2ZWb_wrsm3S6BXHeU-GSHESPZBI0gJ6aZn_Uu3vd-Znd1jnBkbPqjSXNl1_eN8HH2dt_7-BejX-O_RqkeCayoIiYaDlPxy0bFZDDCwgReabSBGhi3BfvPZOKts2DyJCmX7nnYzn2OSZDgI1Ks1ibe4ctx8hPDwvybfs85RGt1qRMIfPgba7v2veFMh0lYzUzGPpKDWzTHLpmGBMoxvwFjmgcrzgfbcxgEw5RpuMHTaKnyksIX1tDlGYlmt_k5MXmEDrZzu0MO6YS71pVFHkT3y8Xf3g_BMiH9Tg--OrcnAxDsED0GEwnqA-Fc3qtASF4U1t5OfMaDRs0sYTZ8Bc_MKMcuupDELEkp27ViIe4RJjUhLMUGI7GmMOnyZcgAZFuvow_IZGY2-lIUQQbQ4FfUY71dK_3QcVhJKo6fRmikw60w31P3LSfelCqmBFNyr3xOJOyw';

/** A wrong key's id is known no more than one that was altered. */
const REFUSED = ({ code }: { readonly code?: unknown }): boolean =>
  code === 'sealed.invalid' || code === 'sealed.key-unknown';

describe('the scope of a sealed value', () => {
  const cases: readonly (readonly [string, SealedScope])[] = [
    ['another secret of the stack', { name: 'shop_cache', stack: 'shop' }],
    ['the same name in no stack', { name: 'shop_db', stack: '' }],
    ['the same name in another stack', { name: 'shop_db', stack: 'shop2' }],
    ['the name and the stack in other case', { name: 'Shop_db', stack: 'Shop' }],
    ['the name in other case', { name: 'shop_DB', stack: 'shop' }],
    ['the name without its stack', { name: 'db', stack: 'shop' }],
    ['another border between stack and name', { name: 'shop_db', stack: 'shop_db' }],
    ['another separator', { name: 'shop-db', stack: 'shop' }],
    ['a stack that begins alike', { name: 'shop_db', stack: 'sho' }],
    ['a blank behind', { name: 'shop_db ', stack: 'shop' }],
    ['a blank before', { name: 'shop_db', stack: ' shop' }],
    ['a zero behind', { name: 'shop_db\0', stack: 'shop' }],
    ['a letter that looks alike', { name: 'shоp_db', stack: 'shop' }],
    ['letters of full width', { name: 'shop_db', stack: 'ｓｈｏｐ' }],
    ['a character of no width', { name: 'shop_db', stack: 'shop\u200b' }],
    ['nothing', { name: '', stack: '' }],
  ];
  const text = sealed('for the shop alone');
  for (const [what, scope] of cases) {
    test(`is not ${what}`, () => {
      assert.throws(() => opened(text, scope), { code: 'sealed.scope' });
    });
  }

  test('of a secret outside of stacks is no stack, not any', () => {
    const free = sealed('x', scopeInStack('db', ''));
    assert.equal(opened(free, scopeOfSecret({ name: 'db', labels: {} })).toString(), 'x');
    const label = 'com.docker.stack.namespace';
    assert.equal(opened(free, scopeOfSecret({ name: 'db', labels: { [label]: '' } })).toString(), 'x');
    assert.throws(() => opened(free, scopeOfSecret({ name: 'db', labels: { [label]: 'db' } })), {
      code: 'sealed.scope',
      detail: 'the value was sealed for secret db outside of stacks, and not for secret db of stack db',
    });
  });

  test('says what to type for the secret that it is not', () => {
    const typed: readonly (readonly [SealedScope, string])[] = [
      [{ name: 'shop_api', stack: 'shop' }, '--name api --stack shop'],
      [{ name: 'the-db', stack: 'shop' }, '--engine-name the-db --stack shop'],
      [{ name: 'db', stack: '' }, '--name db'],
      [{ name: 'db', stack: '; reboot' }, '--name NAME --stack STACK'],
    ];
    for (const [scope, words] of typed) {
      assert.throws(() => opened(text, scope), {
        hint: `Seal it for this one: docker coffer seal ${words} -`,
      });
    }
  });

  test('in a stack is the name as the engine has it', () => {
    assert.deepEqual(scopeInStack('db', 'shop'), { name: 'shop_db', stack: 'shop' });
    assert.deepEqual(scopeInStack('db', ''), { name: 'db', stack: '' });
    for (const [name, stack] of [
      ['', ''],
      ['db', '-shop'],
      ['db', 'sh op'],
      ['db', 'shöp'],
      ['_', ''],
      ['d'.repeat(60), 'shop'],
    ] as const) {
      assert.throws(() => scopeInStack(name, stack), { code: 'secret.name-invalid' }, `${stack} ${name}`);
    }
  });
});

describe('a value that is sealed anew', () => {
  const NEW = newSealingKey(CLUSTER, 1_700_000_001_000);

  test('is the same value for the same secret, and needs the new key alone', () => {
    const before = sealed('moved on');
    const after = resealValue(holding(KEY, NEW), before, certificateOf(NEW));
    assert.notEqual(after, before);
    assert.equal(opened(after, SHOP, holding(NEW)).toString(), 'moved on');
    assert.equal(parseSealed(after).valueId, parseSealed(before).valueId);
    assert.equal(parseSealed(after).keyId, NEW.id);
    assert.throws(() => opened(after, { name: 'shop_db', stack: '' }, holding(NEW)), {
      code: 'sealed.scope',
    });
  });

  test('is refused where it does not open', () => {
    assert.throws(() => resealValue(holding(NEW), sealed('x'), certificateOf(NEW)), {
      code: 'sealed.key-unknown',
    });
    const altered = flipped(contentOf(sealed('x')), 300, 0);
    assert.throws(() => resealValue(holding(KEY), ofContent(altered), certificateOf(NEW)), {
      code: 'sealed.invalid',
    });
  });
});

test('what a hostile sealer puts into a box is refused as damage, and never as anything else', (t) => {
  const random = new SeededRandom();
  t.diagnostic(random.description);
  const header = contentOf(sealed('x')).subarray(0, HEADER_BYTES);
  const field = (bytes: Uint8Array): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const named = [field(header), field(Buffer.from('shop_db')), field(Buffer.from('shop'))];
  const contents: readonly Buffer[] = [
    Buffer.alloc(0),
    Buffer.from([0xff, 0xff, 0xff, 0xff]),
    Buffer.concat(named),
    Buffer.concat([...named, field(Buffer.alloc(0)), Buffer.alloc(256)]),
    Buffer.concat([...named, field(Buffer.from('value'))]),
    Buffer.concat([...named, field(Buffer.from('value')), Buffer.alloc(250)]),
    Buffer.concat([...named, field(Buffer.from('value')), Buffer.alloc(251, 1)]),
    Buffer.concat([...named, field(Buffer.alloc(512_000, 1)), Buffer.alloc(4_096)]),
    Buffer.concat([field(header), field(Buffer.alloc(65, 97)), field(Buffer.alloc(0)), Buffer.alloc(300)]),
    ...Array.from({ length: 20 }, () => random.bytes(random.below(400))),
  ];
  const { publicKey } = CERTIFICATE;
  for (const content of contents) {
    const own = nacl.box.keyPair();
    const nonce = random.bytes(24);
    const box = nacl.box(content, nonce, publicKey, own.secretKey);
    const text = ofContent(Buffer.concat([header, own.publicKey, nonce, box]));
    assert.throws(() => opened(text), { code: 'sealed.invalid' });
  }
});

test('padding grows with the value, by an eighth at most, and never falls behind it', () => {
  for (let size = 1, before = 0; size <= 511_999; size += 1 + (size >> 6)) {
    const padded = paddedSize(size);
    assert.ok(padded >= size && padded >= before, `${size}`);
    assert.ok(padded === 256 || padded <= size * 1.125, `${size} becomes ${padded}`);
    before = padded;
  }
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError } from '../../../src/common/index.ts';
import {
  formatJoinToken,
  hashTokenSecret,
  type JoinToken,
  parseJoinToken,
  tokenSecretMatches,
} from '../../../src/pki/index.ts';
import { assertProperty } from '../../support/property.ts';
import { textMutations } from './mutations.ts';

const TOKEN: JoinToken = {
  role: 'worker',
  authorityDigest: createHash('sha256').update('a root').digest(),
  tokenId: 'k3v9x0ab',
  secret: createHash('sha256').update('a secret').digest().subarray(0, 16),
};
const TEXT = formatJoinToken(TOKEN);

/** The text with its checksum set right, so that what is behind the checksum is reached. */
function withChecksum(text: string): string {
  const body = text.slice(0, -7);
  const bits = createHash('sha256').update(body).digest().readUInt32BE(0) >>> 1;
  return `${body}-${bits.toString(36).padStart(6, '0')}`;
}

const tokens: fc.Arbitrary<JoinToken> = fc.record(
  {
    role: fc.constantFrom('manager', 'worker'),
    authorityDigest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
    tokenId: fc.stringMatching(/^[0-9a-z]{8}$/),
    secret: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
  },
  { noNullPrototype: true },
);

/** Computed by another program from the description of the form. */
const VECTOR = {
  text: 'coffer-1-w-20epgpy81wphnnkvm7vi9wp0fx98margzfaqigouhyuwjg69ju-k3v9x0ab-90ldhfztl5xwltdlbnex8ueit-ekavvg',
  secretHash: '2e50f5b6871bd319db9f144e9f035084b19dd1b4a1594d5e4923e514b967b3b9',
};

describe('a join token', () => {
  test('is what it has always been, so that old tokens and hashes stay good', () => {
    assert.equal(TEXT, VECTOR.text);
    assert.equal(hashTokenSecret(TOKEN.tokenId, TOKEN.secret).toString('hex'), VECTOR.secretHash);
  });

  test('has the form that is written down', () => {
    assert.match(TEXT, /^coffer-1-w-[0-9a-z]{50}-k3v9x0ab-[0-9a-z]{25}-[0-9a-z]{6}$/);
    assert.match(formatJoinToken({ ...TOKEN, role: 'manager' }), /^coffer-1-m-/);
    assert.equal(withChecksum(TEXT), TEXT);
  });

  test('is read as it was written: capital or not, with white space around it', (t) => {
    const edges = [0x00, 0xff].map((byte) => ({
      ...TOKEN,
      authorityDigest: Buffer.alloc(32, byte),
      secret: Buffer.alloc(16, byte),
    }));
    assertProperty(
      t,
      1_000,
      fc.property(fc.oneof(tokens, fc.constantFrom(...edges)), (token) => {
        const text = formatJoinToken(token);
        assert.equal(text.length, 103);
        for (const variant of [text, text.toUpperCase(), ` \t${text}\r\n`]) {
          assert.deepEqual(parseJoinToken(variant), token);
        }
      }),
    );
  });

  const swapped = TEXT.replace(/-(.)(.)/, '-$2$1');
  const REFUSED: readonly (readonly [string, string, RegExp])[] = [
    ['that is empty', '', /empty/],
    ['of white space', ' \n', /empty/],
    ['of Docker Swarm', `SWMTKN-1-${'0'.repeat(50)}-${'0'.repeat(25)}`, /Docker Swarm/],
    ['of something else', 'hello', /does not begin as a token of coffer/],
    ['with swapped letters at its head', swapped, /of a kind that this version|does not begin/],
    ['with quotes around it', `"${TEXT}"`, /does not begin/],
    ['of a later version', TEXT.replace('coffer-1-', 'coffer-2-'), /this version of coffer does not know/],
    ['that ends after its head', 'coffer-1-', /length of a token/],
    ['that was cut at its end', TEXT.slice(0, -1), /length of a token/],
    ['that was cut at a dash', TEXT.slice(0, -7), /length of a token/],
    ['that has a letter too many', `${TEXT}0`, /length of a token/],
    ['that has a piece too many', `${TEXT}-0`, /length of a token/],
    ['whose digest is short', TEXT.replace(/(-w-)./, '$1'), /length of a token/],
    ['that was broken over two lines', `${TEXT.slice(0, 60)}\n${TEXT.slice(60)}`, /length of a token/],
    ['with a character of no base', TEXT.replace(/(-w-)./, '$1_'), /characters/],
    // It becomes a plain k in lower case.
    ['with the sign for Kelvin', TEXT.replace('k3v9x0ab', '\u212a3v9x0ab'), /characters/],
    ['with a digit that was mistyped', TEXT.replace('k3v9x0ab', 'k3v9x0aa'), /mistyped/],
    ['with digits that were swapped', TEXT.replace('k3v9x0ab', 'k39vx0ab'), /mistyped/],
    ['whose role was changed', TEXT.replace('-w-', '-m-'), /mistyped/],
    ['for a role that is none', withChecksum(TEXT.replace('-w-', '-x-')), /no role/],
    ['without a role', withChecksum(TEXT.replace('-w-', '--')), /no role/],
    [
      'whose digest is too large',
      withChecksum(TEXT.replace(/(-w-).{50}/, `$1${'z'.repeat(50)}`)),
      /too large/,
    ],
    [
      'whose secret is too large',
      withChecksum(TEXT.replace(/.{25}(-.{6})$/, `${'z'.repeat(25)}$1`)),
      /too large/,
    ],
    ['of a megabyte', `coffer-1-${'0'.repeat(1_000_000)}`, /far too long/],
  ];
  for (const [name, text, reason] of REFUSED) {
    test(`${name} is refused, and the reason is told without a piece of it`, () => {
      assert.throws(
        () => parseJoinToken(text),
        (error) => {
          assert.ok(error instanceof CofferError && error.code === 'cluster.token-invalid');
          assert.match(error.detail, reason);
          const pieces = text.split(/[^0-9a-z]+/i).filter((piece) => piece.length > 7);
          assert.ok(pieces.every((piece) => !error.message.includes(piece)));
          return true;
        },
      );
    });
  }

  test('that is damaged or random never gives another token, and never another error', (t) => {
    const damaged = fc.oneof(textMutations(TEXT), textMutations(TEXT).map(withChecksum));
    assertProperty(
      t,
      5_000,
      fc.property(damaged, (text) => {
        try {
          assert.equal(formatJoinToken(parseJoinToken(text)), text.trim().toLowerCase());
        } catch (error) {
          assert.ok(error instanceof CofferError && error.code === 'cluster.token-invalid', String(error));
        }
      }),
    );
  });

  test('is not written from what is no token', () => {
    for (const wrong of [
      { authorityDigest: Buffer.alloc(31) },
      { secret: Buffer.alloc(17) },
      { tokenId: 'k3v9x0a' },
      { tokenId: 'K3V9X0AB' },
      { tokenId: 'k3v9-0ab' },
    ]) {
      assert.throws(() => formatJoinToken({ ...TOKEN, ...wrong }), { code: 'internal.invariant' });
    }
  });
});

describe("a token's secret", () => {
  test('matches its own hash, and no other secret, id or hash does', () => {
    const { tokenId, secret } = TOKEN;
    const hash = hashTokenSecret(tokenId, secret);
    assert.equal(hash.length, 32);
    assert.ok(tokenSecretMatches(hash, tokenId, secret));
    assert.ok(!tokenSecretMatches(hash, tokenId, randomBytes(16)));
    assert.ok(!tokenSecretMatches(hash, 'k3v9x0aa', secret));
    assert.ok(!tokenSecretMatches(hash.subarray(1), tokenId, secret));
    assert.ok(!tokenSecretMatches(Buffer.alloc(0), tokenId, secret));
    assert.ok(!tokenSecretMatches(createHash('sha256').update(secret).digest(), tokenId, secret));
  });
});

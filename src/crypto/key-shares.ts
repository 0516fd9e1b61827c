// SPDX-License-Identifier: Apache-2.0
// The unlock key in shares, of which some are needed to have it back, and fewer tell nothing of it (Shamir, "How to share a
// secret", 1979): each byte is a polynomial's value at 0, and each share holds its value at the share's number.
//
// A share's text holds: id of the set (4 bytes), how many are needed, the share's number, a digest of the key by which wrong
// shares are noticed (8), the share (32).
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { CofferError, invariant, SecretValue } from '../common/index.ts';
import { inverse, multiply } from './gf256.ts';
import { fromText, type Misread, type TextForm, toText } from './readable-text.ts';
import { KEY_BYTES, type RandomBytes } from './secretbox.ts';

const SET_ID_BYTES = 4;
const DIGEST_BYTES = 8;
const HEAD_BYTES = SET_ID_BYTES + 2 + DIGEST_BYTES;

/** 50 bytes are 80 characters: 20 groups of four. */
const FORM = {
  prefix: 'COFFER-SHARE-1-',
  payload_bytes: HEAD_BYTES + KEY_BYTES,
  checksum_bytes: 4,
} as const satisfies TextForm;

const MISREAD = {
  prefix: `a share of an unlock key begins with ${FORM.prefix}`,
  length: 'this share is too long or too short: after its beginning it has 20 groups of four characters',
  character: 'there is a character in this share that none has',
  checksum: 'a character of this share is wrong',
} as const satisfies Readonly<Record<Misread, string>>;

const SHARES_MIN = 2;
const SHARES_MAX = 16;

/** How many shares there are, and how many of them give the key: 2 <= threshold <= count <= 16. */
export interface SharePlan {
  readonly threshold: number;
  readonly count: number;
}

interface Share {
  readonly set: Buffer;
  readonly threshold: number;
  /** From 1 on. */
  readonly number: number;
  readonly digest: Buffer;
  /** The polynomials' values. */
  readonly values: Buffer;
}

/** Throws `unlock.shares-invalid` for a plan out of bounds. */
export function checkSharePlan({ threshold, count }: SharePlan): void {
  const isInBounds = SHARES_MIN <= threshold && threshold <= count && count <= SHARES_MAX;
  if (!isInBounds || !Number.isSafeInteger(threshold) || !Number.isSafeInteger(count)) {
    throw new CofferError(
      'unlock.shares-invalid',
      `a key is split into up to ${SHARES_MAX} shares, of which ${SHARES_MIN} at least and all at most are needed`,
    );
  }
}

/** The texts of the shares, which the caller wipes. Throws `unlock.shares-invalid` for a plan out of bounds. */
export function splitUnlockKey(
  key: SecretValue,
  { threshold, count }: SharePlan,
  random: RandomBytes = randomBytes,
): readonly Buffer[] {
  checkSharePlan({ threshold, count });
  invariant(key.byteLength === KEY_BYTES, 'an unlock key has 32 bytes');
  const set = random(SET_ID_BYTES);
  const digest = digestOf(set, threshold, key);
  const above = Array.from({ length: threshold - 1 }, () => random(KEY_BYTES));
  const texts = Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    const values = valuesAt(number, key.expose(), above);
    const payload = Buffer.concat([set, Buffer.of(threshold, number), digest, values]);
    const text = toText(FORM, payload);
    values.fill(0);
    payload.fill(0);
    return text;
  });
  for (const coefficients of above) {
    coefficients.fill(0);
  }
  return texts;
}

/** Whether a text is meant as a share. */
export function isKeyShare(text: Uint8Array): boolean {
  const read = fromText(FORM, text);
  if (typeof read !== 'string') {
    read.fill(0);
  }
  return read !== 'prefix';
}

/**
 * The key that was split into these shares, of which more than are needed may be given. Throws `unlock.shares-invalid` with
 * what is wrong, missing, given twice or of another set.
 */
export function combineKeyShares(texts: readonly Uint8Array[]): SecretValue {
  const shares = texts.map(parseShare);
  try {
    const [first] = shares;
    if (first === undefined) {
      throw invalid('no share is given');
    }
    checkSet(first, shares);
    const needed = shares.slice(0, first.threshold);
    const key = SecretValue.takeOver(valuesAtZero(needed));
    if (!timingSafeEqual(digestOf(first.set, first.threshold, key), first.digest)) {
      key.wipe();
      throw invalid('these shares do not give the key that was split');
    }
    return key;
  } finally {
    for (const { values } of shares) {
      values.fill(0);
    }
  }
}

function checkSet(first: Share, shares: readonly Share[]): void {
  const stranger = shares.find(
    ({ digest, set, threshold }) =>
      !set.equals(first.set) || threshold !== first.threshold || !digest.equals(first.digest),
  );
  if (stranger !== undefined) {
    throw invalid(
      'these shares are not of one set',
      'Shares of one split belong together; an older split is another set.',
    );
  }
  const numbers = shares.map(({ number }) => number);
  const doubled = numbers.find((number, index) => numbers.indexOf(number) !== index);
  if (doubled !== undefined) {
    throw invalid(`share ${doubled} is given twice`);
  }
  const missing = first.threshold - numbers.length;
  if (missing > 0) {
    const given = `${numbers.length} of ${first.threshold} shares are given (${numbers.join(', ')})`;
    throw invalid(`${given}: ${missing} more ${missing === 1 ? 'is' : 'are'} needed`);
  }
}

function parseShare(text: Uint8Array): Share {
  const read = fromText(FORM, text);
  if (typeof read === 'string') {
    throw invalid(MISREAD[read], 'Type each share as docker coffer unlock-key --shares has shown it.');
  }
  const threshold = read.readUInt8(SET_ID_BYTES);
  const number = read.readUInt8(SET_ID_BYTES + 1);
  if (threshold < SHARES_MIN || threshold > SHARES_MAX || number < 1 || number > SHARES_MAX) {
    throw invalid('this share is none that coffer has made');
  }
  return {
    set: read.subarray(0, SET_ID_BYTES),
    threshold,
    number,
    digest: read.subarray(SET_ID_BYTES + 2, HEAD_BYTES),
    values: read.subarray(HEAD_BYTES),
  };
}

/** The polynomials' values at `x`, by Horner's rule. `above[0]` are the coefficients of x, and so on. */
function valuesAt(x: number, atZero: Buffer, above: readonly Buffer[]): Buffer {
  const values = Buffer.alloc(KEY_BYTES);
  for (let byte = 0; byte < KEY_BYTES; byte += 1) {
    let value = 0;
    for (const coefficients of above.toReversed()) {
      value = multiply(value ^ (coefficients[byte] ?? 0), x);
    }
    values[byte] = value ^ (atZero[byte] ?? 0);
  }
  return values;
}

/** By Lagrange's formula, where subtraction is addition: both are XOR. */
function valuesAtZero(shares: readonly Share[]): Buffer {
  const result = Buffer.alloc(KEY_BYTES);
  for (const share of shares) {
    let weight = 1;
    for (const { number } of shares.filter((other) => other !== share)) {
      weight = multiply(weight, multiply(number, inverse(number ^ share.number)));
    }
    for (let byte = 0; byte < KEY_BYTES; byte += 1) {
      result[byte] = (result[byte] ?? 0) ^ multiply(share.values[byte] ?? 0, weight);
    }
  }
  return result;
}

function digestOf(set: Uint8Array, threshold: number, key: SecretValue): Buffer {
  const hash = createHash('sha256')
    .update('coffer unlock key shares\0')
    .update(set)
    .update(Buffer.of(threshold));
  return hash.update(key.expose()).digest().subarray(0, DIGEST_BYTES);
}

function invalid(sentence: string, hint?: string): CofferError {
  return new CofferError('unlock.shares-invalid', sentence, hint === undefined ? {} : { hint });
}

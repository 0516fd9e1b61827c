// SPDX-License-Identifier: Apache-2.0
// Join tokens: the role that they admit to, the digest of the root that the joiner must meet, an id by which the cluster finds
// what it keeps of the token, and a secret:
//
//   coffer-1-<m or w>-<digest, 50>-<id, 8>-<secret, 25>-<checksum, 6>          lengths in digits of base 36
//
// The form follows swarmkit's (ca/config.go). The checksum is the first 31 bits of a SHA-256 of all before it: against
// slips of the hand, not against anybody.
import { createHash, timingSafeEqual } from 'node:crypto';
import { CofferError, invariant } from '../common/index.ts';
import { decodeBase36, encodeBase36 } from './base36.ts';
import type { Role } from './subject.ts';

const DIGEST_BYTES = 32;
const DIGEST_DIGITS = 50;
const ID_DIGITS = 8;
const SECRET_BYTES = 16;
const SECRET_DIGITS = 25;
const CHECKSUM_DIGITS = 6;
const PREFIX = 'coffer-1';

/** Much more than a token has, with the white space around it. */
const TEXT_LIMIT = 1_024;

const LETTER = { manager: 'm', worker: 'w' } as const;

/** The secret's buffer belongs to whoever made or parsed the token, and is wiped by it. */
export interface JoinToken {
  readonly role: Exclude<Role, 'unlock'>;
  /** SHA-256 of the root's DER, 32 bytes: see `authorityDigest`. */
  readonly authorityDigest: Buffer;
  /** 8 characters of base 36, in lower case. */
  readonly tokenId: string;
  /** 16 random bytes. */
  readonly secret: Buffer;
}

export function formatJoinToken({ role, authorityDigest, tokenId, secret }: JoinToken): string {
  invariant(authorityDigest.length === DIGEST_BYTES, `a root's digest has ${DIGEST_BYTES} bytes`);
  invariant(secret.length === SECRET_BYTES, `a token's secret has ${SECRET_BYTES} bytes`);
  invariant(/^[0-9a-z]{8}$/.test(tokenId), `a token's id has ${ID_DIGITS} characters of base 36`);
  const parts = [
    PREFIX,
    LETTER[role],
    encodeBase36(authorityDigest, DIGEST_DIGITS),
    tokenId,
    encodeBase36(secret, SECRET_DIGITS),
  ];
  const text = parts.join('-');
  return `${text}-${checksum(text)}`;
}

/**
 * Reads a token; white space around it and capital letters are let pass. Throws `cluster.token-invalid` with what is wrong
 * with its form, never with a piece of it. Whether the cluster knows the token is another question.
 */
export function parseJoinToken(text: string): JoinToken {
  if (text.length > TEXT_LIMIT) {
    throw tokenInvalid('it is far too long');
  }
  const token = text.trim().replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  checkPrefix(token);
  const [, , letter, digest = '', tokenId = '', secret = '', check = '', ...more] = token.split('-');
  const lengths = [digest.length, tokenId.length, secret.length, check.length];
  if (
    lengths.join() !== [DIGEST_DIGITS, ID_DIGITS, SECRET_DIGITS, CHECKSUM_DIGITS].join() ||
    more.length > 0
  ) {
    throw tokenInvalid(
      'it does not have the length of a token: a piece is missing, or there is one too many',
    );
  }
  if (!/^[0-9a-z-]*$/.test(token)) {
    throw tokenInvalid('it holds characters that no token has');
  }
  const expected = checksum(token.slice(0, -1 - CHECKSUM_DIGITS));
  if (!timingSafeEqual(Buffer.from(expected), Buffer.from(check))) {
    throw tokenInvalid('it was mistyped: its checksum does not match');
  }
  const role = letter === LETTER.manager ? 'manager' : letter === LETTER.worker ? 'worker' : undefined;
  const authorityDigest = decodeBase36(digest, DIGEST_BYTES);
  const secretBytes = decodeBase36(secret, SECRET_BYTES);
  if (role === undefined || authorityDigest === undefined || secretBytes === undefined) {
    throw tokenInvalid(
      role === undefined ? 'it is for no role that there is' : 'it holds a number that is too large',
    );
  }
  return { role, authorityDigest, tokenId, secret: secretBytes };
}

/**
 * What the cluster keeps of a token's secret: SHA-256, 32 bytes. A secret of 128 random bits is beyond guessing, so no
 * slow hash is needed.
 */
export function hashTokenSecret(tokenId: string, secret: Buffer): Buffer {
  return createHash('sha256')
    .update('coffer join token\0')
    .update(tokenId)
    .update('\0')
    .update(secret)
    .digest();
}

/** Whether `hash` is that of the secret; takes the same time for any secret. */
export function tokenSecretMatches(hash: Buffer, tokenId: string, secret: Buffer): boolean {
  const expected = hashTokenSecret(tokenId, secret);
  return hash.length === expected.length && timingSafeEqual(hash, expected);
}

function checkPrefix(token: string): void {
  if (token === '') {
    throw tokenInvalid('it is empty');
  }
  if (token.startsWith('swmtkn-')) {
    throw tokenInvalid('it is a join token of Docker Swarm, and coffer has its own');
  }
  if (!token.startsWith('coffer-')) {
    throw tokenInvalid('it does not begin as a token of coffer does');
  }
  if (!token.startsWith(`${PREFIX}-`)) {
    throw tokenInvalid('it is of a kind that this version of coffer does not know');
  }
}

function checksum(text: string): string {
  const bits = createHash('sha256').update(text).digest().readUInt32BE(0) >>> 1;
  return bits.toString(36).padStart(CHECKSUM_DIGITS, '0');
}

function tokenInvalid(how: string): CofferError {
  return new CofferError('cluster.token-invalid', `the join token cannot be used: ${how}`);
}

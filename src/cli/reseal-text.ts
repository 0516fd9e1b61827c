// SPDX-License-Identifier: Apache-2.0
// The sealed values in a text, whatever else it is, and the same text with others in their places.
import type { ErrorReply, ResealReply } from '../control/index.ts';
import { SEALED_PATTERN } from '../sealing/index.ts';
import { usageError } from './command-error.ts';

export interface Failure extends ErrorReply {
  /** From 1 on. */
  readonly line: number;
}

/** What came of the sealed values in one text. */
export interface Resealed {
  /** All other bytes are as they were. */
  readonly content: Buffer;
  /** How many places have another text now. */
  readonly resealed: number;
  /** How many are as they were, since they are under the active key. */
  readonly unchanged: number;
  /** Those that are as they were since they do not open. */
  readonly failures: readonly Failure[];
}

/** More than any stack has. */
const VALUES_MAX = 10_000;

/** `reseal` answers for one sealed value, and is asked once for each. */
export async function resealAll(
  content: Buffer,
  reseal: (sealed: string) => Promise<ResealReply>,
): Promise<Resealed> {
  // Each byte is one character, and comes back as it was, whatever the text is encoded in.
  const text = content.toString('latin1');
  const places = [...text.matchAll(SEALED_PATTERN)].map(({ 0: sealed, index }) => ({ sealed, index }));
  if (places.length > VALUES_MAX) {
    throw usageError(`there are ${places.length} sealed values; ${VALUES_MAX} are the limit`);
  }
  const replies = new Map<string, ResealReply>();
  for (const { sealed } of places) {
    if (!replies.has(sealed)) {
      replies.set(sealed, await reseal(sealed));
    }
  }
  const found = places.flatMap(({ index, sealed }) => {
    const reply = replies.get(sealed);
    return reply === undefined ? [] : [{ ...reply, line: text.slice(0, index).split('\n').length }];
  });
  const after = text.replaceAll(SEALED_PATTERN, (sealed) => replies.get(sealed)?.sealed ?? sealed);
  return {
    content: Buffer.from(after, 'latin1'),
    resealed: found.filter(({ changed }) => changed).length,
    unchanged: found.filter(({ changed, problem }) => !changed && problem === undefined).length,
    failures: found.flatMap(({ line, problem }) => (problem === undefined ? [] : [{ ...problem, line }])),
  };
}

// SPDX-License-Identifier: Apache-2.0
// A secret that stands in the seeds wherever a secret may stand, and that no refusal may quote.
import { inspect } from 'node:util';

export const CANARY = 'zQ7Kx9wVbT3mRj5L';

/** So many characters of it in a row are no chance. */
const PIECE_LENGTH = 6;

const PIECES: readonly string[] = [
  ...piecesOf(CANARY),
  ...[0, 1, 2].flatMap((shift) => piecesOf(Buffer.from(CANARY.slice(shift)).toString('base64').slice(0, 17))),
  ...piecesOf(Buffer.from(CANARY).toString('hex')).filter((_, place) => place % 2 === 0),
];

export interface QuotingRules {
  /** Other forms of the canary. */
  readonly secrets?: readonly string[];
  /** What may be quoted, wherever it comes from. */
  readonly mayQuote?: RegExp;
}

/** The piece of the canary that stands in what can be seen of an error: its sentence, its hint, its causes. */
export function quotedPiece(
  thrown: unknown,
  { mayQuote, secrets = [] }: QuotingRules = {},
): string | undefined {
  const seen = inspect(thrown, { depth: 6, maxStringLength: 4_096 });
  const rest = mayQuote === undefined ? seen : seen.replaceAll(mayQuote, '');
  return [...PIECES, ...secrets.flatMap(piecesOf)].find((piece) => rest.includes(piece));
}

function piecesOf(text: string): readonly string[] {
  const length = text.length > 24 ? 2 * PIECE_LENGTH : PIECE_LENGTH;
  return Array.from({ length: text.length - length + 1 }, (_, start) => text.slice(start, start + length));
}

// SPDX-License-Identifier: Apache-2.0
// Errors on their way to another node: JSON of {code, detail, hint}.
import { CofferError, type ErrorCode, isErrorCode } from '../common/index.ts';
import { invalidFrame } from './frame.ts';

/** What a refusal may have in a frame. Sentences are cut to a tenth of it, so that their JSON fits in any case. */
export const REFUSAL_BYTES_MAX = 16 * 1024;
const SENTENCE_CHARACTERS_MAX = 1_000;

/** The bytes that tell `error` to another node. They never hold its cause. */
export function encodeRefusal({ code, detail, hint }: CofferError): Buffer {
  const parts = { code, detail: oneLine(detail), ...(hint === undefined ? {} : { hint: oneLine(hint) }) };
  return Buffer.from(JSON.stringify(parts), 'utf8');
}

/**
 * The error that another node told. A code that this version does not have becomes `fallback`. Throws
 * `transport.frame-invalid` for anything else than what `encodeRefusal` makes.
 */
export function decodeRefusal(bytes: Buffer, fallback: ErrorCode = 'transport.refused'): CofferError {
  const parts = bytes.length <= REFUSAL_BYTES_MAX ? parse(bytes) : undefined;
  const { code, detail, hint } = parts ?? {};
  if (typeof code !== 'string' || typeof detail !== 'string') {
    throw invalidFrame('a refusal that cannot be read');
  }
  return new CofferError(
    isErrorCode(code) ? code : fallback,
    oneLine(detail),
    typeof hint === 'string' ? { hint: oneLine(hint) } : {},
  );
}

/**
 * What of a thrown thing may travel. Of what is no CofferError nothing may: a parser quotes in its errors what it could not
 * read, and that may be a secret.
 */
export function travellingError(thrown: unknown): CofferError {
  return thrown instanceof CofferError
    ? thrown
    : new CofferError(
        'internal.unexpected',
        'the other node failed for a reason that its code did not foresee',
      );
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Another node's words end up in logs and on terminals. */
function oneLine(text: string): string {
  return text.slice(0, SENTENCE_CHARACTERS_MAX).replaceAll(/\p{C}+/gu, ' ');
}

// SPDX-License-Identifier: Apache-2.0
// A command with a name of its own, so that it changes the secrets once even if it stands in the log twice: a manager
// that does not know what became of a proposal may propose it again (thesis, 6.3).
import { randomBytes } from 'node:crypto';
import { ByteReader, ByteWriter, CofferError, invariant } from '../common/index.ts';
import type { Command } from './command.ts';
import { decodeCommand, writeCommand } from './command-codec.ts';
import { REQUESTS_KEPT } from './limits.ts';
import {
  applyCommand,
  type AppliedRequest,
  type Effect,
  type Outcome,
  type SecretsView,
} from './state-machine.ts';

/** What an entry of the log holds. */
export interface Request {
  /** 32 hexadecimal digits in lower case, drawn once and kept in every repetition. */
  readonly id: string;
  /**
   * An entry that was applied before the request was made; kept in every repetition. The request can be told from a
   * repetition for `REQUESTS_KEPT` entries from here.
   */
  readonly baseIndex: number;
  /** The node that proposed it; the log takes nothing from a node that was removed before. */
  readonly proposer: number;
  readonly command: Command;
}

/** What a request came to. */
export type RequestOutcome = Outcome & {
  /** Refused requests have an effect too: they are remembered. */
  readonly effects: readonly Effect[];
  /** The entry that the request was first in: an earlier one, if this is a repetition. */
  readonly index: number;
};

const FORMAT = 2;
export const REQUEST_ID_BYTES = 16;
const ID_PATTERN = /^[0-9a-f]{32}$/;

export function newRequestId(random: (size: number) => Buffer = randomBytes): string {
  return random(REQUEST_ID_BYTES).toString('hex');
}

/** Throws `request.invalid` unless `id` is one that a request may have. */
export function checkRequestId(id: string): void {
  if (!ID_PATTERN.test(id)) {
    throw new CofferError('request.invalid', "a request's id has 32 hexadecimal digits, in lower case");
  }
}

/**
 * The bytes of a request: u8 format (2), the id (16 bytes), u64 base index, u64 proposer, and the command. The caller
 * owns the buffer, which holds the value in the clear, and wipes it; it is that of `writer`, if one is given.
 */
export function encodeRequest(
  { id, baseIndex, proposer, command }: Request,
  writer: ByteWriter = new ByteWriter(),
): Buffer {
  invariant(ID_PATTERN.test(id), 'the id of a request was checked');
  writer.u8(FORMAT).fixed(Buffer.from(id, 'hex')).u64(baseIndex).u64(proposer);
  return writeCommand(writer, command).finish();
}

/**
 * Reads a request; throws `store.damaged` for bytes that `encodeRequest` does not write. Its value is a copy, or a view of
 * `bytes`, which then must not be wiped before it is done with.
 */
export function decodeRequest(bytes: Uint8Array, value: 'copy' | 'view' = 'copy'): Request {
  const reader = new ByteReader(bytes, 'a request in the log');
  const format = reader.u8();
  if (format !== FORMAT) {
    throw new CofferError(
      'store.damaged',
      `a request in the log has format ${format}, which this version cannot read`,
    );
  }
  const id = reader.fixed(REQUEST_ID_BYTES).toString('hex');
  const baseIndex = reader.u64();
  const proposer = reader.u64();
  return { id, baseIndex, proposer, command: decodeCommand(reader.rest(), value) };
}

/** Who proposed the request that these bytes are; undefined if they are none. */
export function proposerOf(bytes: Buffer): number | undefined {
  const offset = 1 + REQUEST_ID_BYTES + 8;
  return bytes.length >= offset + 8 && bytes[0] === FORMAT
    ? Number(bytes.readBigUInt64BE(offset))
    : undefined;
}

/**
 * Applies the request that stands at `index` in the log. A repetition changes nothing: it answers with the secret as it
 * is now, or with the refusal of the first time, so that what its caller was told stays true. One that comes so late that
 * it could be a forgotten repetition is refused with `request.expired`.
 */
export function applyRequest(view: SecretsView, request: Request, index: number): RequestOutcome {
  const { id, baseIndex, command } = request;
  const first = view.requestById(id);
  if (first !== undefined) {
    return repeated(view, first);
  }
  if (index <= baseIndex || index > baseIndex + REQUESTS_KEPT) {
    return { kind: 'refused', error: expired(baseIndex, index), effects: [], index };
  }
  const outcome = applyCommand(view, command, index);
  const applied = outcome.kind === 'applied';
  const remembered: Effect = {
    kind: 'put-request',
    slot: view.requestsApplied % REQUESTS_KEPT,
    request: {
      id,
      index,
      secretId: applied ? outcome.secret?.id : undefined,
      refusal: applied ? undefined : outcome.error.code,
    },
  };
  return { ...outcome, effects: [...(applied ? outcome.effects : []), remembered], index };
}

function repeated(view: SecretsView, { index, refusal, secretId }: AppliedRequest): RequestOutcome {
  if (refusal !== undefined) {
    const error = new CofferError(
      refusal,
      `the change was refused when it was made first, at entry ${index}`,
    );
    return { kind: 'refused', error, effects: [], index };
  }
  const secret = secretId === undefined ? undefined : view.byId(secretId);
  return { kind: 'applied', secret, effects: [], index };
}

function expired(baseIndex: number, index: number): CofferError {
  return new CofferError(
    'request.expired',
    `the change was made at entry ${baseIndex} of the log, and came at entry ${index}: ` +
      'whether it was made before cannot be told any more',
    { hint: 'Look whether the change was made, then make it anew.' },
  );
}

// SPDX-License-Identifier: Apache-2.0
// What is fuzzed: a parser, valid inputs to begin with, and what it may do with any other.
import { CofferError, type ErrorCode } from '../../src/common/index.ts';
import type { QuotingRules } from './canary.ts';

export interface FuzzTarget extends QuotingRules {
  /** Room and parser: `transport/frames`. */
  readonly name: string;
  /** Inputs that the parser takes, made by what writes them in earnest; a secret in them is `CANARY`. */
  readonly seeds: () => readonly Buffer[];
  /** Whether this is how the parser refuses an input. */
  readonly refuses: (thrown: unknown) => boolean;
  /** Parses; throws what the parser throws, or `BrokenPromise`. */
  readonly run: (bytes: Buffer) => unknown;
  /** Words that mean something to this parser. */
  readonly words?: readonly (string | Uint8Array)[];
  /** How many times fewer inputs are tried than of others, since one takes so much longer. Default 1. */
  readonly cost?: number;
  /** The largest input, in bytes. Default 64 KiB. */
  readonly size_bytes_max?: number;
  /** What it may allocate in buffers beside a multiple of its input, in bytes. Default 64 KiB. */
  readonly memory_bytes?: number;
  /** Ends what `run` has started by itself, which starts it again. */
  readonly stop?: () => Promise<void>;
}

/** The parser has taken an input, and broken what else it promises. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

/** A refusal is a CofferError with one of these codes. */
export function codes(...known: readonly ErrorCode[]): FuzzTarget['refuses'] {
  return (thrown) => thrown instanceof CofferError && known.includes(thrown.code);
}

/** There is one encoding of each thing: what was read has the bytes that it was read from. */
export function canonical<T>(
  decode: (bytes: Buffer) => T,
  encode: (value: T) => Buffer,
): (bytes: Buffer) => T {
  return (bytes) => {
    const given = Buffer.from(bytes);
    const value = decode(bytes);
    if (!encode(value).equals(given)) {
      throw new BrokenPromise('what was read is written as other bytes');
    }
    return value;
  };
}

/** What was read can be written, and what was written is read as the same. */
export function stable<T>(decode: (bytes: Buffer) => T, encode: (value: T) => Buffer): (bytes: Buffer) => T {
  return (bytes) => {
    const value = decode(bytes);
    const written = Buffer.from(encode(value));
    const again = encode(decode(Buffer.from(written)));
    if (!again.equals(written)) {
      throw new BrokenPromise('what was read, written and read is something else');
    }
    return value;
  };
}

/** A parser of text, which is given any bytes as UTF-8. */
export function ofText<T>(parse: (text: string) => T): (bytes: Buffer) => T {
  return (bytes) => parse(bytes.toString('utf8'));
}

export function textSeeds(...texts: readonly string[]): () => readonly Buffer[] {
  return () => texts.map((text) => Buffer.from(text));
}

export function jsonSeeds(...values: readonly unknown[]): () => readonly Buffer[] {
  return () => values.map((value) => Buffer.from(JSON.stringify(value)));
}

/** Several parsers of one kind: the first byte says which is given the others. */
export function chosen<Parser>(
  parsers: readonly Parser[],
  run: (parser: Parser, bytes: Buffer) => unknown,
): (bytes: Buffer) => unknown {
  return (bytes) => {
    const parser = parsers[(bytes[0] ?? 0) % parsers.length];
    return parser === undefined ? undefined : run(parser, bytes.subarray(1));
  };
}

/** For `chosen` of the parsers of an object, whose keys those of `values` are: JSON, or a text as it is. */
export function chosenSeeds<Key extends string>(
  parsers: Readonly<Record<Key, unknown>>,
  values: Readonly<Record<Key, unknown>>,
): readonly Buffer[] {
  const given: Readonly<Record<string, unknown>> = values;
  return Object.keys(parsers).map((key, place) => {
    const value = given[key];
    return Buffer.concat([
      Buffer.of(place),
      Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    ]);
  });
}

// SPDX-License-Identifier: Apache-2.0
// Inputs that are nearly valid: mutations of seeds, drawn from a seeded random.
import type { SeededRandom } from '../support/seeded-random.ts';

/** Tokens that parsers of many kinds trip over. */
const WORDS: readonly string[] = [
  '__proto__',
  'constructor',
  'toString',
  'null',
  'true',
  '-1',
  '0',
  '1e999',
  '9007199254740993',
  '-0',
  '0x10',
  '{}',
  '[]',
  '""',
  '\\u0000',
  '\\ud800',
  '\0',
  '\r\n',
  '\n',
  '\ufeff',
  '\u017f',
  '\u2028',
  '\u{1f512}',
  '../',
  '%2e%2e%2f',
  '%00',
  '${X}',
  "'",
  '"',
  '\\',
  ',',
  ':',
  '=',
  ' ',
  '*',
];

const BYTES = [
  0, 1, 2, 7, 0x0a, 0x1f, 0x20, 0x22, 0x2d, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0xc3, 0xed, 0xff,
] as const;
const SIZES = [
  0, 1, 2, 8, 31, 32, 33, 64, 255, 256, 1_000, 4_096, 65_535, 65_536, 511_999, 512_000, 0x7fff_ffff,
  0x8000_0000, 0xffff_ffff,
] as const;
const NUMBERS = [
  '0',
  '-1',
  '1',
  '255',
  '256',
  '65536',
  '2147483648',
  '4294967296',
  '9007199254740992',
  '1e308',
  '0.5',
  '00',
];
const OPENERS = ['[', '{', '{"a":', '(', '"', '- ', '&a [*a', '  '] as const;
const DEPTHS = [2, 10, 200, 3_000] as const;
const REPETITIONS = [2, 3, 16, 200, 1_000] as const;

export interface MutatorOptions {
  readonly random: SeededRandom;
  readonly words: readonly (string | Uint8Array)[];
  readonly size_bytes_max: number;
}

type Mutation = (bytes: Buffer, mutator: Mutator) => Buffer;

/** Makes inputs of a corpus, which stays as it is. */
export class Mutator {
  readonly random: SeededRandom;
  readonly words: readonly Buffer[];
  readonly #size_bytes_max: number;
  #corpus: readonly Buffer[] = [];

  constructor({ random, size_bytes_max, words }: MutatorOptions) {
    this.random = random;
    this.words = [...WORDS, ...words].map((word) =>
      typeof word === 'string' ? Buffer.from(word) : Buffer.from(word),
    );
    this.#size_bytes_max = size_bytes_max;
  }

  get corpus(): readonly Buffer[] {
    return this.#corpus;
  }

  /** One of the corpus after one to six mutations. */
  next(corpus: readonly Buffer[]): Buffer {
    this.#corpus = corpus;
    let bytes: Buffer = Buffer.from(this.random.pick(corpus));
    for (let steps = 1 + this.random.below(this.random.below(6) + 1); steps > 0; steps -= 1) {
      bytes = this.random.pick(MUTATIONS)(bytes, this).subarray(0, this.#size_bytes_max);
    }
    // In memory of its own: what a parser wipes, or keeps, is nobody else's.
    return Buffer.from(bytes);
  }

  place(bytes: Buffer): number {
    return this.random.below(bytes.length + 1);
  }

  /** Short ones more often than long ones. */
  span(bytes: Buffer): readonly [start: number, end: number] {
    const start = this.place(bytes);
    return [start, Math.min(bytes.length, start + 1 + this.random.below(this.random.pick([2, 8, 64, 512])))];
  }
}

function replaced(bytes: Buffer, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)]);
}

const flipBits: Mutation = (bytes, { random }) => {
  for (let flips = 1 + random.below(3); flips > 0 && bytes.length > 0; flips -= 1) {
    const at = random.below(bytes.length);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at);
  }
  return bytes;
};

const setByte: Mutation = (bytes, { random }) => {
  if (bytes.length > 0) {
    bytes.writeUInt8(random.pick(BYTES), random.below(bytes.length));
  }
  return bytes;
};

const insertRandom: Mutation = (bytes, mutator) => {
  const at = mutator.place(bytes);
  return replaced(bytes, at, at, mutator.random.bytes(1 + mutator.random.below(24)));
};

const insertWord: Mutation = (bytes, mutator) => {
  const at = mutator.place(bytes);
  return replaced(bytes, at, at, mutator.random.pick(mutator.words));
};

const replaceByWord: Mutation = (bytes, mutator) => {
  const [start, end] = mutator.span(bytes);
  return replaced(bytes, start, end, mutator.random.pick(mutator.words));
};

const cutOut: Mutation = (bytes, mutator) => replaced(bytes, ...mutator.span(bytes), Buffer.alloc(0));

const truncate: Mutation = (bytes, mutator) => bytes.subarray(0, mutator.place(bytes));

const repeat: Mutation = (bytes, mutator) => {
  const [start, end] = mutator.span(bytes);
  const piece = bytes.subarray(start, end);
  const pieces = Array.from({ length: mutator.random.pick(REPETITIONS) }, () => piece);
  return replaced(bytes, end, end, Buffer.concat(pieces));
};

const splice: Mutation = (bytes, mutator) => {
  const other = mutator.random.pick(mutator.corpus);
  return Buffer.concat([bytes.subarray(0, mutator.place(bytes)), other.subarray(mutator.place(other))]);
};

const transplant: Mutation = (bytes, mutator) => {
  const other = mutator.random.pick(mutator.corpus);
  return replaced(bytes, ...mutator.span(bytes), other.subarray(...mutator.span(other)));
};

/** A length or a count: as large as can be said, or just beside what it was or what is left. */
const setLength: Mutation = (bytes, { random }) => {
  const width = random.pick([1, 2, 4, 6] as const);
  if (bytes.length < width) {
    return bytes;
  }
  const at = random.below(bytes.length - width + 1);
  const left = bytes.length - at - width;
  const value = random.pick([...SIZES, left, left + 1, left - 1, bytes.readUIntBE(at, width) + 1]);
  bytes.writeUIntBE(Math.max(0, value) % 2 ** (8 * width), at, width);
  return bytes;
};

const setNumber: Mutation = (bytes, { random }) => {
  const found = [...bytes.toString('latin1').matchAll(/\d+/g)];
  if (found.length === 0) {
    return bytes;
  }
  const { 0: digits, index } = random.pick(found);
  return replaced(bytes, index, index + digits.length, Buffer.from(random.pick(NUMBERS)));
};

const nest: Mutation = (bytes, mutator) => {
  const at = mutator.place(bytes);
  return replaced(
    bytes,
    at,
    at,
    Buffer.from(mutator.random.pick(OPENERS).repeat(mutator.random.pick(DEPTHS))),
  );
};

const swapCase: Mutation = (bytes, mutator) => {
  const [start, end] = mutator.span(bytes);
  const text = bytes.toString('latin1', start, end);
  return replaced(
    bytes,
    start,
    end,
    Buffer.from(text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase(), 'latin1'),
  );
};

/** JSON's own parts: one value in the place of another. */
const swapValue: Mutation = (bytes, { random }) => {
  const found = [...bytes.toString('latin1').matchAll(/"(?:[^"\\]|\\.){0,200}"|-?\d+|true|false|null/g)];
  if (found.length < 2) {
    return bytes;
  }
  const { 0: from, index } = random.pick(found);
  const by = random.pick([...found.map(([value]) => value), '{}', '[]', 'null', '""']);
  return replaced(bytes, index, index + from.length, Buffer.from(by, 'latin1'));
};

const MUTATIONS: readonly Mutation[] = [
  flipBits,
  flipBits,
  setByte,
  insertRandom,
  insertWord,
  replaceByWord,
  cutOut,
  truncate,
  repeat,
  splice,
  transplant,
  setLength,
  setLength,
  setNumber,
  nest,
  swapCase,
  swapValue,
];

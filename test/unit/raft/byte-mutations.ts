// SPDX-License-Identifier: Apache-2.0
// What goes wrong with bytes on their way, or is done to them: mutations of valid encodings, from a seed.
import type { SeededRandom } from '../../support/seeded-random.ts';

/** Lengths and counts that decoders trip over: around the limits, and as large as a u32 can say. */
const HOSTILE_LENGTHS = [
  0, 1, 8, 21, 1_000, 1_001, 4_096, 4_097, 65_536, 65_537, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
] as const;

type Mutation = (bytes: Buffer, random: SeededRandom, corpus: readonly Buffer[]) => Buffer;

const flipBits: Mutation = (bytes, random) => {
  for (let flips = 1 + random.below(3); flips > 0 && bytes.length > 0; flips -= 1) {
    const at = random.below(bytes.length);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at);
  }
  return bytes;
};

const setByte: Mutation = (bytes, random) => {
  if (bytes.length > 0) {
    bytes.writeUInt8(random.pick([0, 1, 2, 3, 0x1f, 0x20, 0x7f, 0x80, 0xff]), random.below(bytes.length));
  }
  return bytes;
};

const blowUpLength: Mutation = (bytes, random) => {
  if (bytes.length >= 4) {
    bytes.writeUInt32BE(random.pick(HOSTILE_LENGTHS), random.below(bytes.length - 3));
  }
  return bytes;
};

const truncate: Mutation = (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1));

const extend: Mutation = (bytes, random) => Buffer.concat([bytes, random.bytes(1 + random.below(30))]);

const cutOut: Mutation = (bytes, random) => {
  const start = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 1 + random.below(16))]);
};

/** The beginning of one encoding and the end of another. */
const splice: Mutation = (bytes, random, corpus) => {
  const other = random.pick(corpus);
  return Buffer.concat([
    bytes.subarray(0, random.below(bytes.length + 1)),
    other.subarray(random.below(other.length + 1)),
  ]);
};

const randomTail: Mutation = (bytes, random) => {
  const start = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, start), random.bytes(random.below(80))]);
};

const MUTATIONS = [flipBits, setByte, blowUpLength, truncate, extend, cutOut, splice, randomTail] as const;

/** One of the corpus after one to three mutations; the corpus itself stays as it is. */
export function mutant(corpus: readonly Buffer[], random: SeededRandom): Buffer {
  let bytes: Buffer = Buffer.from(random.pick(corpus));
  for (let steps = 1 + random.below(3); steps > 0; steps -= 1) {
    bytes = random.pick(MUTATIONS)(bytes, random, corpus);
  }
  return bytes;
}

// SPDX-License-Identifier: Apache-2.0
// What damage or malice makes of good bytes and good text.
import * as fc from 'fast-check';
import { encodePem, type PemKind } from '../../../src/pki/pem.ts';

interface Change {
  readonly at: number;
  readonly remove: number;
  readonly insert: Uint8Array;
}

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  remove: fc.oneof(fc.constant(0), fc.constant(1), fc.nat(40)),
  insert: fc.oneof(
    fc.uint8Array({ maxLength: 3 }),
    fc.constant(Uint8Array.of(0x30, 0x80)),
    fc.uint8Array({ maxLength: 40 }),
  ),
});

function apply(bytes: Buffer, { at, remove, insert }: Change): Buffer {
  const start = at % (bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + remove)]);
}

/** `bytes` with one to three places changed, or cut, or grown; now and then nothing of it at all. */
export function mutations(bytes: Buffer): fc.Arbitrary<Buffer> {
  const changed = fc
    .array(change, { minLength: 1, maxLength: 3 })
    .map((changes) => changes.reduce(apply, bytes));
  const flipped = fc
    .tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }))
    .map(([at, bits]) => apply(bytes, { at, remove: 1, insert: Uint8Array.of(bytes.readUInt8(at) ^ bits) }));
  const unrelated = fc.uint8Array({ maxLength: 200 }).map((random) => Buffer.from(random));
  return fc.oneof({ weight: 4, arbitrary: changed }, { weight: 4, arbitrary: flipped }, unrelated);
}

/** The same as text. */
export function textMutations(text: string): fc.Arbitrary<string> {
  const random = fc.oneof(fc.string(), fc.string({ unit: 'binary' }));
  const changed = mutations(Buffer.from(text)).map((bytes) => bytes.toString('latin1'));
  return fc.oneof({ weight: 8, arbitrary: changed }, random);
}

/** PEM whose DER was changed, so that the decoders behind the PEM are reached, and PEM that was itself changed. */
export function pemMutations(kind: PemKind, pem: string, der: Buffer): fc.Arbitrary<string> {
  const inside = mutations(der).map((bytes) => encodePem(kind, bytes));
  return fc.oneof({ weight: 3, arbitrary: inside }, { weight: 1, arbitrary: textMutations(pem) });
}

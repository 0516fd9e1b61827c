// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stdoutIn } from '../../../src/engine/stream-frames.ts';

function frame(stream: number, ...bytes: readonly number[]): readonly number[] {
  return [stream, 0, 0, 0, 0, 0, 0, bytes.length, ...bytes];
}

const CASES: readonly (readonly [
  what: string,
  raw: readonly number[],
  found: readonly number[] | undefined,
])[] = [
  ['nothing', [], []],
  ['one frame', frame(1, 5, 6), [5, 6]],
  ['several frames, with others between', [...frame(1, 5), ...frame(2, 9), ...frame(1, 0, 255)], [5, 0, 255]],
  ['an empty frame', frame(1), []],
  ['a header that is cut off', [...frame(1, 5), 1, 0, 0], undefined],
  ['a frame that is cut off', frame(1, 5, 6).slice(0, -1), undefined],
];

for (const [what, raw, found] of CASES) {
  test(`${what}: what went to standard output is told`, () => {
    const output = stdoutIn(Buffer.from(raw));
    assert.deepEqual(output === undefined ? undefined : [...output], found);
  });
}

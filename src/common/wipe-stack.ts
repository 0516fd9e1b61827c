// SPDX-License-Identifier: Apache-2.0

/** Some 150 bytes each: more than Node.js and the libraries below it need to read from a connection. */
const FRAMES = 600;

/**
 * Overwrites what calls that have ended left on this thread's stack. Node.js copies what it reads over TLS by way of a buffer there
 * (TLSWrap::ClearOut), which nobody can reach, and which otherwise stays as it is until as much is read again. Call it from a callback
 * of its own, such as one of `setImmediate`: what called the caller is still in use.
 */
export function wipeStack(): void {
  descend(FRAMES, 0, 0, 0, 0, 0, 0, 0, 0);
}

/** The parameters are what the stack is overwritten with. */
function descend(
  left: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
  g: number,
  h: number,
): number {
  return left === 0 ? a + b + c + d + e + f + g + h : descend(left - 1, h, a, b, c, d, e, f, g) + 1;
}

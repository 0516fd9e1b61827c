// SPDX-License-Identifier: Apache-2.0
// What a container's process writes, as the engine sends it: in frames, each with the stream that it belongs to (Engine API,
// ContainerAttach).

const HEADER_BYTES = 8;
const STDOUT = 1;

/** What went to standard output: one buffer of its own. Undefined if the frames are not whole. */
export function stdoutIn(raw: Buffer): Buffer | undefined {
  const pieces: Buffer[] = [];
  let at = 0;
  while (at < raw.length) {
    if (at + HEADER_BYTES > raw.length) {
      return undefined;
    }
    const end = at + HEADER_BYTES + raw.readUInt32BE(at + 4);
    if (end > raw.length) {
      return undefined;
    }
    if (raw[at] === STDOUT) {
      pieces.push(raw.subarray(at + HEADER_BYTES, end));
    }
    at = end;
  }
  const whole = Buffer.alloc(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let written = 0;
  for (const piece of pieces) {
    whole.set(piece, written);
    written += piece.length;
  }
  return whole;
}

// SPDX-License-Identifier: Apache-2.0

const ID_WORDS = 4;
const WORD_LIMIT = 2 ** 32;

/** 16 bytes. `random`: an integer from 0 to `limit` - 1. */
export function randomId(random: (limit: number) => number): Buffer {
  const id = Buffer.alloc(ID_WORDS * 4);
  for (let word = 0; word < ID_WORDS; word += 1) {
    id.writeUInt32BE(random(WORD_LIMIT), word * 4);
  }
  return id;
}

// SPDX-License-Identifier: Apache-2.0
// Values that say by themselves which call wrote them, whatever their size.

/** A value of `size` bytes at least, that begins with its tag. */
export function valueOf(tag: string, size: number): Buffer {
  const text = `${tag}:`;
  const value = Buffer.alloc(Math.max(size, text.length), 0x2e);
  value.write(text, 'latin1');
  return value;
}

/** The tag of a value, or a text that is none if the value is not whole. */
export function tagOf(value: Buffer): string {
  const end = value.indexOf(0x3a);
  const tag = value.subarray(0, end < 0 ? 0 : end).toString('latin1');
  const rest = value.subarray(end + 1);
  return end > 0 && rest.every((byte) => byte === 0x2e) ? tag : `no value of ${value.length} bytes`;
}

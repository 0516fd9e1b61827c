// SPDX-License-Identifier: Apache-2.0
// Looks for many values at once, in every form in which a careless program writes bytes down.
import { closeSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import path from 'node:path';

/** How much of a value's beginning, and of its end, is looked for: long enough that chance does not find it. */
const SLICE_BYTES = 18;
const KEY_BYTES = 4;
const CHUNK_BYTES = 4 * 1024 * 1024;
const FILTER_BITS = 24;

interface Needle {
  readonly bytes: Buffer;
  readonly value: string;
  readonly form: string;
}

export interface Leak {
  /** The value's name, as it was added. */
  readonly value: string;
  readonly form: string;
  /** Where it was found, as it was named. */
  readonly place: string;
}

/** The characters of base64 that depend on `slice` alone when `before` other bytes stand before it. */
function base64Inside(slice: Buffer, before: 0 | 1 | 2): string {
  const encoded = Buffer.concat([Buffer.alloc(before), slice]).toString('base64');
  const whole = Math.floor((before + slice.length) / 3) * 4;
  return encoded.slice(before === 0 ? 0 : before + 1, whole);
}

function formsOf(slice: Buffer): ReadonlyMap<string, Buffer> {
  const forms = new Map<string, Buffer>([['raw', slice]]);
  const add = (form: string, text: string): void => {
    forms.set(form, Buffer.from(text, 'utf8'));
  };
  for (const before of [0, 1, 2] as const) {
    const base64 = base64Inside(slice, before);
    add(`base64 after ${before}`, base64);
    add(`base64url after ${before}`, base64.replaceAll('+', '-').replaceAll('/', '_'));
  }
  const hex = slice.toString('hex');
  add('hex', hex);
  add('HEX', hex.toUpperCase());
  add('spaced hex', hex.replaceAll(/(..)(?!$)/g, '$1 '));
  add('list of bytes', [...slice].join(','));
  const text = slice.toString('utf8');
  if (Buffer.from(text, 'utf8').equals(slice)) {
    const json = JSON.stringify(text).slice(1, -1);
    add('JSON', json);
    add(
      'JSON of Go',
      json.replaceAll(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`),
    );
    add('JSON in JSON', JSON.stringify(json).slice(1, -1));
    add('URL', encodeURIComponent(text));
    add('form', encodeURIComponent(text).replaceAll('%20', '+'));
  } else {
    const replaced = JSON.stringify(slice.toString('utf8')).slice(1, -1);
    add('JSON of broken UTF-8', replaced);
    add('latin1 as UTF-8', slice.toString('latin1'));
  }
  return forms;
}

/** A set of values, and all places where they were found. */
export class LeakScanner {
  readonly #needles = new Map<number, Needle[]>();
  readonly #filter = new Uint8Array(2 ** (FILTER_BITS - 3));
  #longest = KEY_BYTES;
  #scanned_bytes = 0;

  /** Looks for `value` from now on. Its beginning and its end have to be no common bytes. */
  add(name: string, value: Buffer): void {
    if (value.length < SLICE_BYTES) {
      throw new RangeError(`the value ${name} is too short to be looked for`);
    }
    const ends = { beginning: value.subarray(0, SLICE_BYTES), end: value.subarray(-SLICE_BYTES) };
    for (const [part, slice] of Object.entries(ends)) {
      for (const [form, bytes] of formsOf(slice)) {
        const key = bytes.readUInt32BE(0);
        const others = this.#needles.get(key) ?? [];
        if (!others.some((other) => other.bytes.equals(bytes))) {
          this.#needles.set(key, [...others, { bytes, value: name, form: `${form} (${part})` }]);
          this.#mark(key);
          this.#longest = Math.max(this.#longest, bytes.length);
        }
      }
    }
  }

  /** How many bytes were looked through. */
  get scanned_bytes(): number {
    return this.#scanned_bytes;
  }

  /** All values that stand in `bytes`, each form once. */
  scan(bytes: Buffer, place: string): readonly Leak[] {
    this.#scanned_bytes += bytes.length;
    const found = new Map<string, Leak>();
    let key = 0;
    for (let offset = 0; offset < bytes.length; offset += 1) {
      key = ((key << 8) | (bytes[offset] ?? 0)) >>> 0;
      if (offset >= KEY_BYTES - 1 && this.#isMarked(key)) {
        for (const needle of this.#needles.get(key) ?? []) {
          const start = offset - KEY_BYTES + 1;
          if (bytes.subarray(start, start + needle.bytes.length).equals(needle.bytes)) {
            found.set(`${needle.value} ${needle.form}`, { value: needle.value, form: needle.form, place });
          }
        }
      }
    }
    return [...found.values()];
  }

  scanFile(file: string): readonly Leak[] {
    const descriptor = openSync(file, 'r');
    try {
      const leaks: Leak[] = [];
      const buffer = Buffer.alloc(CHUNK_BYTES);
      // What a chunk ends with is looked at again with the next one.
      for (let kept = 0; ; ) {
        const read = readSync(descriptor, buffer, kept, CHUNK_BYTES - kept, null);
        if (read === 0) {
          return leaks;
        }
        const filled = kept + read;
        leaks.push(...this.scan(buffer.subarray(0, filled), file));
        kept = Math.min(this.#longest, filled);
        buffer.copyWithin(0, filled - kept, filled);
      }
    } finally {
      closeSync(descriptor);
    }
  }

  /** Scans a file that may be removed meanwhile: what is gone holds nothing. */
  scanPassingFile(file: string): readonly Leak[] {
    try {
      return this.scanFile(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        return [];
      }
      throw error;
    }
  }

  /** Scans every regular file below `directory`, and all names on the way, except below what `skip` names. */
  scanTree(directory: string, skip: (place: string) => boolean = () => false): readonly Leak[] {
    const leaks: Leak[] = [];
    for (const name of readdirSync(directory)) {
      const place = path.join(directory, name);
      if (skip(place)) {
        continue;
      }
      leaks.push(...this.scan(Buffer.from(name), `the name of ${place}`));
      const kind = lstatSync(place, { throwIfNoEntry: false });
      if (kind?.isDirectory() === true) {
        leaks.push(...this.scanTree(place, skip));
      } else if (kind?.isFile() === true) {
        leaks.push(...this.scanPassingFile(place));
      }
    }
    return leaks;
  }

  #mark(key: number): void {
    const bit = key >>> (32 - FILTER_BITS);
    this.#filter[bit >>> 3] = (this.#filter[bit >>> 3] ?? 0) | (1 << (bit & 7));
  }

  #isMarked(key: number): boolean {
    const bit = key >>> (32 - FILTER_BITS);
    return ((this.#filter[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0;
  }
}

/** As many lines as a person reads: what was found where. */
export function describeLeaks(leaks: readonly Leak[]): string {
  const lines = leaks.slice(0, 20).map(({ value, form, place }) => `${value} as ${form} in ${place}`);
  return leaks.length > lines.length
    ? `${lines.join('\n')}\nand ${leaks.length - lines.length} more`
    : lines.join('\n');
}

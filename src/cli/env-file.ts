// SPDX-License-Identifier: Apache-2.0
// Files of variables, as Compose reads them (https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/):
// KEY=VALUE, with comments, `export`, and quotes that a value may go over lines in. What Compose would fill in is refused, since
// what the value is to be is not in the file. Values never become text.
import { type CommandError, usageError } from './command-error.ts';

export interface EnvEntry {
  readonly key: string;
  /** From 1 on. */
  readonly line: number;
  /** Memory of its own, which the caller wipes; it may be empty. */
  readonly value: Buffer;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const HASH = 0x23;
const DOLLAR = 0x24;
const SINGLE = 0x27;
const DOUBLE = 0x22;
const BACKSLASH = 0x5c;
const KEY_PATTERN = /^(?:export[ \t]+)?([A-Za-z0-9_.-]+)[ \t]*$/;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** What a backslash and this byte mean between double quotes. */
const ESCAPES: ReadonlyMap<number, number> = new Map([
  [0x6e, NEWLINE],
  [0x72, RETURN],
  [0x74, 0x09],
  [DOUBLE, DOUBLE],
  [BACKSLASH, BACKSLASH],
  [DOLLAR, DOLLAR],
]);

/** All of them, in the file's order, the last of those with one key alone. Rejects the whole file at the first thing wrong with it. */
export function readEnvFile(bytes: Buffer): readonly EnvEntry[] {
  const reader = new EnvReader(bytes);
  const byKey = new Map<string, EnvEntry>();
  try {
    for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
      byKey.get(entry.key)?.value.fill(0);
      byKey.delete(entry.key);
      byKey.set(entry.key, entry);
    }
  } catch (thrown) {
    byKey.forEach(({ value }) => value.fill(0));
    throw thrown;
  } finally {
    reader.wipe();
  }
  return [...byKey.values()];
}

class EnvReader {
  readonly #bytes: Buffer;
  /** The value that is being read; none is longer than the file. */
  readonly #value: Buffer;
  #length = 0;
  #at: number;
  #line = 1;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#value = Buffer.alloc(bytes.length);
    this.#at = bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
  }

  wipe(): void {
    this.#value.fill(0);
  }

  next(): EnvEntry | undefined {
    while (this.#at < this.#bytes.length) {
      this.#skipSpaces();
      const byte = this.#bytes[this.#at];
      if (byte === HASH || byte === NEWLINE || byte === RETURN || byte === undefined) {
        this.#skipLine();
      } else {
        return this.#entry();
      }
    }
    return undefined;
  }

  #entry(): EnvEntry {
    const line = this.#line;
    const key = this.#key();
    this.#skipSpaces();
    this.#length = 0;
    const quote = this.#bytes[this.#at];
    if (quote === SINGLE || quote === DOUBLE) {
      this.#quoted(quote);
      this.#expectEnd();
    } else {
      this.#bare();
    }
    const value = Buffer.alloc(this.#length);
    this.#value.copy(value, 0, 0, this.#length);
    return { key, line, value };
  }

  #key(): string {
    const end = this.#endOfLine();
    const equals = this.#bytes.subarray(this.#at, end).indexOf('=');
    if (equals < 0) {
      throw this.#wrong('is not KEY=VALUE');
    }
    const text = this.#bytes.toString('latin1', this.#at, this.#at + equals);
    const key = KEY_PATTERN.exec(text)?.[1];
    if (key === undefined) {
      throw this.#wrong('does not begin with a name of letters, digits and _ . - before the =');
    }
    this.#at += equals + 1;
    return key;
  }

  /** To the end of the line, or to a comment that a space stands before. */
  #bare(): void {
    const end = this.#endOfLine();
    let last = 0;
    for (let before = this.#bytes[this.#at - 1] ?? 0; this.#at < end; this.#at += 1) {
      const byte = this.#bytes[this.#at] ?? 0;
      if (byte === HASH && isSpace(before)) {
        break;
      }
      this.#refuseFilled(byte);
      this.#push(byte);
      last = isSpace(byte) || byte === RETURN ? last : this.#length;
      before = byte;
    }
    this.#length = last;
    this.#skipLine();
  }

  #quoted(quote: number): void {
    const begin = this.#wrong('has a quote that is not closed');
    for (this.#at += 1; this.#at < this.#bytes.length; this.#at += 1) {
      const byte = this.#bytes[this.#at] ?? 0;
      const next = this.#bytes[this.#at + 1] ?? 0;
      if (byte === quote) {
        this.#at += 1;
        return;
      }
      this.#line += byte === NEWLINE ? 1 : 0;
      const meant = quote === DOUBLE ? ESCAPES.get(next) : next === SINGLE ? SINGLE : undefined;
      if (byte === BACKSLASH && meant !== undefined) {
        this.#push(meant);
        this.#at += 1;
        continue;
      }
      if (quote === DOUBLE) {
        this.#refuseFilled(byte);
      }
      this.#push(byte);
    }
    throw begin;
  }

  #expectEnd(): void {
    this.#skipSpaces();
    const byte = this.#bytes[this.#at];
    if (byte !== undefined && byte !== HASH && byte !== NEWLINE && byte !== RETURN) {
      throw this.#wrong('has something behind its closing quote');
    }
    this.#skipLine();
  }

  #refuseFilled(byte: number): void {
    const next = String.fromCharCode(this.#bytes[this.#at + 1] ?? 0);
    if (byte === DOLLAR && /[A-Za-z_{$]/.test(next)) {
      throw this.#wrong(
        'has a $ that Compose would fill something in for',
        "Put the value between single quotes if the $ is part of it: KEY='VALUE'",
      );
    }
  }

  #push(byte: number): void {
    this.#value[this.#length] = byte;
    this.#length += 1;
  }

  #skipSpaces(): void {
    while (isSpace(this.#bytes[this.#at] ?? 0)) {
      this.#at += 1;
    }
  }

  #skipLine(): void {
    this.#at = this.#endOfLine() + 1;
    this.#line += 1;
  }

  #endOfLine(): number {
    const end = this.#bytes.indexOf(NEWLINE, this.#at);
    return end < 0 ? this.#bytes.length : end;
  }

  /** The line is not repeated: it may well be a value. */
  #wrong(what: string, hint?: string): CommandError {
    return usageError(`line ${this.#line} of the file ${what}; nothing was imported`, hint);
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}

// SPDX-License-Identifier: Apache-2.0
// Reading JSON as the engine does: with the grammar, the leniency and the error texts of Go's encoding/json
// (src/encoding/json/scanner.go). It works on bytes and hands out spans, so that a value in a request never
// becomes a string.

export type JsonType = 'string' | 'number' | 'bool' | 'object' | 'array' | 'null';

/** A value's place in the bytes. */
export interface JsonSpan {
  readonly type: JsonType;
  readonly start: number;
  /** After the last byte. */
  readonly end: number;
}

export interface JsonMember extends JsonSpan {
  readonly key: string;
}

export interface JsonDocument extends JsonSpan {
  /** The members of the outermost object in their order, repeated keys too; empty for any other type. */
  readonly members: readonly JsonMember[];
}

/** Says in Go's words what is wrong with JSON. It quotes one character at most. */
export class GoJsonError extends Error {
  override readonly name = 'GoJsonError';
}

/** There are no bytes but white space. */
export class EmptyJsonError extends GoJsonError {}

/** Go's own limit of nesting. */
const DEPTH_MAX = 10_000;

const LITERALS = [
  { word: 'true', type: 'bool' },
  { word: 'false', type: 'bool' },
  { word: 'null', type: 'null' },
] as const satisfies readonly { readonly word: string; readonly type: JsonType }[];

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [COMMA, COLON] = [0x2c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const [MINUS, PLUS, DOT, ZERO, NINE] = [0x2d, 0x2b, 0x2e, 0x30, 0x39];

/** Reads the first value in `bytes`, as a `json.Decoder` does: what stands behind it is not looked at. */
export function readJson(bytes: Buffer): JsonDocument {
  return new Scanner(bytes).document();
}

/** Whether anything but white space stands from `offset` on. */
export function hasMore(bytes: Buffer, offset: number): boolean {
  return bytes.subarray(offset).some((byte) => !isSpace(byte));
}

interface Container {
  /** The byte that ends it. */
  readonly closer: number;
  readonly start: number;
}

class Scanner {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  // One loop with a stack of its own: a body of brackets alone must not exhaust the stack of the process.
  document(): JsonDocument {
    this.#space();
    if (this.#at === this.#bytes.length) {
      throw new EmptyJsonError('EOF');
    }
    const open: Container[] = [];
    const members: JsonMember[] = [];
    let key = '';
    for (;;) {
      let value = this.#scalarOrOpen(open);
      if (value === undefined) {
        const isEmpty = this.#enter(open);
        if (!isEmpty) {
          key = this.#keyOf(open, key);
          continue;
        }
        value = this.#close(open);
      }
      for (;;) {
        if (open.length === 0) {
          return { ...value, members };
        }
        if (open.length === 1 && open[0]?.closer === CLOSE_BRACE) {
          members.push({ ...value, key });
        }
        if (this.#another(open)) {
          key = this.#keyOf(open, key);
          break;
        }
        value = this.#close(open);
      }
    }
  }

  /** Reads a scalar, or opens a container and answers undefined. */
  #scalarOrOpen(open: Container[]): JsonSpan | undefined {
    this.#space();
    const start = this.#at;
    const byte = this.#bytes[start];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (open.length === DEPTH_MAX) {
        throw new GoJsonError('exceeded max depth');
      }
      open.push({ start, closer: byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET });
      this.#at += 1;
      return undefined;
    }
    const type = this.#scalar(byte);
    return { type, start, end: this.#at };
  }

  #scalar(byte: number | undefined): JsonType {
    if (byte === QUOTE) {
      this.#string();
      return 'string';
    }
    if (byte === MINUS || isDigit(byte)) {
      this.#number();
      return 'number';
    }
    const literal = LITERALS.find(({ word }) => word.charCodeAt(0) === byte);
    return literal === undefined
      ? this.#fail('looking for beginning of value')
      : this.#literal(literal.word, literal.type);
  }

  /** After an opening bracket: true if the container ends at once. */
  #enter(open: readonly Container[]): boolean {
    this.#space();
    return this.#bytes[this.#at] === open.at(-1)?.closer;
  }

  #close(open: Container[]): JsonSpan {
    const container = open.pop();
    this.#at += 1;
    return {
      type: container?.closer === CLOSE_BRACE ? 'object' : 'array',
      start: container?.start ?? 0,
      end: this.#at,
    };
  }

  /** After a value: true at a comma, false at the container's end. */
  #another(open: readonly Container[]): boolean {
    this.#space();
    const closer = open.at(-1)?.closer;
    if (this.#bytes[this.#at] === COMMA) {
      this.#at += 1;
      return true;
    }
    if (this.#bytes[this.#at] === closer) {
      return false;
    }
    return this.#fail(closer === CLOSE_BRACE ? 'after object key:value pair' : 'after array element');
  }

  /** Reads a key and its colon if the innermost container is an object; only the outermost one's are kept. */
  #keyOf(open: readonly Container[], outermost: string): string {
    if (open.at(-1)?.closer !== CLOSE_BRACE) {
      return outermost;
    }
    this.#space();
    const start = this.#at;
    if (this.#bytes[start] !== QUOTE) {
      this.#fail('looking for beginning of object key string');
    }
    this.#string();
    const end = this.#at;
    this.#space();
    if (this.#bytes[this.#at] !== COLON) {
      this.#fail('after object key');
    }
    this.#at += 1;
    return open.length === 1 ? textOf(this.#bytes.subarray(start, end)) : outermost;
  }

  #string(): void {
    this.#at += 1;
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined || byte < 0x20) {
        this.#fail('in string literal');
      }
      this.#at += 1;
      if (byte === QUOTE) {
        return;
      }
      if (byte === BACKSLASH) {
        this.#escape();
      }
    }
  }

  #escape(): void {
    const byte = this.#bytes[this.#at];
    if (byte === undefined || !'bfnrt\\/"u'.includes(String.fromCharCode(byte))) {
      this.#fail('in string escape code');
    }
    this.#at += 1;
    if (byte !== 0x75) {
      return;
    }
    for (let digit = 0; digit < 4; digit += 1) {
      const hex = this.#bytes[this.#at];
      if (hex === undefined || !/[0-9a-fA-F]/.test(String.fromCharCode(hex))) {
        this.#fail('in \\u hexadecimal character escape');
      }
      this.#at += 1;
    }
  }

  #literal(word: string, type: JsonType): JsonType {
    this.#at += 1;
    for (const letter of word.slice(1)) {
      if (this.#bytes[this.#at] !== letter.charCodeAt(0)) {
        this.#fail(`in literal ${word} (expecting '${letter}')`);
      }
      this.#at += 1;
    }
    return type;
  }

  #number(): void {
    if (this.#bytes[this.#at] === MINUS) {
      this.#at += 1;
    }
    if (this.#bytes[this.#at] === ZERO) {
      this.#at += 1;
    } else {
      this.#digits('in numeric literal');
    }
    if (this.#bytes[this.#at] === DOT) {
      this.#at += 1;
      this.#digits('after decimal point in numeric literal');
    }
    if (this.#bytes[this.#at] === 0x65 || this.#bytes[this.#at] === 0x45) {
      this.#at += 1;
      if (this.#bytes[this.#at] === PLUS || this.#bytes[this.#at] === MINUS) {
        this.#at += 1;
      }
      this.#digits('in exponent of numeric literal');
    }
  }

  #digits(context: string): void {
    if (!isDigit(this.#bytes[this.#at])) {
      this.#fail(context);
    }
    while (isDigit(this.#bytes[this.#at])) {
      this.#at += 1;
    }
  }

  #space(): void {
    while (isSpace(this.#bytes[this.#at])) {
      this.#at += 1;
    }
  }

  #fail(context: string): never {
    const byte = this.#bytes[this.#at];
    throw new GoJsonError(
      byte === undefined ? 'unexpected EOF' : `invalid character ${quoted(byte)} ${context}`,
    );
  }
}

/** The text of a JSON string's bytes, quotes included. The scanner has accepted them. */
function textOf(span: Buffer): string {
  return String(JSON.parse(span.toString('utf8')));
}

/** The value of a span that the scanner has accepted. */
export function valueOf(span: Buffer): unknown {
  return JSON.parse(span.toString('utf8'));
}

function quoted(byte: number): string {
  const character = String.fromCharCode(byte);
  switch (character) {
    case "'":
      return "'\\''";
    case '"':
      return "'\"'";
    case '\\':
      return "'\\\\'";
    case '\n':
      return "'\\n'";
    case '\r':
      return "'\\r'";
    case '\t':
      return "'\\t'";
    default:
      return byte < 0x20 || byte === 0x7f ? `'\\x${byte.toString(16).padStart(2, '0')}'` : `'${character}'`;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

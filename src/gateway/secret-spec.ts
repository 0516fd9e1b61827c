// SPDX-License-Identifier: Apache-2.0
// The SecretSpec of the Engine API, read out of a request's body as the engine reads it.
import { SecretValue } from '../common/index.ts';
import type { Labels } from '../secrets/index.ts';
import { decodeBase64 } from './go-base64.ts';
import { GoJsonError, type JsonMember, type JsonType, readJson, valueOf } from './go-json.ts';

export interface DriverSpec {
  readonly Name: string;
  readonly Options?: Labels;
}

/** What a client asked for. Whoever holds it wipes `data`. */
export interface SecretSpec {
  readonly name: string;
  /** Undefined when the body has none, or null. */
  readonly labels: Labels | undefined;
  /** Undefined when the body has none, or null; it may be empty. */
  readonly data: SecretValue | undefined;
  readonly driver: DriverSpec | undefined;
  readonly templating: DriverSpec | undefined;
  /** Where the document ends in the body: older engines ignore what stands behind it. */
  readonly end: number;
}

type Draft = { -readonly [Key in keyof SecretSpec]: SecretSpec[Key] };

/**
 * Reads a body; throws an error whose message is the engine's text (`GoJsonError`, `GoBase64Error`). As in Go,
 * keys match without regard to case, the last of repeated ones counts, and broken syntax is told before anything else.
 */
export function decodeSecretSpec(body: Buffer): SecretSpec {
  const document = readJson(body);
  if (document.type !== 'object' && document.type !== 'null') {
    throw new GoJsonError(`json: cannot unmarshal ${document.type} into Go value of type swarm.SecretSpec`);
  }
  const draft: Draft = {
    name: '',
    labels: undefined,
    data: undefined,
    driver: undefined,
    templating: undefined,
    end: document.end,
  };
  try {
    for (const member of document.members) {
      takeMember(draft, member, body.subarray(member.start, member.end));
    }
  } catch (thrown) {
    draft.data?.wipe();
    throw thrown;
  }
  return draft;
}

/** The body for the engine: the same secret without its data. */
export function encodeWithoutData(spec: SecretSpec, driver: DriverSpec | undefined): Buffer {
  return Buffer.from(
    JSON.stringify({
      Name: spec.name,
      Labels: spec.labels ?? null,
      Driver: driver,
      Templating: spec.templating,
    }),
  );
}

function takeMember(draft: Draft, member: JsonMember, span: Buffer): void {
  switch (foldKey(member.key)) {
    case 'name':
      draft.name = textMember(member, span, 'Name') ?? draft.name;
      break;
    case 'labels':
      draft.labels = textMapMember(member.type, valueOf(span), 'Labels');
      break;
    case 'data':
      draft.data?.wipe();
      draft.data = dataMember(member, span);
      break;
    case 'driver':
      draft.driver = driverMember(member, span, 'Driver');
      break;
    case 'templating':
      draft.templating = driverMember(member, span, 'Templating');
      break;
    default:
      break;
  }
}

function textMember(member: JsonMember, span: Buffer, field: string): string | undefined {
  return member.type === 'null' ? undefined : expectText(valueOf(span), field);
}

function textMapMember(type: JsonType, value: unknown, field: string, struct?: string): Labels | undefined {
  if (type === 'null') {
    return undefined;
  }
  if (!isObject(value)) {
    throw mismatch(value, field, 'map[string]string', struct);
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, text]) => [key, text === null ? '' : expectText(text, field, struct)]),
  );
}

function driverMember(member: JsonMember, span: Buffer, field: string): DriverSpec | undefined {
  if (member.type === 'null') {
    return undefined;
  }
  const value = valueOf(span);
  if (!isObject(value)) {
    throw mismatch(value, field, 'swarm.Driver');
  }
  let name = '';
  let options: Labels | undefined;
  for (const [key, entry] of Object.entries(value)) {
    if (foldKey(key) === 'name' && entry !== null) {
      name = expectText(entry, `${field}.Name`, 'Driver');
    } else if (foldKey(key) === 'options') {
      options = textMapMember(typeOf(entry), entry, `${field}.Options`, 'Driver');
    }
  }
  return options === undefined ? { Name: name } : { Name: name, Options: options };
}

function dataMember(member: JsonMember, span: Buffer): SecretValue | undefined {
  if (member.type === 'null') {
    return undefined;
  }
  if (member.type === 'string') {
    return SecretValue.takeOver(decodeBase64(unescaped(span.subarray(1, -1))));
  }
  if (member.type === 'array') {
    return SecretValue.takeOver(octets(valueOf(span)));
  }
  throw new GoJsonError(
    `json: cannot unmarshal ${member.type} into Go struct field SecretSpec.Data of type []uint8`,
  );
}

// Go also takes a list of numbers for bytes.
function octets(list: unknown): Buffer {
  const entries: readonly unknown[] = Array.isArray(list) ? list : [];
  const bytes = Buffer.alloc(entries.length);
  for (const [index, entry] of entries.entries()) {
    if (entry !== null && !(Number.isInteger(entry) && Number(entry) >= 0 && Number(entry) <= 255)) {
      bytes.fill(0);
      // The entry itself stays out of the text: it is a part of the value.
      throw mismatch(entry, 'Data', 'uint8');
    }
    bytes[index] = Number(entry ?? 0);
  }
  return bytes;
}

/**
 * The bytes between a JSON string's quotes, escapes resolved, in place: the span is part of a body that is wiped.
 * Base64 has ASCII only, so anything beyond becomes a byte that base64 refuses.
 */
function unescaped(span: Buffer): Buffer {
  let to = span.indexOf(0x5c);
  if (to === -1) {
    return span;
  }
  const text = Buffer.alloc(span.length);
  span.copy(text, 0, 0, to);
  for (let from = to; from < span.length; to += 1) {
    const byte = span[from] ?? 0;
    const isUnicode = byte === 0x5c && span[from + 1] === 0x75;
    const length = isUnicode ? 6 : byte === 0x5c ? 2 : 1;
    if (length === 1) {
      text[to] = byte;
    } else {
      const code = String(JSON.parse(`"${span.toString('latin1', from, from + length)}"`)).charCodeAt(0);
      text[to] = code < 0x80 ? code : 0xff;
    }
    from += length;
  }
  const resolved = text.subarray(0, to);
  span.fill(0);
  resolved.copy(span);
  text.fill(0);
  return span.subarray(0, to);
}

function expectText(value: unknown, field: string, struct?: string): string {
  if (typeof value !== 'string') {
    throw mismatch(value, field, 'string', struct);
  }
  return value;
}

// Go names the innermost struct, and then the whole path.
function mismatch(value: unknown, field: string, type: string, struct = 'SecretSpec'): GoJsonError {
  return new GoJsonError(
    `json: cannot unmarshal ${typeOf(value)} into Go struct field ${struct}.${field} of type ${type}`,
  );
}

function typeOf(value: unknown): JsonType {
  if (value === null) {
    return 'null';
  }
  if (Array.isArray(value)) {
    return 'array';
  }
  const type = typeof value;
  return type === 'string' || type === 'number' ? type : type === 'boolean' ? 'bool' : 'object';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Go folds the long s as well, which a key may hold for an s.
function foldKey(key: string): string {
  return key.replaceAll('\u017f', 's').toLowerCase();
}

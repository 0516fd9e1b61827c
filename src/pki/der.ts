// SPDX-License-Identifier: Apache-2.0
// DER (ITU-T X.690), written and read by node-forge. Nothing here judges what the bytes mean.
import asn1, { type Element } from 'node-forge/lib/asn1.js';

export type DerElement = Element;

const UNIVERSAL = 0x00;
const CONTEXT = 0x80;

const TYPE = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  oid: 6,
  utf8: 12,
  sequence: 16,
  set: 17,
  utcTime: 23,
  generalizedTime: 24,
} as const;

/** RFC 5280, 4.1.2.5: times up to 2049 are UTCTime, later ones GeneralizedTime. */
const FIRST_GENERALIZED_YEAR = 2050;

function primitive(type: number, bytes: string): DerElement {
  return asn1.create(UNIVERSAL, type, false, bytes);
}

export function sequence(...parts: readonly DerElement[]): DerElement {
  return asn1.create(UNIVERSAL, TYPE.sequence, true, parts);
}

export function set(...parts: readonly DerElement[]): DerElement {
  return asn1.create(UNIVERSAL, TYPE.set, true, parts);
}

export function objectId(dotted: string): DerElement {
  return primitive(TYPE.oid, asn1.oidToDer(dotted).getBytes());
}

/** A positive INTEGER of big-endian bytes that are minimal already: the first is 0x00 only for 0 itself, never over 0x7f. */
export function integer(...bytes: readonly number[]): DerElement {
  return primitive(TYPE.integer, String.fromCharCode(...bytes));
}

export function booleanTrue(): DerElement {
  return primitive(TYPE.boolean, '\xff');
}

/** A BIT STRING whose last `unusedBits` bits do not count. */
export function bitString(bytes: Uint8Array, unusedBits = 0): DerElement {
  return primitive(TYPE.bitString, String.fromCharCode(unusedBits) + binary(bytes));
}

export function octetString(bytes: Uint8Array): DerElement {
  return primitive(TYPE.octetString, binary(bytes));
}

export function utf8String(text: string): DerElement {
  return primitive(TYPE.utf8, binary(Buffer.from(text, 'utf8')));
}

/** A moment in ms since 1970; the part of a second is dropped. */
export function time(moment_ms: number): DerElement {
  const date = new Date(moment_ms);
  return date.getUTCFullYear() < FIRST_GENERALIZED_YEAR
    ? primitive(TYPE.utcTime, asn1.dateToUtcTime(date))
    : primitive(TYPE.generalizedTime, asn1.dateToGeneralizedTime(date));
}

/** `[tag]` around other elements. */
export function explicit(tag: number, ...parts: readonly DerElement[]): DerElement {
  return asn1.create(CONTEXT, tag, true, parts);
}

/** `[tag]` in the place of a primitive's own. */
export function implicit(tag: number, bytes: Uint8Array): DerElement {
  return asn1.create(CONTEXT, tag, false, binary(bytes));
}

export function encodeDer(element: DerElement): Buffer {
  return Buffer.from(asn1.toDer(element).getBytes(), 'latin1');
}

/** The one element that `der` is. Throws an `Error` unless it is DER, in the only encoding that DER has, with no byte over. */
export function decodeDer(der: Uint8Array): DerElement {
  const element = asn1.fromDer(binary(der), {
    strict: true,
    parseAllBytes: true,
    decodeBitStrings: false,
  });
  if (!encodeDer(element).equals(der)) {
    throw new Error('this is BER, not DER');
  }
  return element;
}

/** The elements inside of a SEQUENCE; undefined for anything else. */
export function sequenceParts(element: DerElement | undefined): readonly DerElement[] | undefined {
  if (
    element?.tagClass !== UNIVERSAL ||
    element.type !== TYPE.sequence ||
    typeof element.value === 'string'
  ) {
    return undefined;
  }
  return element.value;
}

/** The bytes of a BIT STRING of whole bytes; undefined for anything else. */
export function wholeBitString(element: DerElement | undefined): Buffer | undefined {
  if (
    element?.tagClass !== UNIVERSAL ||
    element.type !== TYPE.bitString ||
    typeof element.value !== 'string' ||
    element.value.charCodeAt(0) !== 0
  ) {
    return undefined;
  }
  return Buffer.from(element.value.slice(1), 'latin1');
}

function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

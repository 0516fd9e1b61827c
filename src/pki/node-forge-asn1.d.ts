// SPDX-License-Identifier: Apache-2.0
// node-forge's DER layer alone, so that the rest of it (RSA, TLS, its own verification) is never loaded.
// `@types/node-forge` describes neither the file nor the options that make `fromDer` strict.
declare module 'node-forge/lib/asn1.js' {
  /** One element. `value` holds a primitive's bytes, one per UTF-16 unit, or the elements inside. */
  interface Element {
    readonly tagClass: number;
    readonly type: number;
    readonly constructed: boolean;
    readonly value: string | readonly Element[];
  }

  interface Bytes {
    getBytes(): string;
  }

  interface DecodeOptions {
    readonly strict: true;
    readonly parseAllBytes: true;
    readonly decodeBitStrings: false;
  }

  const asn1: {
    create(tagClass: number, type: number, constructed: boolean, value: string | readonly Element[]): Element;
    /** Throws an `Error` for bytes that are no DER. */
    fromDer(bytes: string, options: DecodeOptions): Element;
    toDer(element: Element): Bytes;
    oidToDer(oid: string): Bytes;
    dateToUtcTime(date: Date): string;
    dateToGeneralizedTime(date: Date): string;
  };

  export { asn1 as default, type Element };
}

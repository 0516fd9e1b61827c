// SPDX-License-Identifier: Apache-2.0
// PEM in the strict form of RFC 7468: blocks of one kind, white space between them, and nothing else.
import { CofferError, type ErrorCode } from '../common/index.ts';

const LINE_LENGTH = 64;

/** A kind of PEM block, with the limits of what is read of it and the code of its refusals. */
export interface PemKind {
  readonly label: string;
  readonly what: string;
  readonly limit_bytes: number;
  readonly blocksMax: number;
  readonly code: ErrorCode;
}

export const CERTIFICATE_PEM: PemKind = {
  label: 'CERTIFICATE',
  what: 'certificate',
  limit_bytes: 64 * 1024,
  blocksMax: 16,
  code: 'pki.certificate-invalid',
};

export const REQUEST_PEM: PemKind = {
  label: 'CERTIFICATE REQUEST',
  what: 'certificate request',
  limit_bytes: 16 * 1024,
  blocksMax: 1,
  code: 'pki.csr-invalid',
};

export function encodePem(kind: PemKind, der: Buffer): string {
  const base64 = der.toString('base64');
  const lines = base64.match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? [];
  return [`-----BEGIN ${kind.label}-----`, ...lines, `-----END ${kind.label}-----`, ''].join('\n');
}

/** The contents of one to `blocksMax` blocks. Throws `kind.code` for anything else in the text. */
export function decodePem(kind: PemKind, text: string): readonly Buffer[] {
  if (text.length > kind.limit_bytes) {
    throw new CofferError(
      kind.code,
      `the PEM text has ${text.length} bytes where ${kind.limit_bytes} is the limit`,
    );
  }
  // Every text is read in linear time: no two parts that may be repeated can begin at the same place.
  const block = new RegExp(
    `\\s*-----BEGIN ${kind.label}-----([A-Za-z0-9+/=\\s]*)-----END ${kind.label}-----\\s*`,
    'y',
  );
  const contents: Buffer[] = [];
  while (block.lastIndex < text.length) {
    const match = block.exec(text);
    const content = match === null ? undefined : decodeBase64(match[1] ?? '');
    if (content === undefined) {
      throw new CofferError(kind.code, `the text is no ${kind.what} in PEM`);
    }
    contents.push(content);
    if (contents.length > kind.blocksMax) {
      throw new CofferError(kind.code, `the PEM text holds more than ${kind.blocksMax} ${kind.what}s`);
    }
  }
  if (contents.length === 0) {
    throw new CofferError(kind.code, `the PEM text holds no ${kind.what}`);
  }
  return contents;
}

/** undefined for all but the one way to write the bytes in base64. */
function decodeBase64(text: string): Buffer | undefined {
  const base64 = text.replaceAll(/\s+/g, '');
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === base64 ? bytes : undefined;
}

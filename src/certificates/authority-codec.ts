// SPDX-License-Identifier: Apache-2.0
// The CA for workloads as the value of a secret: u8 format (1), the key in PKCS#8 DER, the root in PEM; then u8 1 and what is left of the
// root before it, or u8 0.
import { ByteReader, ByteWriter, CofferError, SecretValue } from '../common/index.ts';
import { type Authority, exportKey, importKey } from '../pki/index.ts';

/** A root that has issued before. It is trusted beside its successor for as long as certificates of it may live. */
export interface PreviousRoot {
  readonly certificate: string;
  /** PEM of the present root under its signature. */
  readonly crossSigned: string;
  readonly until_ms: number;
}

export interface WorkloadAuthority extends Authority {
  readonly previous: PreviousRoot | undefined;
}

const FORMAT = 1;
const KEY_BYTES_MAX = 1_024;
const PEM_BYTES_MAX = 16 * 1_024;
const WHAT = 'the CA for workloads';

/** The caller wipes it. */
export function writeAuthority({ certificate, previous, privateKey }: WorkloadAuthority): SecretValue {
  const der = exportKey(privateKey);
  const writer = new ByteWriter().u8(FORMAT).bytes(der).text(certificate);
  der.fill(0);
  if (previous === undefined) {
    writer.u8(0);
  } else {
    writer.u8(1).text(previous.certificate).text(previous.crossSigned).u64(previous.until_ms);
  }
  const value = SecretValue.copyOf(writer.finish());
  writer.clear();
  return value;
}

/** Throws `store.damaged` for bytes that `writeAuthority` does not write. The value stays the caller's. */
export function readAuthority(value: SecretValue): WorkloadAuthority {
  const reader = new ByteReader(value.expose(), WHAT);
  const format = reader.u8();
  if (format !== FORMAT) {
    throw new CofferError('store.damaged', `${WHAT} has format ${format}, which this version cannot read`);
  }
  const privateKey = readKey(reader.bytes(KEY_BYTES_MAX));
  const certificate = reader.text(PEM_BYTES_MAX);
  const previous = reader.u8() === 1 ? readPrevious(reader) : undefined;
  reader.finish();
  return { privateKey, certificate, previous };
}

function readKey(pkcs8: Buffer): Authority['privateKey'] {
  try {
    return importKey(pkcs8);
  } catch {
    throw new CofferError('store.damaged', `the key in ${WHAT} cannot be read`);
  }
}

function readPrevious(reader: ByteReader): PreviousRoot {
  return {
    certificate: reader.text(PEM_BYTES_MAX),
    crossSigned: reader.text(PEM_BYTES_MAX),
    until_ms: reader.u64(),
  };
}

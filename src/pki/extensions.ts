// SPDX-License-Identifier: Apache-2.0
// The extensions of a certificate (RFC 5280, 4.2).
import type { KeyObject } from 'node:crypto';
import {
  bitString,
  booleanTrue,
  type DerElement,
  encodeDer,
  implicit,
  integer,
  objectId,
  octetString,
  sequence,
} from './der.ts';
import { keyIdentifier } from './key.ts';
import { dnsNames, type NodeSubject, type Role } from './subject.ts';

const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** What a node's key may be used for. Only a manager's is for a server: OpenSSL itself refuses any other as one. */
export const EXTENDED_KEY_USAGE: Readonly<Record<Role, readonly string[]>> = {
  manager: [CLIENT_AUTH, SERVER_AUTH],
  worker: [CLIENT_AUTH],
  unlock: [CLIENT_AUTH],
};

const DIGITAL_SIGNATURE = bitString(Buffer.of(0x80), 7);
const KEY_CERT_SIGN_AND_CRL_SIGN = bitString(Buffer.of(0x06), 1);
const DNS_NAME_TAG = 2;
const ADDRESS_TAG = 7;

export interface ExtensionKeys {
  readonly subjectKey: KeyObject;
  readonly issuerKey: KeyObject;
}

export function authorityExtensions(keys: ExtensionKeys, pathLength: 0 | 1): readonly DerElement[] {
  return [
    critical(EXTENSION.basicConstraints, sequence(booleanTrue(), integer(pathLength))),
    critical(EXTENSION.keyUsage, KEY_CERT_SIGN_AND_CRL_SIGN),
    ...keyIdentifiers(keys),
  ];
}

export function nodeExtensions(keys: ExtensionKeys, subject: NodeSubject): readonly DerElement[] {
  const names = dnsNames(subject).map((name) => implicit(DNS_NAME_TAG, Buffer.from(name, 'ascii')));
  return [
    // CA:FALSE is the default, which DER leaves out.
    critical(EXTENSION.basicConstraints, sequence()),
    critical(EXTENSION.keyUsage, DIGITAL_SIGNATURE),
    extension(EXTENSION.extendedKeyUsage, sequence(...EXTENDED_KEY_USAGE[subject.role].map(objectId))),
    extension(EXTENSION.subjectAlternativeName, sequence(...names)),
    ...keyIdentifiers(keys),
  ];
}

/** A name of a workload, as it stands in the certificate. */
export interface WorkloadName {
  readonly kind: 'dns' | 'ip';
  readonly bytes: Buffer;
}

const USAGE = { server: SERVER_AUTH, client: CLIENT_AUTH } as const;

export function workloadExtensions(
  keys: ExtensionKeys,
  names: readonly WorkloadName[],
  usages: readonly (keyof typeof USAGE)[],
): readonly DerElement[] {
  const written = names.map(({ bytes, kind }) =>
    implicit(kind === 'dns' ? DNS_NAME_TAG : ADDRESS_TAG, bytes),
  );
  return [
    critical(EXTENSION.basicConstraints, sequence()),
    critical(EXTENSION.keyUsage, DIGITAL_SIGNATURE),
    extension(EXTENSION.extendedKeyUsage, sequence(...usages.map((usage) => objectId(USAGE[usage])))),
    // A list of names is never empty (RFC 5280, 4.2.1.6).
    ...(written.length === 0 ? [] : [extension(EXTENSION.subjectAlternativeName, sequence(...written))]),
    ...keyIdentifiers(keys),
  ];
}

function keyIdentifiers({ subjectKey, issuerKey }: ExtensionKeys): readonly DerElement[] {
  const subjectId = Buffer.from(keyIdentifier(subjectKey), 'hex');
  const issuerId = Buffer.from(keyIdentifier(issuerKey), 'hex');
  return [
    extension(EXTENSION.subjectKeyIdentifier, octetString(subjectId)),
    extension(EXTENSION.authorityKeyIdentifier, sequence(implicit(0, issuerId))),
  ];
}

function extension(oid: string, value: DerElement): DerElement {
  return sequence(objectId(oid), octetString(encodeDer(value)));
}

function critical(oid: string, value: DerElement): DerElement {
  return sequence(objectId(oid), booleanTrue(), octetString(encodeDer(value)));
}

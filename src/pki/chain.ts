// SPDX-License-Identifier: Apache-2.0
// A chain as the one who just got it checks it, before anything is written. Each link is judged by OpenSSL.
import type { KeyObject } from 'node:crypto';
import {
  type Certificate,
  certificateInvalid,
  describeNode,
  type NodeDescription,
  readCertificate,
} from './certificate.ts';
import { publicKeyFingerprint } from './key.ts';
import { CERTIFICATE_PEM } from './pem.ts';
import type { NodeSubject } from './subject.ts';

/** Leaf, cross-signed root, root: as long as the roots' path length lets a path be. */
const PATH_LENGTH_MAX = 3;

export interface CheckChainOptions {
  /** PEM, one certificate each, the node's own first; each is issued by the next. */
  readonly chain: readonly string[];
  /** The roots to trust, in PEM. */
  readonly roots: readonly string[];
  readonly expect: Partial<NodeSubject>;
  /** The key that the certificate must be for, private or public. */
  readonly publicKey?: KeyObject;
  readonly now_ms: number;
}

interface Link {
  readonly certificate: Certificate;
  readonly name: string;
}

/**
 * What the first certificate says, if the chain leads from it to one of the roots, all on that way are valid at `now_ms`, and it
 * is for whom it should be. Throws `pki.certificate-invalid` with the reason otherwise.
 */
export function checkChain(options: CheckChainOptions): NodeDescription {
  const chain = readAll(options.chain, 'chain').map((certificate, index) => ({
    certificate,
    name: index === 0 ? "the node's certificate" : `certificate ${index + 1} of the chain`,
  }));
  const roots = readAll(options.roots, 'list of roots').map((certificate) => ({
    certificate,
    name: 'the root certificate',
  }));
  const [leaf] = chain;
  if (leaf === undefined) {
    throw certificateInvalid('the chain holds no certificate');
  }
  if (leaf.certificate.x509.checkIssued(leaf.certificate.x509)) {
    throw certificateInvalid(`${leaf.name} is self-signed`);
  }
  const description = describeNode(leaf.certificate);
  checkOrder(chain);
  checkValidity(trustedPath(chain, roots), options.now_ms);
  checkSubject(description, options);
  return description;
}

function readAll(texts: readonly string[], what: string): readonly Certificate[] {
  if (texts.length > CERTIFICATE_PEM.blocksMax) {
    throw certificateInvalid(`the ${what} holds more than ${CERTIFICATE_PEM.blocksMax} certificates`);
  }
  return texts.map(readCertificate);
}

function isIssuedBy({ x509 }: Certificate, issuer: Certificate): boolean {
  return issuer.x509.ca && x509.checkIssued(issuer.x509) && x509.verify(issuer.publicKey);
}

function checkOrder(chain: readonly Link[]): void {
  for (const [index, link] of chain.entries()) {
    const next = chain[index + 1];
    if (next === undefined) {
      return;
    }
    if (!next.certificate.x509.ca) {
      throw certificateInvalid(`${next.name} is not that of a CA`);
    }
    if (!isIssuedBy(link.certificate, next.certificate)) {
      throw certificateInvalid(`${link.name} is not issued by the one after it`);
    }
  }
}

/** The shortest way to a root, as OpenSSL takes it: what the chain holds beyond that is for those who trust other roots. */
function trustedPath(chain: readonly Link[], roots: readonly Link[]): readonly Link[] {
  for (const [index, link] of chain.entries()) {
    const root = roots.find(({ certificate }) => isIssuedBy(link.certificate, certificate));
    if (root !== undefined) {
      const path = [...chain.slice(0, index + 1), root];
      if (path.length > PATH_LENGTH_MAX) {
        throw certificateInvalid(`the chain is longer than ${PATH_LENGTH_MAX - 1} certificates and a root`);
      }
      return path;
    }
  }
  throw certificateInvalid('the chain leads to no trusted root');
}

function checkValidity(path: readonly Link[], now_ms: number): void {
  const from_ms = Math.max(...path.map(({ certificate }) => certificate.notBefore_ms));
  const to_ms = Math.min(...path.map(({ certificate }) => certificate.notAfter_ms));
  if (from_ms >= to_ms) {
    throw certificateInvalid('the certificates of the chain are at no time valid together');
  }
  for (const { certificate, name } of path) {
    if (now_ms < certificate.notBefore_ms) {
      throw certificateInvalid(`${name} is not valid before ${isoTime(certificate.notBefore_ms)}`);
    }
    if (now_ms >= certificate.notAfter_ms) {
      throw certificateInvalid(`${name} expired at ${isoTime(certificate.notAfter_ms)}`);
    }
  }
}

function checkSubject(description: NodeDescription, { expect, publicKey }: CheckChainOptions): void {
  const { subject } = description;
  if (expect.clusterId !== undefined && expect.clusterId !== subject.clusterId) {
    throw certificateInvalid(`the certificate is for cluster ${subject.clusterId}, not ${expect.clusterId}`);
  }
  if (expect.role !== undefined && expect.role !== subject.role) {
    throw certificateInvalid(`the certificate is for a ${subject.role}, not a ${expect.role}`);
  }
  if (expect.nodeId !== undefined && expect.nodeId !== subject.nodeId) {
    throw certificateInvalid(`the certificate is for node ${subject.nodeId}, not ${expect.nodeId}`);
  }
  if (publicKey !== undefined && publicKeyFingerprint(publicKey) !== description.publicKeyFingerprint) {
    throw certificateInvalid('the certificate is for another key');
  }
}

function isoTime(moment_ms: number): string {
  return new Date(moment_ms).toISOString();
}

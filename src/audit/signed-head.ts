// SPDX-License-Identifier: Apache-2.0
// A head that a manager has signed with the key of its certificate, so that others can tell that it comes from it.
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { AuditHeadObject, AuditPlace } from '../membership/index.ts';
import { publicKeyFingerprint } from '../pki/index.ts';

/** Who signs. */
export interface HeadSigner {
  readonly nodeId: string;
  /** Of the node's certificate. */
  readonly key: KeyObject;
}

export function signHead({ key, nodeId }: HeadSigner, place: AuditPlace): AuditHeadObject {
  return {
    kind: 'audit-head',
    ...place,
    nodeId,
    publicKeyFingerprint: publicKeyFingerprint(key),
    signature: sign('sha256', signedText(nodeId, place), key),
    lost: undefined,
  };
}

/** `other-key`: of a certificate that was renewed since, or replaced. */
export type HeadSignature = 'good' | 'bad' | 'other-key';

/** Judges the signature by the certificate that the node has now, in PEM. */
export function checkHead(head: AuditHeadObject, certificate: string): HeadSignature {
  const key = createPublicKey(certificate);
  if (publicKeyFingerprint(key) !== head.publicKeyFingerprint) {
    return 'other-key';
  }
  return verify('sha256', signedText(head.nodeId, head), key, head.signature) ? 'good' : 'bad';
}

function signedText(nodeId: string, { at_ms, chain, hash, seq }: AuditPlace): Buffer {
  return Buffer.from(JSON.stringify(['coffer audit head', nodeId, chain, seq, hash, at_ms]));
}

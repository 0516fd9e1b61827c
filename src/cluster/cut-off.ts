// SPDX-License-Identifier: Apache-2.0
// Why a manager that hears of no leader is cut off from the others, where a refusal of theirs tells.
import { CofferError } from '../common/index.ts';

/** How OpenSSL says that a certificate was issued by nobody who is trusted. */
const UNKNOWN_ISSUER = /UNABLE_TO|SELF_SIGNED|SIGNATURE_FAILURE|INVALID_CA/;
const CLOCK = /HAS_EXPIRED|NOT_YET_VALID/;

/** Pure: what an administrator should know of the refusal; undefined if it tells nothing of this node. */
export function cutOffBy(reason: CofferError): CofferError | undefined {
  const { code, detail } = reason;
  if (code === 'cluster.node-unknown') {
    return new CofferError('cluster.node-removed', 'the other managers do not know this node any more', {
      cause: reason,
      hint: 'It was removed long ago. To bring the machine back: docker coffer rebuild --join ADDRESS --token -',
    });
  }
  if (code !== 'pki.certificate-invalid') {
    return undefined;
  }
  if (CLOCK.test(detail)) {
    return new CofferError(code, `${detail}: its clock or that of this machine is wrong`, {
      cause: reason,
      hint: 'Compare the clocks of both machines, and set the one that is wrong.',
    });
  }
  return UNKNOWN_ISSUER.test(detail)
    ? new CofferError(
        code,
        'the other managers have certificates of a CA that this node does not know: it was rotated meanwhile',
        {
          cause: reason,
          hint: 'Let it come in again under a new id: docker coffer rebuild --join ADDRESS --token -',
        },
      )
    : undefined;
}

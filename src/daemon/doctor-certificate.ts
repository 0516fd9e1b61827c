// SPDX-License-Identifier: Apache-2.0
// What doctor finds wrong with this node's certificate, and with the clock that it is held against.
import type { AuthorityDescription, ClusterPlace } from '../cluster/index.ts';
import { DAY_MS } from '../common/index.ts';
import type { Check } from '../control/index.ts';

const NAME = 'certificate';
/** Time enough for a rotation that nobody is in a hurry for. */
const AUTHORITY_WARNING_MS = 365 * DAY_MS;

/** Pure. Nothing is said of a certificate that is valid. */
export function certificateChecks(
  { certificate, role }: Pick<ClusterPlace, 'certificate' | 'role'>,
  now_ms: number,
): readonly Check[] {
  if (certificate === undefined) {
    return [];
  }
  const { notAfter_ms, notBefore_ms } = certificate;
  const clock = `the clock of this machine says ${timeOf(now_ms)}`;
  if (now_ms < notBefore_ms) {
    return [
      {
        name: NAME,
        level: 'failure',
        message: `${clock}, and the certificate of this node begins at ${timeOf(notBefore_ms)}: no other node is believed`,
        mend: 'Set the clock (timedatectl set-ntp true). The certificate is left as it is, and counts from then on.',
      },
    ];
  }
  if (now_ms < notAfter_ms) {
    return [];
  }
  const message = `${clock}, and the certificate of this node has expired at ${timeOf(notAfter_ms)}`;
  return [
    role === 'worker'
      ? {
          name: NAME,
          level: 'failure',
          message: `${message}: no manager answers it any more`,
          mend:
            'Look at the clock. If it is right, set COFFER_JOIN_TOKEN to a new token (docker coffer join-token worker) and ' +
            'start coffer again: it joins under a new id. Then remove the old one on a manager: docker coffer node rm.',
        }
      : {
          name: NAME,
          level: 'warning',
          message: `${message}; it makes itself another within a minute`,
          mend: 'Look at the clock. If it is right, nothing is to be done.',
        },
  ];
}

/** Pure: how long the CA's own certificate lasts, without which no other is worth anything. */
export function authorityChecks(
  { notAfter_ms }: Pick<AuthorityDescription, 'notAfter_ms'>,
  now_ms: number,
): readonly Check[] {
  const left_ms = notAfter_ms - now_ms;
  if (left_ms > AUTHORITY_WARNING_MS) {
    return [];
  }
  const name = 'CA';
  return left_ms > 0
    ? [
        {
          name,
          level: 'warning',
          message: `the CA of the cluster expires in ${Math.ceil(left_ms / DAY_MS)} days; no node believes another after that`,
          mend: 'Make a new one, which the nodes take up by themselves: docker coffer ca --rotate',
        },
      ]
    : [
        {
          name,
          level: 'failure',
          message: `the CA of the cluster has expired at ${timeOf(notAfter_ms)}: no node believes another`,
          mend:
            'Look at the clock. If it is right, set it back on all nodes to a time before that, rotate the CA ' +
            '(docker coffer ca --rotate), and set it right again.',
        },
      ];
}

function timeOf(at_ms: number): string {
  return new Date(at_ms).toISOString();
}

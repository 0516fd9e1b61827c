// SPDX-License-Identifier: Apache-2.0
// What doctor finds wrong with the certificates that are secrets.
import { leafOf } from '../certificates/index.ts';
import type { Check } from '../control/index.ts';
import { nextRotation_ms } from '../rotation/index.ts';
import { currentVersion, type Secret, storedCertificateWish } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { counted } from '../wording/index.ts';
import { shortList } from './doctor-words.ts';

const NAME = 'workloads';

/** The certificate of a secret's current version. */
export interface WorkloadCertificate {
  readonly secret: string;
  readonly notAfter_ms: number;
  /** When it is to be renewed. */
  readonly nextAt_ms: number;
}

/** Nothing is said while the index of the secrets is being loaded. */
export function readWorkloadCertificates(
  store: Pick<SecretStore, 'cluster' | 'list' | 'readValue' | 'status'>,
  now_ms: number,
): readonly WorkloadCertificate[] {
  if (store.status().loaded_percent !== undefined) {
    return [];
  }
  const rotations = store.cluster.rotations();
  return store.list().flatMap((secret): readonly WorkloadCertificate[] => {
    const nextAt_ms = nextRotation_ms(secret, rotations, now_ms);
    const notAfter_ms = storedCertificateWish(secret.labels) && endOf(store, secret);
    return nextAt_ms === undefined || notAfter_ms === undefined
      ? []
      : [{ secret: secret.name, notAfter_ms, nextAt_ms }];
  });
}

/** undefined for a value that somebody has put in its place, and for one that does not open: that is told elsewhere. */
function endOf(store: Pick<SecretStore, 'readValue'>, secret: Secret): number | undefined {
  try {
    const value = store.readValue(secret.id, currentVersion(secret).number);
    const leaf = leafOf(value);
    value.wipe();
    return leaf && Date.parse(leaf.validTo);
  } catch {
    return undefined;
  }
}

/** Pure. The nearest end first. Nothing is said of certificates that are valid until they are renewed. */
export function workloadChecks(
  certificates: readonly WorkloadCertificate[],
  now_ms: number,
): readonly Check[] {
  const sorted = certificates.toSorted(
    (a, b) => a.notAfter_ms - b.notAfter_ms || (a.secret < b.secret ? -1 : 1),
  );
  const over = sorted.filter(({ notAfter_ms }) => notAfter_ms <= now_ms);
  const soon = sorted.filter(
    ({ nextAt_ms, notAfter_ms }) => notAfter_ms > now_ms && notAfter_ms <= Math.max(nextAt_ms, now_ms),
  );
  return [
    ...check(over, 'failure', 'of secrets expired'),
    ...check(soon, 'warning', 'of secrets will expire before the labels have it renewed'),
  ];
}

function check(
  certificates: readonly WorkloadCertificate[],
  level: 'failure' | 'warning',
  what: string,
): readonly Check[] {
  const [first] = certificates;
  if (first === undefined) {
    return [];
  }
  const names = shortList(certificates.map(({ secret }) => secret));
  const mend = `Renew it: docker coffer rotate ${first.secret}`;
  return [
    { name: NAME, level, message: `${counted(certificates.length, 'certificate')} ${what}: ${names}`, mend },
  ];
}

// SPDX-License-Identifier: Apache-2.0
// The CA for workloads in the store: made at its first use, replaced on demand.
import { CofferError, invariant, type SecretValue } from '../common/index.ts';
import { createWorkloadAuthority, crossSignWorkloadAuthority } from '../pki/index.ts';
import {
  currentVersion,
  KEEP_LABEL,
  newSecretId,
  type PutValue,
  type Secret,
  storedCertificateWish,
  WORKLOAD_AUTHORITY_NAME,
} from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { readAuthority, type WorkloadAuthority, writeAuthority } from './authority-codec.ts';
import { leafOf } from './bundle.ts';

export type AuthorityStore = Pick<SecretStore, 'byName' | 'propose' | 'readValue'>;

/** No key that issues no more is kept. */
const LABELS = { [KEEP_LABEL]: '1' } as const;

/** The CA as this replica has it; undefined before its first use. Throws `store.damaged` if its record does not open. */
export function readWorkloadAuthority(
  store: Pick<SecretStore, 'byName' | 'readValue'>,
): WorkloadAuthority | undefined {
  const secret = store.byName(WORKLOAD_AUTHORITY_NAME);
  return secret && authorityIn(store, secret);
}

/** The CA, made if there is none. Of several that make one at once, all get the first. */
export async function ensureWorkloadAuthority(
  store: AuthorityStore,
  now_ms: number,
): Promise<WorkloadAuthority> {
  const present = readWorkloadAuthority(store);
  return present ?? put(store, { ...createWorkloadAuthority(now_ms), previous: undefined }, 'absent', now_ms);
}

/**
 * A new root, which issues from now on. The one before stays trusted until the last certificate that it has issued is over. Throws
 * `cluster.rotation-running` while there is such a one already: nothing would lead from a third root to the first.
 */
export async function rotateWorkloadAuthority(
  store: AuthorityStore & Pick<SecretStore, 'list'>,
  now_ms: number,
): Promise<WorkloadAuthority> {
  const { authority, version } = await opened(store, now_ms);
  if (trustedPrevious(authority, now_ms) !== undefined) {
    throw new CofferError(
      'cluster.rotation-running',
      'certificates of the root before this one are still in use',
      {
        hint: 'See until when: docker coffer cert-ca. To trust them no longer: docker coffer cert-ca --finish.',
      },
    );
  }
  const next = createWorkloadAuthority(now_ms);
  const previous = {
    certificate: authority.certificate,
    crossSigned: crossSignWorkloadAuthority({ by: authority, subject: next, now_ms }),
    until_ms: lastEnd_ms(store, now_ms),
  };
  return put(store, { ...next, previous }, version, now_ms);
}

/** The root before is in no certificate's files from now on. Changes nothing if there is none. */
export async function finishWorkloadRotation(
  store: AuthorityStore,
  now_ms: number,
): Promise<WorkloadAuthority> {
  const { authority, version } = await opened(store, now_ms);
  return authority.previous === undefined
    ? authority
    : put(store, { ...authority, previous: undefined }, version, now_ms);
}

/** The root before, while certificates of it may live. */
export function trustedPrevious(
  { previous }: WorkloadAuthority,
  now_ms: number,
): WorkloadAuthority['previous'] {
  return previous !== undefined && now_ms < previous.until_ms ? previous : undefined;
}

interface OpenedAuthority {
  readonly authority: WorkloadAuthority;
  readonly version: number;
}

async function opened(store: AuthorityStore, now_ms: number): Promise<OpenedAuthority> {
  await ensureWorkloadAuthority(store, now_ms);
  const secret = store.byName(WORKLOAD_AUTHORITY_NAME);
  invariant(secret !== undefined, 'the CA for workloads is there once it was made');
  return { authority: authorityIn(store, secret), version: currentVersion(secret).number };
}

async function put(
  store: AuthorityStore,
  authority: WorkloadAuthority,
  expect: PutValue['expect'],
  at_ms: number,
): Promise<WorkloadAuthority> {
  const value = writeAuthority(authority);
  const proposed = store.propose({
    kind: 'put',
    id: newSecretId(),
    name: WORKLOAD_AUTHORITY_NAME,
    labels: LABELS,
    origin: 'generated',
    expect,
    value,
    at_ms,
  });
  // It was copied into the log's entry.
  value.wipe();
  const { secret } = await proposed;
  invariant(secret !== undefined, 'a put answers with its secret');
  return authorityIn(store, secret);
}

function authorityIn(store: Pick<SecretStore, 'readValue'>, secret: Secret): WorkloadAuthority {
  return reading(store, secret, currentVersion(secret).number, readAuthority);
}

/** When the last certificate is over that a secret has in any of its versions; now, if none is. */
function lastEnd_ms(store: Pick<SecretStore, 'list' | 'readValue'>, now_ms: number): number {
  return store
    .list()
    .filter(({ labels }) => storedCertificateWish(labels) !== undefined)
    .flatMap((secret) =>
      secret.versions.map(({ number }) =>
        reading(store, secret, number, (value) => Date.parse(leafOf(value)?.validTo ?? '')),
      ),
    )
    .reduce((last_ms, end_ms) => (end_ms > last_ms ? end_ms : last_ms), now_ms);
}

function reading<Read>(
  store: Pick<SecretStore, 'readValue'>,
  { id }: Secret,
  version: number,
  read: (value: SecretValue) => Read,
): Read {
  const value = store.readValue(id, version);
  try {
    return read(value);
  } finally {
    value.wipe();
  }
}

// SPDX-License-Identifier: Apache-2.0
// The sealing keys of the store's cluster.
import { CofferError } from '../common/index.ts';
import { activeSealingKey, type SealingKeyObject } from '../membership/index.ts';
import { certificateOf, formatCertificate, newSealingKey, sealingKeyDigest } from '../sealing/index.ts';
import type { SecretStore } from '../store/index.ts';
import type { SealingKeyDescription } from './sealing-wire.ts';

const READ_TIMEOUT_MS = 2_000;

export interface ActiveKey {
  readonly key: SealingKeyObject;
  /** Whether it was made for this. */
  readonly made: boolean;
}

/** The active key of the cluster, which is made if there is none. */
export async function activeKeyOf(store: SecretStore, now_ms: number): Promise<ActiveKey> {
  await store.readBarrier(READ_TIMEOUT_MS);
  const before = activeSealingKey(store.cluster);
  if (before !== undefined) {
    return { key: before, made: false };
  }
  try {
    return { key: await addKey(store, '', now_ms), made: true };
  } catch (thrown) {
    if (CofferError.from(thrown).code !== 'sealing.key-changed') {
      throw thrown;
    }
    // Another manager was asked at the same time.
    await store.readBarrier(READ_TIMEOUT_MS);
    return { key: present(activeSealingKey(store.cluster)), made: false };
  }
}

/** Puts a new key in the place of the active one, which goes on opening what was sealed to it. */
export async function rotateKey(store: SecretStore, now_ms: number): Promise<SealingKeyObject> {
  await store.readBarrier(READ_TIMEOUT_MS);
  return addKey(store, activeSealingKey(store.cluster)?.id ?? '', now_ms);
}

export function describeSealingKey({ cluster }: SecretStore): SealingKeyDescription {
  const active = present(activeSealingKey(cluster));
  const certificate = certificateOf(active);
  return {
    id: active.id,
    digest: sealingKeyDigest(certificate.publicKey),
    madeAt_ms: active.madeAt_ms,
    certificate: formatCertificate(certificate),
    older: cluster
      .sealingKeys()
      .filter(({ id }) => id !== active.id)
      .map(({ clusterId, id, madeAt_ms }) => ({ id, madeAt_ms, clusterId })),
  };
}

async function addKey(store: SecretStore, after: string, now_ms: number): Promise<SealingKeyObject> {
  const key = {
    kind: 'sealing-key',
    active: true,
    ...newSealingKey(store.status().clusterId, now_ms),
  } as const;
  await store.propose({ kind: 'add-sealing-key', key, after });
  return key;
}

function present(key: SealingKeyObject | undefined): SealingKeyObject {
  if (key === undefined) {
    throw new CofferError(
      'store.unavailable',
      'the sealing key that another manager has made is not here yet',
      {
        hint: 'Try again.',
      },
    );
  }
  return key;
}

// SPDX-License-Identifier: Apache-2.0
// Values that are sealed for the engine's secrets, and the keys to which they are.
import { SecretValue } from '../../src/common/index.ts';
import { activeSealingKey } from '../../src/membership/index.ts';
import {
  certificateOf,
  newSealingKey,
  type SealedScope,
  type SealingKey,
  sealValue,
} from '../../src/sealing/index.ts';
import type { SecretStore } from '../../src/store/index.ts';

/** The text of a label, for a secret outside of stacks unless `scope` says another one. */
export function sealedFor(key: SealingKey, scope: string | SealedScope, value: string | Uint8Array): string {
  const bytes = SecretValue.copyOf(Buffer.from(value));
  return sealValue(certificateOf(key), typeof scope === 'string' ? { name: scope, stack: '' } : scope, bytes);
}

/** Makes a key the active one of the store's cluster. */
export async function addSealingKey(
  store: Pick<SecretStore, 'cluster' | 'propose'>,
  madeAt_ms = 1_000,
): Promise<SealingKey> {
  const key = newSealingKey('c'.repeat(25), madeAt_ms);
  await store.propose({
    kind: 'add-sealing-key',
    key: { kind: 'sealing-key', active: true, ...key },
    after: activeSealingKey(store.cluster)?.id ?? '',
  });
  return key;
}

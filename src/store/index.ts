// SPDX-License-Identifier: Apache-2.0
export { openStore, type OpenStoreOptions } from './open-store.ts';
export type { ReplicatedStore } from './replicated-store.ts';
export { SecretIndex } from './secret-index.ts';
export type {
  Freshness,
  Proposed,
  SecretStore,
  StoreSource,
  StoreStart,
  StoreStatus,
} from './secret-store.ts';

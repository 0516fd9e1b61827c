// SPDX-License-Identifier: Apache-2.0
export { SecretIndex } from './secret-index.ts';
export type { Freshness, Proposed, SecretStore, StoreSource, StoreStatus } from './secret-store.ts';

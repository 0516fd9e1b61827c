// SPDX-License-Identifier: Apache-2.0
export { DataKeyRotation } from './data-key-rotation.ts';
export { type Clock, systemClock, type Timer } from './replica/clock.ts';
export type { SpaceGuard } from './replica/disk-space.ts';
export type { NodeIdentity } from './replica/node-identity.ts';
export {
  createRecovering,
  createReplica,
  openReplica,
  recoveringCheckpoint,
} from './replica/open-replica.ts';
export { newRaftId, openStore, type OpenStoreOptions, removeStore } from './open-store.ts';
export { setStoreAside } from './set-aside.ts';
export { isSealed, keysSealedBy, storeExists } from './store-files.ts';
export type { Replica } from './replica/replica.ts';
export { DEFAULT_SETTINGS, type ReplicaSettings } from './replica/replica-settings.ts';
export type { ReplicatedStore } from './replicated-store.ts';
export { paced } from './snapshot/paced.ts';
export { SecretIndex } from './state/secret-index.ts';
export type {
  ExportedRecord,
  Freshness,
  Proposed,
  ProposeOptions,
  SecretStore,
  StoreSource,
  StoreStart,
  StoreStatus,
} from './secret-store.ts';
export type { Transport } from './replica/transport.ts';

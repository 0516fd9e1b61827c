// SPDX-License-Identifier: Apache-2.0
// Secrets that a swarm has in its own store, brought into coffer's.
export type { ImportDescription, ImportedSecret, ImportedService, ImportWish } from './import-model.ts';
export { SwarmImport, type SwarmImportOptions } from './swarm-import.ts';

// SPDX-License-Identifier: Apache-2.0
import type { ReplicatedStore } from '../store/index.ts';
import type { DataKeyAdmin, DataKeyDescription } from './admin-model.ts';

/** See `DataKeyAdmin`. */
export class LocalDataKey implements DataKeyAdmin {
  readonly #store: ReplicatedStore;

  constructor(store: ReplicatedStore) {
    this.#store = store;
  }

  describe(): DataKeyDescription {
    const { id, problem, resealed } = this.#store.dataKey.status;
    return {
      id,
      sealed: this.#store.seal.current.unlockKeyId !== undefined,
      rotation: resealed === undefined ? undefined : { resealed },
      problem: problem?.message,
    };
  }

  rotate(): DataKeyDescription {
    this.#store.dataKey.begin();
    return this.describe();
  }
}

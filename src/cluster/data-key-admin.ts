// SPDX-License-Identifier: Apache-2.0
import type { ReplicatedStore } from '../store/index.ts';
import type { DataKeyAdmin, DataKeyDescription } from './admin-model.ts';
import type { DataKeyAge } from './data-key-keeper.ts';

/** See `DataKeyAdmin`. */
export class LocalDataKey implements DataKeyAdmin {
  readonly #store: ReplicatedStore;
  readonly #age: () => DataKeyAge;

  constructor(store: ReplicatedStore, age: () => DataKeyAge) {
    this.#store = store;
    this.#age = age;
  }

  describe(): DataKeyDescription {
    const { id, problem, resealed } = this.#store.dataKey.status;
    return {
      id,
      sealed: this.#store.seal.current.unlockKeyId !== undefined,
      rotation: resealed === undefined ? undefined : { resealed },
      problem: problem?.message,
      ...this.#age(),
    };
  }

  rotate(): DataKeyDescription {
    this.#store.dataKey.begin();
    return this.describe();
  }
}

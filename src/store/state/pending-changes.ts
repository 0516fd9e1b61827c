// SPDX-License-Identifier: Apache-2.0
import type { DatabaseOperation } from '../../storage/index.ts';

/** A change that is not on disk yet: what stands under the key, undefined for nothing. */
export interface Change {
  /** The key as a string, for lookups. */
  readonly name: string;
  readonly key: Buffer;
  readonly record: Buffer | undefined;
}

/** What was changed since the disk was written last. The last change under a key is the one that counts. */
export class PendingChanges {
  readonly #byKey = new Map<string, Change>();

  add(key: Buffer, record: Buffer | undefined): void {
    const name = mapKey(key);
    this.#byKey.set(name, { name, key, record });
  }

  at(key: Buffer): Change | undefined {
    return this.#byKey.get(mapKey(key));
  }

  all(): readonly Change[] {
    return [...this.#byKey.values()];
  }

  /** These are on the disk. A newer change under the same key stays. */
  written(changes: readonly Change[]): void {
    for (const change of changes) {
      if (this.#byKey.get(change.name) === change) {
        this.#byKey.delete(change.name);
      }
    }
  }

  clear(): void {
    this.#byKey.clear();
  }
}

export function operationOf({ key, record }: Change): DatabaseOperation {
  return record === undefined ? { type: 'del', key } : { type: 'put', key, value: record };
}

function mapKey(key: Buffer): string {
  return key.toString('latin1');
}

// SPDX-License-Identifier: Apache-2.0
import type { DatabaseOperation } from '../../storage/index.ts';

/** A change that is not on disk yet: what stands under the key, undefined for nothing. */
export interface Change {
  readonly key: Buffer;
  readonly record: Buffer | undefined;
}

/** What was changed since the disk was written last. The last change under a key is the one that counts. */
export class PendingChanges {
  readonly #byKey = new Map<string, Change>();

  add(change: Change): void {
    this.#byKey.set(mapKey(change.key), change);
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
      if (this.at(change.key) === change) {
        this.#byKey.delete(mapKey(change.key));
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

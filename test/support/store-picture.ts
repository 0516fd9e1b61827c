// SPDX-License-Identifier: Apache-2.0
// All that a store says, as plain data: to compare it with what it should say, also in another process.
import { CofferError } from '../../src/common/index.ts';
import type { ReplicatedStore } from '../../src/store/index.ts';

/** What stands in the place of a value whose read named its damage. */
export const DAMAGED = 'damaged';

export interface StorePicture {
  /** By name: the versions, and each one's value in hexadecimal. */
  readonly secrets: Readonly<Record<string, Readonly<Record<number, string>>>>;
  /** By task: the version that it was given of the secret `delivered`. */
  readonly deliveries: Readonly<Record<string, number | undefined>>;
}

/** Throws for any failure but a value whose record is damaged. */
export function pictureOf(store: ReplicatedStore, tasks: readonly string[], delivered: string): StorePicture {
  const secrets = store.list().map(({ id, name, versions }) => {
    const values = versions.map(({ number }) => [number, readOrDamaged(store, id, number)] as const);
    return [name, Object.fromEntries(values)] as const;
  });
  const secretId = store.byName(delivered)?.id ?? '';
  return {
    secrets: Object.fromEntries([...secrets].sort(([one], [other]) => (one < other ? -1 : 1))),
    deliveries: Object.fromEntries(tasks.map((task) => [task, store.deliveredVersion(task, secretId)])),
  };
}

function readOrDamaged(store: ReplicatedStore, id: string, version: number): string {
  try {
    return store.readValue(id, version).expose().toString('hex');
  } catch (thrown) {
    if (thrown instanceof CofferError && thrown.code === 'store.damaged' && thrown.hint !== undefined) {
      return DAMAGED;
    }
    throw thrown;
  }
}

/** How many values of `picture` are damaged, if all the rest is as in `expected`; undefined if anything differs. */
export function damagedValues(picture: StorePicture, expected: StorePicture): number | undefined {
  let damaged = 0;
  const mended = Object.entries(picture.secrets).map(([name, versions]) => {
    const values = Object.entries(versions).map(([number, value]) => {
      damaged += value === DAMAGED ? 1 : 0;
      return [number, value === DAMAGED ? expected.secrets[name]?.[Number(number)] : value] as const;
    });
    return [name, Object.fromEntries(values)] as const;
  });
  const same =
    JSON.stringify({ ...picture, secrets: Object.fromEntries(mended) }) === JSON.stringify(expected);
  return same ? damaged : undefined;
}

// SPDX-License-Identifier: Apache-2.0
// Real stores on real disks, what was acknowledged by them, and whether it is still there.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import { CofferError, SecretValue, silentLogger } from '../../src/common/index.ts';
import { type Delivery, newSecretId } from '../../src/secrets/index.ts';
import {
  openStore,
  type OpenStoreOptions,
  type ReplicatedStore,
  type SecretStore,
} from '../../src/store/index.ts';
import { deliveryOf } from './deliveries.ts';

/** Opens a store as the daemon does. A fault that no test expects ends the process. */
export function openTestStore(
  stateDirectory: string,
  overrides: Partial<OpenStoreOptions> = {},
): Promise<ReplicatedStore> {
  return openStore({
    stateDirectory,
    logger: silentLogger,
    onFault: (error) => {
      throw error;
    },
    monotonic_ms: () => performance.now(),
    ...overrides,
  });
}

/** Runs `work` with an open store, and closes it, whatever happens. */
export async function withStore<T>(
  stateDirectory: string,
  work: (store: ReplicatedStore) => Promise<T>,
  overrides: Partial<OpenStoreOptions> = {},
): Promise<T> {
  const store = await openTestStore(stateDirectory, overrides);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Stores a new version, and resolves when it is acknowledged. */
export async function putValue(
  store: Pick<SecretStore, 'propose'>,
  name: string,
  value: Uint8Array,
): Promise<{ readonly id: string; readonly version: number }> {
  const { secret } = await store.propose({
    kind: 'put',
    id: newSecretId(),
    name,
    labels: undefined,
    origin: 'control',
    expect: 'always',
    value: SecretValue.copyOf(value),
    at_ms: 1_700_000_000_000,
  });
  const version = secret?.versions.at(-1);
  assert.ok(secret !== undefined && version !== undefined);
  return { id: secret.id, version: version.number };
}

export async function removeSecret(store: ReplicatedStore, name: string): Promise<void> {
  const secret = store.byName(name);
  assert.ok(secret !== undefined, `${name} is there to be removed`);
  await store.propose({ kind: 'remove', id: secret.id });
}

/** A copy of a state directory, made while it is open or not: what a crash at this moment would leave. */
export function copyState(stateDirectory: string, parent: string): string {
  const copy = path.join(mkdtempSync(path.join(parent, 'copy-')), 'state');
  cpSync(stateDirectory, copy, { recursive: true });
  return copy;
}

/** What a store has acknowledged. */
export class Acknowledged {
  readonly #values = new Map<string, Map<number, Buffer>>();
  readonly #removed = new Set<string>();
  readonly #deliveries: Delivery[] = [];

  async put(store: ReplicatedStore, name: string, value: Buffer): Promise<void> {
    const { id, version } = await putValue(store, name, value);
    const versions = this.#values.get(name) ?? new Map<number, Buffer>();
    versions.set(version, value);
    const kept = new Set(store.byId(id)?.versions.map(({ number }) => number));
    this.#values.set(name, new Map([...versions].filter(([number]) => kept.has(number))));
    this.#removed.delete(name);
  }

  async remove(store: ReplicatedStore, name: string): Promise<void> {
    await removeSecret(store, name);
    this.#values.delete(name);
    this.#removed.add(name);
  }

  async deliver(store: ReplicatedStore, name: string, taskId: string): Promise<void> {
    const secret = store.byName(name);
    const version = secret?.versions.at(-1)?.number;
    assert.ok(secret !== undefined && version !== undefined);
    const delivery = deliveryOf(taskId, secret.id, version, { name });
    await store.propose({ kind: 'record-deliveries', deliveries: [delivery] });
    this.#deliveries.push(delivery);
  }

  get names(): readonly string[] {
    return [...this.#values.keys()];
  }

  /** All values that can be read. */
  get values(): readonly Buffer[] {
    return [...this.#values.values()].flatMap((versions) => [...versions.values()]);
  }

  /**
   * Throws unless all that was acknowledged is there, or its read names the damage. Returns how many reads did.
   * Secrets beyond those acknowledged are a failure too.
   */
  verify(store: ReplicatedStore): number {
    let damaged = 0;
    assert.deepEqual(
      store
        .list()
        .map(({ name }) => name)
        .sort(),
      [...this.#values.keys()].sort(),
    );
    for (const [name, versions] of this.#values) {
      const secret = store.byName(name);
      assert.deepEqual(
        secret?.versions.map(({ number }) => number),
        [...versions.keys()],
        `the versions of ${name}`,
      );
      for (const [version, value] of versions) {
        damaged += readsBack(store, secret?.id ?? '', version, value) ? 0 : 1;
      }
    }
    for (const name of this.#removed) {
      assert.equal(store.byName(name), undefined, `${name} was removed`);
    }
    for (const { taskId, secretId, version } of this.#deliveries) {
      assert.equal(store.deliveredVersion(taskId, secretId), version, `the delivery to ${taskId}`);
    }
    return damaged;
  }
}

/** False if the read names a damage; throws if it gives another value, or fails in another way. */
function readsBack(store: ReplicatedStore, secretId: string, version: number, value: Buffer): boolean {
  try {
    const read = store.readValue(secretId, version);
    assert.ok(read.expose().equals(value), `version ${version} of secret ${secretId} has another value`);
    return true;
  } catch (thrown) {
    if (thrown instanceof CofferError && thrown.code === 'store.damaged') {
      assert.ok(thrown.hint !== undefined, 'a damaged value comes with a hint');
      return false;
    }
    throw thrown;
  }
}

export type Opening =
  | { readonly kind: 'refused'; readonly error: CofferError }
  | { readonly kind: 'opened'; readonly damagedReads: number };

/** Opens a store that may be damaged. Throws if it lies about what was acknowledged. */
export async function openAndVerify(stateDirectory: string, acknowledged: Acknowledged): Promise<Opening> {
  let store: ReplicatedStore;
  try {
    store = await openTestStore(stateDirectory);
  } catch (thrown) {
    assert.ok(thrown instanceof CofferError, `an opening that fails names its error, not ${String(thrown)}`);
    assert.ok(['store.damaged', 'store.faulted'].includes(thrown.code), thrown.message);
    assert.ok(thrown.hint !== undefined, `it has a hint: ${thrown.message}`);
    return { kind: 'refused', error: thrown };
  }
  try {
    return { kind: 'opened', damagedReads: acknowledged.verify(store) };
  } finally {
    await store.close();
  }
}

// SPDX-License-Identifier: Apache-2.0
import type { Effect, Secret } from '../../secrets/index.ts';

/**
 * `secretIds` were put or removed, in this turn of the event loop; a snapshot from another node is not told. `removed` are as they were
 * before that.
 */
export type SecretListener = (secretIds: ReadonlySet<string>, removed: readonly Secret[]) => void;

/** Tells of secrets that have changed, after the turn in which they were applied. Costs nothing while nobody listens. */
export class SecretChanges {
  readonly #listeners = new Set<SecretListener>();
  #changed: Set<string> | undefined;
  #removed: Secret[] = [];

  /** Returns what ends it. */
  watch(listener: SecretListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  note(effects: readonly Effect[]): void {
    if (this.#listeners.size === 0) {
      return;
    }
    for (const effect of effects) {
      if (effect.kind === 'put-secret' || effect.kind === 'delete-secret') {
        this.#gathered().add(effect.secret.id);
      }
      if (effect.kind === 'delete-secret') {
        this.#removed.push(effect.secret);
      }
    }
  }

  /** Whoever is told may read and propose, which must not happen while entries are being applied. */
  #gathered(): Set<string> {
    if (this.#changed === undefined) {
      queueMicrotask(() => this.#tell());
    }
    this.#changed ??= new Set();
    return this.#changed;
  }

  #tell(): void {
    const changed = this.#changed ?? new Set<string>();
    const removed = this.#removed;
    this.#changed = undefined;
    this.#removed = [];
    this.#listeners.forEach((listener) => listener(changed, removed));
  }
}

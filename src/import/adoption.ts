// SPDX-License-Identifier: Apache-2.0
// What an import has come to, secret by secret: each value is stored under the name that it has in the swarm, unless coffer has
// something under that name.
import { CofferError, type SecretValue } from '../common/index.ts';
import type { EngineSecret } from '../engine/index.ts';
import { currentVersion, newSecretId, type Secret } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import type { ImportedSecret, ImportedService } from './import-model.ts';
import type { PlannedSecret } from './plan.ts';

export type ImportStore = Pick<SecretStore, 'byName' | 'propose' | 'readBarrier' | 'readValue'>;

const READ_TIMEOUT_MS = 2_000;

export class Adoption {
  readonly planned: readonly PlannedSecret[];
  readonly #store: ImportStore;
  readonly #now_ms: () => number;
  readonly #told: Map<string, ImportedSecret>;

  constructor(store: ImportStore, planned: readonly PlannedSecret[], now_ms: () => number) {
    this.#store = store;
    this.planned = planned;
    this.#now_ms = now_ms;
    this.#told = new Map(planned.map(({ engine, told }) => [engine.id, told] as const));
  }

  told(): readonly ImportedSecret[] {
    return [...this.#told.values()];
  }

  /** Whose value is not known yet. */
  waiting(): readonly EngineSecret[] {
    return this.#inState('waiting').map(({ engine }) => engine);
  }

  /** Of which coffer has the value that the swarm has. */
  ready(): readonly PlannedSecret[] {
    return [...this.#inState('imported'), ...this.#inState('there')];
  }

  note(id: string, news: Partial<ImportedSecret>): void {
    const before = this.#told.get(id);
    if (before !== undefined) {
      this.#told.set(id, { ...before, ...news });
    }
  }

  /** Of all secrets that it uses. */
  noteService(name: string, news: Partial<ImportedService>): void {
    for (const [id, { services }] of this.#told) {
      this.note(id, {
        services: services.map((service) => (service.name === name ? { ...service, ...news } : service)),
      });
    }
  }

  /** Stores the values, which stay the caller's. One that is refused is told of, and keeps none of the others back. */
  async take(secrets: readonly EngineSecret[], values: readonly SecretValue[]): Promise<void> {
    await this.#store.readBarrier(READ_TIMEOUT_MS);
    for (const [place, secret] of secrets.entries()) {
      const value = values[place];
      if (value !== undefined) {
        this.note(secret.id, await this.#outcome(secret, value));
      }
    }
  }

  async #outcome({ name }: EngineSecret, value: SecretValue): Promise<Partial<ImportedSecret>> {
    try {
      const stored = this.#store.byName(name);
      return stored === undefined ? await this.#put(name, value) : this.#compared(stored, value);
    } catch (thrown) {
      return { state: 'failed', note: CofferError.from(thrown).detail };
    }
  }

  async #put(name: string, value: SecretValue): Promise<Partial<ImportedSecret>> {
    const { secret, index } = await this.#store.propose({
      kind: 'put',
      id: newSecretId(),
      name,
      value,
      origin: 'control',
      labels: undefined,
      expect: 'absent',
      at_ms: this.#now_ms(),
    });
    if (secret === undefined) {
      throw new CofferError('internal.invariant', 'a put came back without its secret');
    }
    return secret.modifiedIndex === index
      ? { state: 'imported', ...described(secret) }
      : this.#compared(secret, value);
  }

  #compared(stored: Secret, value: SecretValue): Partial<ImportedSecret> {
    const other = {
      state: 'left-out',
      note: 'coffer has another value under this name, which is kept',
    } as const;
    if (stored.pending) {
      return other;
    }
    const own = this.#store.readValue(stored.id, currentVersion(stored).number);
    try {
      return own.equals(value) ? { state: 'there', ...described(stored) } : other;
    } finally {
      own.wipe();
    }
  }

  #inState(state: ImportedSecret['state']): readonly PlannedSecret[] {
    return this.planned.filter(({ engine }) => this.#told.get(engine.id)?.state === state);
  }
}

function described(secret: Secret): Pick<ImportedSecret, 'size' | 'version'> {
  const { number, size } = currentVersion(secret);
  return { version: number, size };
}

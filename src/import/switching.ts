// SPDX-License-Identifier: Apache-2.0
// The services that use imported secrets come to take them from coffer. A secret of the swarm's keeps its name and its value for as
// long as it is there, so each gets a successor: another secret, with a driver, which a service mounts where it had the first.
import { CofferError } from '../common/index.ts';
import { type EngineClient, isSameDriver } from '../engine/index.ts';
import { LABELS, nameKey, storeNameOf } from '../secrets/index.ts';
import type { Adoption } from './adoption.ts';
import type { PlannedSecret } from './plan.ts';
import { type Replacements, switchService, type SwitchOptions } from './switch-service.ts';

export interface SwitchingOptions extends Omit<SwitchOptions, 'engine'> {
  readonly engine: SwitchOptions['engine'] &
    Pick<EngineClient, 'createSecret' | 'listSecrets' | 'removeSecret'>;
  readonly driverName: () => string;
}

export class Switching {
  readonly #options: SwitchingOptions;
  readonly #adoption: Adoption;

  constructor(options: SwitchingOptions, adoption: Adoption) {
    this.#options = options;
    this.#adoption = adoption;
  }

  /** One service after the other, by name. After one that fails, the others stay as they are. */
  async run(): Promise<void> {
    const replacements = await this.#successors();
    const switched = this.#adoption.planned.filter(({ engine }) => replacements.has(engine.id));
    const users = switched.flatMap(({ services }) => services).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const names = new Map(users.map(({ id, name }) => [id, name]));
    for (const name of names.values()) {
      this.#adoption.noteService(name, { state: 'waiting' });
    }
    const done = new Set<string>();
    for (const [id, name] of names) {
      this.#adoption.noteService(name, { state: 'updating' });
      const outcome = await switchService(this.#options, id, replacements);
      const note = outcome.kind === 'updated' ? undefined : outcome.why;
      this.#adoption.noteService(name, { state: outcome.kind, note });
      if (outcome.kind === 'updated') {
        done.add(id);
      }
      if (outcome.kind === 'failed') {
        break;
      }
    }
    for (const secret of switched) {
      await this.#removeOld(secret, done);
    }
  }

  async #successors(): Promise<Replacements> {
    const replacements = new Map<string, { id: string; name: string; before: string }>();
    for (const secret of this.#adoption.ready()) {
      const { id: oldId, name: before } = secret.engine;
      const { successor } = secret.told;
      try {
        replacements.set(oldId, { id: await this.#successor(secret), name: successor, before });
      } catch (thrown) {
        this.#adoption.note(oldId, { state: 'failed', note: CofferError.from(thrown).detail });
      }
    }
    return replacements;
  }

  /** One that an earlier import has made is taken. */
  async #successor({ engine: { labels, name }, told: { successor } }: PlannedSecret): Promise<string> {
    const { driverName, engine } = this.#options;
    const driver = driverName();
    const [there] = (await engine.listSecrets({ names: [successor] })).filter(
      (secret) => nameKey(secret.name) === nameKey(successor),
    );
    if (there === undefined) {
      return engine.createSecret({ name: successor, driver, labels: { ...labels, [LABELS.name]: name } });
    }
    const isOwn = there.driver !== undefined && isSameDriver(there.driver, driver);
    if (!isOwn || nameKey(storeNameOf(there)) !== nameKey(name)) {
      throw new CofferError('import.refused', `the swarm has another secret with the name ${successor}`);
    }
    return there.id;
  }

  async #removeOld({ engine: { id }, services }: PlannedSecret, done: ReadonlySet<string>): Promise<void> {
    if (services.some((service) => !done.has(service.id))) {
      return;
    }
    try {
      await this.#options.engine.removeSecret(id);
      this.#adoption.note(id, { replaced: true });
    } catch (thrown) {
      this.#adoption.note(id, { note: CofferError.from(thrown).detail });
    }
  }
}

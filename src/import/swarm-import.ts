// SPDX-License-Identifier: Apache-2.0
// An import from the swarm, from its plan to its end: one at a time, which goes on by itself once it has begun.
import { CofferError, type Logger } from '../common/index.ts';
import type { EngineClient, EngineInfo, OneShotTasks } from '../engine/index.ts';
import { Adoption, type ImportStore } from './adoption.ts';
import type { ImportDescription, ImportWish } from './import-model.ts';
import { planImport, type PlannedSecret } from './plan.ts';
import { READ_TOGETHER_MAX, type Reader, readValues } from './read-values.ts';
import { readerImage } from './reader-image.ts';
import { Switching, type SwitchingOptions } from './switching.ts';

export type { ImportStore } from './adoption.ts';

export interface SwarmImportOptions {
  readonly engine: SwitchingOptions['engine'] & Pick<EngineClient, 'info' | 'listServices'>;
  readonly tasks: Reader['tasks'] & Pick<OneShotTasks, 'importImage' | 'removeAll'>;
  /** Throws the reason while it does not serve. */
  readonly store: () => ImportStore;
  /** The name under which the engine knows this plugin. */
  readonly driverName: () => string;
  readonly now_ms: () => number;
  readonly monotonic_ms: () => number;
  readonly pause: (duration_ms: number) => Promise<void>;
  readonly logger: Logger;
}

export class SwarmImport {
  readonly #options: SwarmImportOptions;
  #adoption: Adoption | undefined;
  #description: ImportDescription = { phase: 'idle', secrets: [] };
  #isBusy = false;

  constructor(options: SwarmImportOptions) {
    this.#options = options;
  }

  /** What would be done. Nothing is. */
  async plan(names: readonly string[]): Promise<ImportDescription> {
    const { secrets } = await this.#plan(names);
    return { phase: 'planned', secrets: secrets.map(({ told }) => told) };
  }

  /** Resolves when it has begun. Rejects with `import.busy` while one goes on, and with `import.refused` and `secret.not-found`. */
  async begin(wish: ImportWish): Promise<ImportDescription> {
    if (this.#isBusy) {
      throw new CofferError('import.busy', 'an import from the swarm goes on at this manager', {
        hint: 'It ends by itself: type the command again in a minute.',
      });
    }
    this.#isBusy = true;
    try {
      const { nodeId, secrets } = await this.#plan(wish.names);
      this.#adoption = new Adoption(this.#options.store(), secrets, this.#options.now_ms);
      this.#description = { phase: 'reading', secrets: [] };
      void this.#carryOut(this.#adoption, nodeId, wish);
    } catch (thrown) {
      this.#isBusy = false;
      throw thrown;
    }
    return this.progress();
  }

  progress(): ImportDescription {
    return { ...this.#description, secrets: this.#adoption?.told() ?? [] };
  }

  async #plan(
    names: readonly string[],
  ): Promise<{ readonly nodeId: string; readonly secrets: readonly PlannedSecret[] }> {
    const { engine, store } = this.#options;
    const nodeId = managingNode(await engine.info());
    const [listed, services] = await Promise.all([engine.listSecrets(), engine.listServices()]);
    const stored = store();
    const isStored = (name: string): boolean => stored.byName(name) !== undefined;
    return { nodeId, secrets: planImport({ secrets: listed, services, isStored }, names) };
  }

  async #carryOut(adoption: Adoption, nodeId: string, wish: ImportWish): Promise<void> {
    const { logger } = this.#options;
    try {
      await this.#read(adoption, nodeId);
      if (wish.apply) {
        this.#description = { phase: 'switching', secrets: [] };
        await new Switching({ ...this.#options, timeout_ms: wish.timeout_ms }, adoption).run();
      }
      this.#description = { phase: 'done', secrets: [] };
      logger.info('an import from the swarm has ended', { secrets: adoption.told().length });
    } catch (thrown) {
      const { code, detail, hint, message } = CofferError.from(thrown);
      this.#description = { phase: 'failed', secrets: [], problem: { code, message: detail, hint } };
      logger.warn('an import from the swarm has failed', { reason: message });
    } finally {
      this.#isBusy = false;
    }
  }

  async #read(adoption: Adoption, nodeId: string): Promise<void> {
    const { monotonic_ms, pause, tasks } = this.#options;
    const secrets = adoption.waiting();
    if (secrets.length === 0) {
      return;
    }
    // Also what an import has left behind that was killed.
    await tasks.removeAll(nodeId);
    try {
      const imageId = await tasks.importImage(await readerImage(), nodeId);
      const reader: Reader = { tasks, imageId, nodeId, monotonic_ms, pause };
      for (let at = 0; at < secrets.length; at += READ_TOGETHER_MAX) {
        const group = secrets.slice(at, at + READ_TOGETHER_MAX);
        const values = await readValues(reader, group);
        try {
          await adoption.take(group, values);
        } finally {
          values.forEach((value) => value.wipe());
        }
      }
    } finally {
      await tasks.removeAll(nodeId);
    }
  }
}

function managingNode({ controlAvailable, nodeId, swarmState }: EngineInfo): string {
  if (swarmState === 'inactive') {
    throw new CofferError('import.refused', 'the engine is in no swarm, and so has no secrets');
  }
  if (!controlAvailable || nodeId === undefined) {
    throw new CofferError('import.refused', 'the engine of this node does not manage its swarm', {
      hint: 'Type the command where a manager of the swarm is: docker node ls.',
    });
  }
  return nodeId;
}

// SPDX-License-Identifier: Apache-2.0
// The containers that mount volumes of coffer's, as they were told last, in the state directory. An engine that starts answers
// nobody before it has started containers again, and waits for their volumes meanwhile: so they must be known without it.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { CofferError, type Logger } from '../../common/index.ts';
import { CONTAINER_STATES, type ContainerState, type EngineContainer } from '../../engine/index.ts';
import { writeFileAtomically } from '../../storage/index.ts';
import { Turns } from './turns.ts';

const FILE_NAME = 'containers.json';

const shape = v.strictObject({
  format: v.literal(1),
  containers: v.array(
    v.strictObject({
      id: v.string(),
      name: v.string(),
      image: v.string(),
      imageId: v.string(),
      labels: v.record(v.string(), v.string()),
      state: v.picklist(CONTAINER_STATES),
      volumes: v.array(v.string()),
    }),
  ),
});

export class ContainerMemory {
  readonly #file: string;
  readonly #logger: Logger;
  readonly #turns = new Turns();
  #saved = '';
  #wanted = '';

  constructor(directory: string, logger: Logger) {
    this.#file = path.join(directory, FILE_NAME);
    this.#logger = logger;
  }

  /** As they are while the engine starts: nothing runs. None if there is no such file, or none that can be understood. */
  async recall(): Promise<readonly EngineContainer[]> {
    try {
      const { containers } = v.parse(shape, JSON.parse(await readFile(this.#file, 'utf8')));
      return containers.map((container) => ({ ...container, state: restarted(container.state) }));
    } catch {
      return [];
    }
  }

  /** Writes them down soon, if they are others than before. */
  remember(containers: readonly EngineContainer[]): void {
    const sorted = containers.toSorted((one, other) => (one.id < other.id ? -1 : 1));
    this.#wanted = JSON.stringify({ format: 1, containers: sorted });
    if (this.#wanted !== this.#saved) {
      void this.#turns.run(this.#file, () => this.#save());
    }
  }

  settled(): Promise<void> {
    return this.#turns.settled();
  }

  async #save(): Promise<void> {
    // The newest, of all that came while another one was written.
    const text = this.#wanted;
    if (text === this.#saved) {
      return;
    }
    try {
      await writeFileAtomically(this.#file, Buffer.from(text));
      this.#saved = text;
    } catch (thrown) {
      this.#logger.warn('the containers cannot be written down for the next start', {
        problem: CofferError.from(thrown).message,
      });
    }
  }
}

function restarted(state: ContainerState): ContainerState {
  return state === 'running' || state === 'paused' || state === 'restarting' ? 'exited' : state;
}

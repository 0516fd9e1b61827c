// SPDX-License-Identifier: Apache-2.0
// A machine that is a swarm of one, with coffer as a plain process, and somebody there who types what pages say.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryDirectory, type TemporaryDirectory } from './cleanup.ts';
import { type Coffer, startCoffer } from './coffer.ts';
import { type Engine, startEngine } from './engine.ts';
import { PageTypist } from './page-typist.ts';
import { waitFor } from './wait-for.ts';

/** What a machine without bridge, IPVS and registry needs besides, and how not to wait for what is waited for here anyway. */
export const SWARM_WORDS = {
  'service create --name': 'service create --detach --network host --no-resolve-image --name',
  'service create --detach': 'service create --detach --network host --no-resolve-image',
  'service update': 'service update --detach --no-resolve-image',
  'docker coffer context': 'unset DOCKER_HOST; docker coffer context',
  'docker run -d': 'docker run -d --network host',
  'docker stack deploy': 'docker stack deploy --resolve-image never',
};
/** Nothing is left of what another page has made. */
const CLEAR = [
  'docker service ls -q | xargs -r docker service rm',
  'until docker ps -aq | xargs -r docker rm -f && test -z "$(docker ps -aq)"; do sleep 0.2; done',
  'docker volume ls -q | xargs -r docker volume rm',
  'until docker secret ls -q | xargs -r docker secret rm; do sleep 0.2; done',
  'docker coffer ls -q | xargs -r docker coffer rm --force',
].join('; ');
const EFFECT_TIMEOUT_MS = 60_000;

export type PageStep = () => Promise<void>;

type Environment = Readonly<Record<string, string>>;

/** One step after the other. */
export function inTurn(...steps: readonly PageStep[]): PageStep {
  return async () => {
    for (const step of steps) {
      await step();
    }
  };
}

export class PageDesk {
  readonly engine: Engine;
  readonly typist: PageTypist;
  readonly #temporary: TemporaryDirectory;
  #coffer: Coffer;
  #environment: Environment = {};

  private constructor(test: string, temporary: TemporaryDirectory, engine: Engine, coffer: Coffer) {
    this.engine = engine;
    this.#temporary = temporary;
    this.#coffer = coffer;
    this.typist = new PageTypist({
      test,
      directory: temporary.path,
      controlSocket: coffer.controlSocket,
      dockerSocket: coffer.gatewaySocket,
      inside: (command) => engine.box.inside(command),
      env: () => this.#environment,
    });
  }

  /** `test`: the test that types, as a path from the project's top level. It ends all of it with `stop()`. */
  static async start(test: string): Promise<PageDesk> {
    const temporary = temporaryDirectory();
    const engine = await startEngine({ name: 'engine-1' });
    try {
      await engine.docker(['tag', await engine.importBusybox(), 'redis:alpine']);
      await engine.swarmInit();
      const desk = new PageDesk(test, temporary, engine, await startCoffer({ engine }));
      await desk.until('docker coffer status')();
      return desk;
    } catch (error) {
      await engine.stop();
      temporary.remove();
      throw error;
    }
  }

  /** Where it is typed. */
  get directory(): string {
    return this.#temporary.path;
  }

  async stop(): Promise<void> {
    await this.#coffer.stop();
    await this.engine.stop();
    this.#temporary.remove();
  }

  /** Removes all services, containers, volumes and secrets, and has coffer run as at first. */
  async clear(): Promise<void> {
    if (Object.keys(this.#environment).length > 0) {
      await this.restart({});
    }
    await this.type(CLEAR)();
  }

  /** Starts coffer again, on the same state; `environment` is that of what is typed from then on, too. */
  async restart(environment: Environment, settings: Environment = {}): Promise<void> {
    await this.#coffer.stop();
    this.#environment = environment;
    this.#coffer = await startCoffer({ engine: this.engine, env: { ...environment, ...settings } });
    await this.until('docker coffer status')();
  }

  write(name: string, text: string): void {
    writeFileSync(path.join(this.directory, name), text);
  }

  /** A line is typed that must succeed. */
  type(line: string): PageStep {
    return async () => {
      const { code, stdout } = await this.typist.run(line);
      assert.equal(code, 0, `${line}: ${stdout}`);
    };
  }

  /** A line is typed until it succeeds. */
  until(line: string): PageStep {
    return async () => {
      await waitFor(async () => (await this.typist.run(line)).code === 0, {
        what: line,
        timeout_ms: EFFECT_TIMEOUT_MS,
      });
    };
  }

  /** So many containers of the service run. */
  running(service: string, count = 1): PageStep {
    return this.until(`test $(docker ps -qf name=${service} | wc -l) = ${count}`);
  }

  /** The ledger has one line of the secret, with that word in it: tasks that were replaced or removed are told for a moment more. */
  oneDelivery(secret: string, word: string): PageStep {
    return this.until(
      `test $(docker coffer ps ${secret} | wc -l) = 2 && docker coffer ps ${secret} | grep -w ${word}`,
    );
  }
}

// SPDX-License-Identifier: Apache-2.0
// SIGKILL, at any moment, under load: of the daemon as a process and as a managed plugin, and of the engine.
// Nothing that was acknowledged is lost, and in the end nothing is half there.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Coffer, startCoffer } from '../support/coffer.ts';
import { CrashLoad, storeServes } from '../support/crash-load.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { installPlugin, type ManagedPlugin } from '../support/managed-plugin.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';

const CLIENTS = 6;
const PROCESS_KILLS = 18;
const PLUGIN_KILLS = 7;
const ENGINE_KILLS = 2;

const swarmServes = async (engine: Engine): Promise<void> => {
  await waitFor(async () => (await engine.tryDocker(['secret', 'ls'])).code === 0, { what: 'the swarm' });
};

describe('coffer as a process', () => {
  let engine: Engine;
  let coffer: Coffer;
  let load: CrashLoad;
  const random = new SeededRandom();
  before(async () => {
    engine = await startEngine({ name: 'crash' });
    await engine.swarmInit();
    coffer = await startCoffer({ engine, env: { COFFER_LOG_LEVEL: 'info' } });
    load = new CrashLoad(engine, coffer, random);
  });
  after(async () => {
    await load?.stop();
    await coffer?.stop();
    await engine?.stop();
  });

  test(`keeps what it acknowledged when it is killed ${PROCESS_KILLS} times`, async (t) => {
    t.diagnostic(random.description);
    for (let round = 0; round < PROCESS_KILLS; round += 1) {
      load.start(CLIENTS);
      await load.acknowledges(random.below(40));
      await delay(random.below(20));
      await Promise.all([coffer.kill9(), load.stop()]);
      await coffer.start();
      await storeServes(coffer);
      await load.verify().catch((error: unknown) => {
        throw new Error(`after kill ${round + 1} (${random.description})`, { cause: error });
      });
    }
    assert.ok(load.counts.acknowledged > 10 * PROCESS_KILLS, 'there was a load');
    assert.ok(load.counts.broken >= PROCESS_KILLS, 'the kills met calls under way');
  });

  test('is killed while it starts, and starts all the same', async (t) => {
    t.diagnostic(random.description);
    for (let round = 0; round < 5; round += 1) {
      await coffer.kill9();
      // It listens before it opens its store.
      await coffer.start();
    }
    await storeServes(coffer);
    await load.verify();
  });

  test(`agrees with the engine after the engine was killed ${ENGINE_KILLS} times`, async (t) => {
    t.diagnostic(random.description);
    const { pid } = coffer;
    for (let round = 0; round < ENGINE_KILLS; round += 1) {
      load.start(CLIENTS);
      await load.acknowledges(5 + random.below(20));
      await engine.kill();
      await load.stop();
      await engine.start();
      await swarmServes(engine);
      await load.verify().catch((error: unknown) => {
        throw new Error(`after the engine's kill ${round + 1} (${random.description})`, { cause: error });
      });
    }
    assert.equal(coffer.pid, pid);
  });

  test('has in the end what the engine has: no secret without a value, none pending', async () => {
    await load.settled();
    await load.verify();
  });
});

describe('coffer as a managed plugin', () => {
  let engine: Engine;
  let plugin: ManagedPlugin;
  let load: CrashLoad;
  const random = new SeededRandom(new SeededRandom().seed + 1);
  before(async () => {
    engine = await startEngine({ name: 'crash-plugin' });
    await engine.swarmInit();
    plugin = await installPlugin(engine);
    load = new CrashLoad(engine, plugin, random);
  });
  after(async () => {
    await load?.stop();
    await engine?.stop();
  });

  test(`keeps what it acknowledged when it is killed ${PLUGIN_KILLS} times`, async (t) => {
    t.diagnostic(random.description);
    for (let round = 0; round < PLUGIN_KILLS; round += 1) {
      load.start(CLIENTS);
      await plugin.reached();
      await load.acknowledges(random.below(40));
      await delay(random.below(20));
      await Promise.all([plugin.kill9(), load.stop()]);
      await storeServes(plugin);
      await load.verify().catch((error: unknown) => {
        throw new Error(`after kill ${round + 1} (${random.description})`, { cause: error });
      });
    }
    assert.ok(load.counts.acknowledged > 10 * PLUGIN_KILLS, 'there was a load');
    const { stdout } = await engine.docker(['plugin', 'inspect', '--format', '{{.Enabled}}', plugin.name]);
    assert.equal(stdout, 'true\n');
  });

  test('is replaced when its engine is killed under load, and keeps what it acknowledged', async (t) => {
    t.diagnostic(random.description);
    load.start(CLIENTS);
    await load.acknowledges(20);
    await engine.kill();
    await load.stop();
    await engine.start();
    await swarmServes(engine);
    await plugin.serving();
    await storeServes(plugin);
    await load.verify();
  });

  test('has in the end what the engine has: no secret without a value, none pending', async () => {
    await load.settled();
    await load.verify();
  });
});

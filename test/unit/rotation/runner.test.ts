// SPDX-License-Identifier: Apache-2.0
// Rotations carried out on a swarm that updates in steps, by leaders that end before and after every one of theirs.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError, SecretValue, silentLogger } from '../../../src/common/index.ts';
import { EngineAnswer } from '../../../src/engine/index.ts';
import type { RotationObject } from '../../../src/membership/index.ts';
import { cancelRotation, RotationRunner, type RotationRunnerOptions } from '../../../src/rotation/index.ts';
import { aRotatedService } from '../../support/cluster-objects.ts';
import { deliveryOf } from '../../support/deliveries.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { RollingSwarm, type ServiceWish } from '../../support/rolling-swarm.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { putValue } from '../../support/test-store.ts';

const TIMEOUT_MS = 60_000;
const LOOK_MS = 1_000;
const LOOKS_MAX = 2_000;

class Crash extends Error {}

/** A leader ends at the call with this number: before it is made, or after. 0: never. */
type CrashAt = { readonly call: number; readonly when: 'before' | 'after' };

class World {
  readonly store = new MemoryStore();
  readonly swarm = new RollingSwarm(() => this.value);
  secretId = '';
  calls = 0;
  crashes = 0;
  leads = true;
  now_ms = 0;
  crashAt: ((call: number, when: CrashAt['when']) => boolean) | undefined;
  #runner = this.#newRunner();

  static async of(services: Readonly<Record<string, ServiceWish>>): Promise<World> {
    const world = new World();
    ({ id: world.secretId } = await putValue(world.store, 'db', Buffer.from('old')));
    Object.entries(services).forEach(([name, wish]) => world.swarm.add(name, wish));
    return world;
  }

  /** The current one. */
  get value(): string {
    const version = this.store.byId(this.secretId)?.versions.at(-1)?.number;
    return version === undefined ? '' : this.store.readValue(this.secretId, version).expose().toString();
  }

  async begin(rotationId: string, value: string, names: readonly string[]): Promise<void> {
    await this.store.propose({
      kind: 'rotate',
      id: this.secretId,
      rotationId,
      expect: undefined,
      services: names.map((name) => aRotatedService(name)),
      timeout_ms: TIMEOUT_MS,
      value: SecretValue.copyOf(Buffer.from(value)),
      at_ms: this.now_ms,
    });
  }

  /** A task was given this version. */
  deliver(taskId: string, version: number): void {
    if (this.store.deliveredVersion(taskId, this.secretId) === undefined) {
      void this.store.propose({
        kind: 'record-deliveries',
        deliveries: [deliveryOf(taskId, this.secretId, version, { name: 'db' })],
      });
    }
  }

  rotation(id = 'r'): RotationObject {
    const rotation = this.store.cluster.rotation(id);
    assert.ok(rotation !== undefined);
    return rotation;
  }

  /** Looks until nothing is left to do, and has another leader after each crash. Returns how many looks that took. */
  async run(each: (look: number) => void = () => undefined): Promise<number> {
    for (let look = 1; look <= LOOKS_MAX; look += 1) {
      this.now_ms += LOOK_MS;
      each(look);
      try {
        if ((await this.#runner.look()) === 'idle') {
          return look;
        }
      } catch (thrown) {
        if (thrown instanceof Crash) {
          this.crashes += 1;
          this.#runner = this.#newRunner();
        } else if (CofferError.from(thrown).code !== 'engine.unreachable') {
          throw thrown;
        }
      }
    }
    throw new Error(`the rotation has not ended after ${LOOKS_MAX} looks`);
  }

  #newRunner(): RotationRunner {
    const { store, swarm } = this;
    const options: RotationRunnerOptions = {
      swarm: {
        inspectService: (id) => this.#call(() => swarm.inspectService(id)),
        serviceTasks: (id) => this.#call(() => swarm.serviceTasks(id)),
        forceService: (...given) => this.#call(() => swarm.forceService(...given)),
      },
      store: {
        cluster: store.cluster,
        byId: (id) => store.byId(id),
        deliveredVersion: (...given) => store.deliveredVersion(...given),
        readBarrier: () => store.readBarrier(),
        readValue: (...given) => store.readValue(...given),
        propose: (...given) => this.#call(() => store.propose(...given)),
      },
      leads: () => this.leads,
      now_ms: () => this.now_ms,
      monotonic_ms: () => this.now_ms,
      logger: silentLogger,
    };
    return new RotationRunner(options);
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    this.calls += 1;
    const call = this.calls;
    this.#crashIf(call, 'before');
    const done = await work();
    this.#crashIf(call, 'after');
    return done;
  }

  #crashIf(call: number, when: CrashAt['when']): void {
    if (this.crashAt?.(call, when) === true) {
      throw new Crash('the leader has ended');
    }
  }
}

function statesOf({ services }: RotationObject): readonly string[] {
  return services.map(({ state }) => state);
}

const BAD = 'bad';
const notBad = (value: string): boolean => value !== BAD;

const SCENES: readonly {
  readonly what: string;
  readonly services: Readonly<Record<string, ServiceWish>>;
  readonly value: string;
  readonly outcome: string;
  readonly why: RegExp;
}[] = [
  { what: 'goes through', services: { a: {}, b: {}, c: {} }, value: 'new', outcome: 'done', why: /^$/ },
  {
    what: 'meets a service whose update is paused',
    services: { a: {}, b: { accepts: notBad }, c: {} },
    value: BAD,
    outcome: 'rolled-back',
    why: /^service b: its update is paused: task: non-zero exit \(3\)$/,
  },
  {
    what: 'meets a service that the engine rolls back by itself',
    services: { a: {}, b: { accepts: notBad, onFailure: 'rollback' }, c: {} },
    value: BAD,
    outcome: 'rolled-back',
    why: /^service b: the engine (rolls its update back|has rolled its update back)/,
  },
  {
    what: 'meets a service whose tasks fail time and again',
    services: { a: {}, b: { accepts: notBad, onFailure: 'continue' } },
    value: BAD,
    outcome: 'rolled-back',
    why: /^service b: its tasks did not all run with it after 1m: task: non-zero exit/,
  },
];

/** Done or undone, as a whole. */
function assertWhole(world: World, value: string, names: readonly string[]): void {
  const { phase } = world.rotation();
  const expected = phase === 'done' ? value : 'old';
  assert.equal(world.value, expected, 'the secret');
  const touched = world.rotation().services.filter(({ state }) => state !== 'waiting');
  for (const { name } of touched) {
    assert.deepEqual(new Set(world.swarm.values(name)), new Set([expected]), `the tasks of ${name}`);
  }
  for (const name of names.filter((one) => !touched.some((service) => service.name === one))) {
    assert.deepEqual([new Set(world.swarm.values(name)), phase], [new Set(['old']), 'rolled-back']);
  }
}

for (const { outcome, services, value, what, why } of SCENES) {
  describe(`a rotation that ${what}`, () => {
    const names = Object.keys(services);

    test(`is ${outcome}`, async () => {
      const world = await World.of(services);
      await world.begin('r', value, names);
      await world.run();
      const { phase, problem } = world.rotation();
      assert.equal(phase, outcome);
      assert.match(problem, why);
      assertWhole(world, value, names);
      for (const name of names) {
        assert.ok(world.swarm.forced(name) <= 2, `${name} is updated once, and once more to go back`);
      }
    });

    test('ends the same, whenever its leader ends, before or after whatever it does', async () => {
      const whole = await World.of(services);
      await whole.begin('r', value, names);
      await whole.run();
      for (const when of ['before', 'after'] as const) {
        for (let call = 1; call <= whole.calls; call += 1) {
          const world = await World.of(services);
          world.crashAt = (at, moment) => at === call && moment === when;
          await world.begin('r', value, names);
          await world.run();
          assert.equal(world.crashes, 1, `the leader ends ${when} call ${call}`);
          assert.equal(world.rotation().phase, outcome, `after an end ${when} call ${call}`);
          assertWhole(world, value, names);
          if (outcome === 'done') {
            const forced = names.map((name) => world.swarm.forced(name));
            assert.deepEqual(
              forced,
              names.map(() => 1),
              `no task is replaced twice, ${when} call ${call}`,
            );
          }
        }
      }
    });
  });
}

test('ten rotations in a row leave no service behind, whoever leads', async () => {
  const random = new SeededRandom();
  const { seed } = random;
  const names = ['a', 'b', 'c'];
  const world = await World.of({ a: { replicas: 3 }, b: { accepts: notBad }, c: { onFailure: 'rollback' } });
  world.crashAt = () => random.below(10) === 0;
  let expected = 'old';
  for (let round = 1; round <= 10; round += 1) {
    const value = round % 3 === 0 ? BAD : `value ${round}`;
    await world.begin(`r${round}`, value, names);
    await world.run();
    const { phase } = world.rotation(`r${round}`);
    assert.equal(phase, value === BAD ? 'rolled-back' : 'done', `round ${round}, seed ${seed}`);
    expected = value === BAD ? expected : value;
    for (const name of names) {
      assert.deepEqual(new Set(world.swarm.values(name)), new Set([expected]), `${name}, seed ${seed}`);
    }
  }
  assert.ok(world.crashes > 0, `leaders ended, seed ${seed}`);
});

describe('a rotation', () => {
  test('leaves out a service that is removed meanwhile', async () => {
    const world = await World.of({ a: {}, b: {} });
    await world.begin('r', 'new', ['a', 'b']);
    await world.run((look) => {
      if (look === 3) {
        world.swarm.remove('a');
      }
    });
    assert.deepEqual([world.rotation().phase, statesOf(world.rotation())], ['done', ['gone', 'updated']]);
  });

  test('that is cancelled at whatever moment goes back as a whole', async () => {
    const names = ['a', 'b', 'c'];
    const services = { a: {}, b: { replicas: 2 }, c: {} };
    const whole = await World.of(services);
    await whole.begin('r', 'new', names);
    const looks = await whole.run();
    for (let at = 1; at < looks; at += 1) {
      const world = await World.of(services);
      await world.begin('r', 'new', names);
      let cancelled: Promise<unknown> | undefined;
      await world.run((look) => {
        if (look === at) {
          cancelled = cancelRotation({ store: world.store, now_ms: () => world.now_ms }, 'DB');
        }
      });
      await cancelled;
      const { phase, problem } = world.rotation();
      assert.deepEqual([phase, problem], ['rolled-back', 'it was cancelled'], `at look ${at} of ${looks}`);
      assertWhole(world, 'new', names);
    }
  });

  test('goes on with a service that somebody else changes meanwhile', async () => {
    const world = await World.of({ a: {} });
    await world.begin('r', 'new', ['a']);
    let touched = false;
    await world.run(() => {
      if (!touched && statesOf(world.rotation())[0] === 'updating') {
        touched = true;
        world.swarm.touch('a');
      }
    });
    assert.deepEqual([touched, world.rotation().phase, world.swarm.forced('a')], [true, 'done', 1]);
  });

  test('updates a service once more whose new tasks were given the version of before, and not for ever', async () => {
    for (const isMended of [true, false]) {
      const world = await World.of({ a: {} });
      await world.begin('r', 'new', ['a']);
      await world.run(() => {
        for (const { forceUpdate, id } of world.swarm.tasksOf('a')) {
          const isOld = forceUpdate === 1 || !isMended;
          world.deliver(id, isOld && world.rotation().phase === 'updating' ? 1 : 3);
        }
      });
      const { phase, problem } = world.rotation();
      assert.equal(phase, isMended ? 'done' : 'rolled-back');
      assert.match(problem, isMended ? /^$/ : /^service a: its tasks did not all run with it after 1m$/);
      assert.equal(isMended ? world.swarm.forced('a') : 2, 2);
    }
  });

  test('waits for an engine that does not answer, for as long as that takes', async () => {
    const world = await World.of({ a: {} });
    await world.begin('r', 'new', ['a']);
    await world.run((look) => {
      const away = look > 3 && look < 500;
      world.swarm.problem = away ? new CofferError('engine.unreachable', 'no answer') : undefined;
    });
    assert.equal(world.rotation().phase, 'done');
  });

  test('tells why it waits, and since when, once that has lasted, and no longer when it goes on', async () => {
    const world = await World.of({ a: { replicas: 3 } });
    await world.begin('r', 'new', ['a']);
    const told: string[] = [];
    await world.run((look) => {
      const away = (look > 3 && look < 9) || (look >= 10 && look < 60);
      world.swarm.problem = away ? new CofferError('engine.unreachable', 'no answer') : undefined;
      const { heldAt_ms, heldBecause } = world.rotation();
      told.push(heldBecause === '' ? '' : `${heldBecause} since look ${heldAt_ms / LOOK_MS}`);
    });
    assert.deepEqual(
      [
        ...new Set(
          told.map((text, at) => `${at < 20 || at >= 60 ? 'before and after' : 'meanwhile'}: ${text}`),
        ),
      ],
      ['before and after: ', 'meanwhile: no answer since look 10'],
      'five looks without an answer are not worth a word',
    );
    assert.deepEqual([world.rotation().phase, world.rotation().heldBecause], ['done', '']);
  });

  test('goes back at once where the engine says that an update is wrong', async () => {
    const world = await World.of({ a: {}, b: {} });
    await world.begin('r', 'new', ['a', 'b']);
    world.swarm.refusal = new CofferError('engine.refused', 'the Docker Engine refused: invalid spec', {
      cause: new EngineAnswer(400, 'invalid spec'),
    });
    const looks = await world.run((look) => {
      world.swarm.refusal = look > 6 ? undefined : world.swarm.refusal;
    });
    assert.ok(looks < 30);
    assert.deepEqual([world.rotation().phase, world.value], ['failed', 'old']);
    assert.match(world.rotation().problem, /^service a: the Docker Engine refused: invalid spec$/);
  });

  test('is left alone by a manager that does not lead', async () => {
    const world = await World.of({ a: {} });
    await world.begin('r', 'new', ['a']);
    world.leads = false;
    assert.deepEqual([await world.run(), world.calls], [1, 0]);
  });
});

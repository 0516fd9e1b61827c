// SPDX-License-Identifier: Apache-2.0
// Rotations whose leader is killed at every step that it takes: what it asks of its engine is held, so that it is known to be just there.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CofferSwarm } from '../../support/coffer-swarm.ts';
import type { Engine } from '../../support/engine.ts';
import type { EngineGates, HeldCall } from '../../support/engine-gates.ts';
import { endedRotation, heldBy, progress, seenHolders } from '../../support/rotations.ts';
import { forceUpdateOf, serviceCreate, serviceId } from '../../support/service.ts';
import type { Member } from '../../support/swarm-member.ts';

const SECRET = 'keys';
const REPLICAS = 2;
const SERVICES = ['alpha', 'beta'] as const;
type ServiceName = (typeof SERVICES)[number];

/** How a service is updated, and what its tasks do with a value that it does not like. */
const WORDS: Readonly<Record<ServiceName, readonly string[]>> = {
  // Without the two seconds that an engine takes to stop a task.
  alpha: ['--update-parallelism', '0', '--update-order', 'start-first'],
  // One after the other: several looks see what is in between.
  beta: ['--update-delay', '1s'],
};
const WAITING = "trap 'exit 0' TERM; sleep 1000000 & wait";
const PROGRAMS: Readonly<Record<ServiceName, string>> = {
  alpha: WAITING,
  beta: `grep -q bad /run/secrets/${SECRET} && exit 3; ${WAITING}`,
};

/** Where the leader is caught, and killed. */
interface Step {
  readonly what: string;
  /** `look`: at the service, before anything else of it; `update`: that is asked for. */
  readonly call: 'look' | 'update';
  readonly of: ServiceName;
  readonly hold: HeldCall['hold'];
  /** By words of `progress`. */
  readonly state: string;
  /** How often updates of each service had been asked for in this rotation. */
  readonly asked: readonly [alpha: number, beta: number];
  /** Some of those that hold the secret, by words of `seenHolders`. */
  readonly seen?: readonly string[];
}

const FORTH: readonly Step[] = [
  {
    what: 'the version is stored',
    call: 'look',
    of: 'alpha',
    hold: 'request',
    state: 'updating: alpha waiting, beta waiting',
    asked: [0, 0],
  },
  {
    what: 'an update is written down, and not asked for',
    call: 'update',
    of: 'alpha',
    hold: 'request',
    state: 'updating: alpha updating, beta waiting',
    asked: [0, 0],
  },
  {
    what: 'it is asked for, and the answer does not come',
    call: 'update',
    of: 'alpha',
    hold: 'answer',
    state: 'updating: alpha updating, beta waiting',
    asked: [1, 0],
  },
  {
    what: 'a service is done',
    call: 'look',
    of: 'beta',
    hold: 'request',
    state: 'updating: alpha updated, beta waiting',
    asked: [1, 0],
  },
  {
    what: 'tasks are being replaced',
    call: 'update',
    of: 'beta',
    hold: 'answer',
    state: 'updating: alpha updated, beta updating',
    asked: [1, 1],
    seen: ['beta 1 stale', 'beta 2 current'],
  },
];

const BACK: readonly Step[] = [
  {
    what: 'a task is about to fail',
    call: 'update',
    of: 'beta',
    hold: 'answer',
    state: 'updating: alpha updated, beta updating',
    asked: [1, 1],
  },
  {
    what: 'the old value is put back',
    call: 'look',
    of: 'alpha',
    hold: 'request',
    state: 'rolling-back: alpha updated, beta updating',
    asked: [1, 1],
  },
  {
    what: 'an update back is written down, and not asked for',
    call: 'update',
    of: 'alpha',
    hold: 'request',
    state: 'rolling-back: alpha reverting, beta updating',
    asked: [1, 1],
  },
  {
    what: 'it is asked for, and the answer does not come',
    call: 'update',
    of: 'alpha',
    hold: 'answer',
    state: 'rolling-back: alpha reverting, beta updating',
    asked: [2, 1],
  },
  {
    what: 'a service is back',
    call: 'look',
    of: 'beta',
    hold: 'request',
    state: 'rolling-back: alpha reverted, beta updating',
    asked: [2, 1],
  },
  {
    what: 'the one that failed is updated once more',
    call: 'update',
    of: 'beta',
    hold: 'answer',
    state: 'rolling-back: alpha reverted, beta reverting',
    asked: [2, 2],
  },
];

export function killedRotationStories(of: () => CofferSwarm, gates: EngineGates): void {
  describe('a rotation whose leader is killed at each of its steps', () => {
    const ids = new Map<ServiceName, string>();
    const first = (): Member => of().members[0] ?? assert.fail('three managers');

    const callOf = (step: Step): HeldCall => {
      const id = ids.get(step.of) ?? assert.fail(`no service ${step.of}`);
      const what =
        step.call === 'look' ? `^GET \\S*/services/${id}[ ?]` : `^POST \\S*/services/${id}/update\\?`;
      return { what: new RegExp(what), hold: step.hold };
    };
    const asked = async (): Promise<readonly number[]> =>
      Promise.all(SERVICES.map(async (service) => forceUpdateOf(first().engine, service)));
    /** Resolves when it is a manager again as before. */
    const isBack = async (member: Member): Promise<void> => {
      await member.comeBack();
      await of().leader();
    };
    const killLeader = async (): Promise<void> => {
      const leader = await of().leader();
      await leader.crash();
      await isBack(leader);
    };
    /** Has the leader killed at each of the steps, of a rotation that begins with `begin`. */
    const killAtEach = async (
      steps: readonly Step[],
      begin: () => Promise<unknown>,
      told: (line: string) => void,
    ): Promise<void> => {
      const before = await asked();
      const [firstStep = assert.fail('no step')] = steps;
      // Where it is typed, services are looked at before anything is stored.
      const isLooked = firstStep.call === 'look' ? 1 : 0;
      let caught = gates.catch({
        ...callOf(firstStep),
        let: (engine) => (engine === first().engine ? isLooked : 0),
      });
      await begin();
      let killed: Member | undefined;
      let back = Promise.resolve();
      for (const [index, step] of steps.entries()) {
        const { engine } = await caught();
        // An engine that does not answer is given up after seconds, and whoever leads then goes on: not past the next step.
        let doomed: Engine | undefined = engine;
        const next = steps[index + 1];
        if (next !== undefined) {
          caught = gates.catch({ ...callOf(next), isInVain: (caller) => caller === doomed });
        }
        const leader = of().members.find((member) => member.engine === engine) ?? assert.fail('a member');
        const [other = leader] = of().others(leader, ...(killed === undefined ? [] : [killed]));
        told(`${leader.name} is killed when ${step.what}`);
        const [state, count] = await Promise.all([progress(other, SECRET), asked()]);
        assert.equal(state, step.state, step.what);
        assert.deepEqual(
          count.map((all, at) => all - (before[at] ?? 0)),
          step.asked,
          step.what,
        );
        const { seen = [] } = step;
        await seenHolders([other], SECRET, (shown) => seen.every((words) => shown.includes(words)));
        // Of three managers no more than one is away.
        await back;
        await leader.crash();
        [killed, doomed] = [leader, undefined];
        // At once, and while the next step is looked at: the swarm's leader gives up after 15 seconds without coffer on its node.
        back = isBack(leader);
        // It is awaited above.
        back.catch(() => undefined);
      }
      await back;
      gates.release();
    };
    /** All tasks have this value, which is that of the current version. */
    const assertWhole = async (value: string, version: number): Promise<void> => {
      const all = SERVICES.flatMap((service) =>
        Array.from({ length: REPLICAS }, () => `${service} ${version} current`),
      );
      await Promise.all(of().members.map(async (member) => heldBy([member], SECRET, all)));
      for (const service of SERVICES) {
        const tasks = await of().tasks(service, REPLICAS);
        assert.deepEqual(
          await Promise.all(tasks.map((task) => task.secret(SECRET))),
          tasks.map(() => value),
          service,
        );
      }
    };

    before(async () => {
      await first().docker(['secret', 'create', SECRET, '-'], { input: 'one' });
      for (const service of SERVICES) {
        const words = ['--secret', SECRET, '--replicas', String(REPLICAS), '--update-monitor', '500ms'];
        const create = serviceCreate(service, [...words, ...WORDS[service]], ['sh', '-c', PROGRAMS[service]]);
        await first().engine.docker(create);
        ids.set(service, await serviceId(first().engine, service));
      }
      await Promise.all(SERVICES.map(async (service) => of().tasks(service, REPLICAS)));
    });
    after(async () => {
      gates.release();
      await of().clear();
    });

    test('goes on to its end: all tasks have the new value, and none was replaced twice', async (t) => {
      const begin = async (): Promise<unknown> => first().cli(['rotate', SECRET, '-', '--detach'], 'two');
      await killAtEach(FORTH, begin, (line) => t.diagnostic(line));
      assert.equal((await endedRotation(first(), SECRET)).Phase, 'done');
      await killLeader();
      assert.equal(await progress(first(), SECRET), 'done: alpha updated, beta updated');
      assert.deepEqual(await asked(), [1, 1]);
      await assertWhole('two', 2);
    });

    test('goes back to the beginning: all tasks have the old value again', async (t) => {
      const begin = async (): Promise<unknown> =>
        first().cli(['rotate', SECRET, '-', '--detach'], 'a bad one');
      await killAtEach(BACK, begin, (line) => t.diagnostic(line));
      assert.equal((await endedRotation(first(), SECRET)).Phase, 'rolled-back');
      await killLeader();
      assert.equal(await progress(first(), SECRET), 'rolled-back: alpha reverted, beta reverted');
      assert.deepEqual(await asked(), [3, 3]);
      await assertWhole('two', 4);
    });
  });
}

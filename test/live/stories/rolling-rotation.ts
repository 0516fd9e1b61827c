// SPDX-License-Identifier: Apache-2.0
// A secret that is rotated with the services that use it: to the new version, or all back.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Installation, linesOf } from '../../support/installation.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { serviceCreate, type Task, waitForTasks } from '../../support/service.ts';
import { waitFor } from '../../support/wait-for.ts';

const REPLICAS = 3;
const KILLS = 4;
const HOW = ['--secret', 'rolling', '--update-monitor', '2s', '--stop-grace-period', '1s'];
/** Ends at once with a value that it does not like, as a program does whose password is wrong. */
const PICKY = ['sh', '-c', 'grep -q bad /run/secrets/rolling && exit 3; exec sleep 100000'];

async function valuesOf(tasks: readonly Task[]): Promise<readonly string[]> {
  return Promise.all(tasks.map((task) => task.secret('rolling')));
}

/** `service.slot state`, of the tasks that are to run. */
async function wantedTasks({ engine }: Installation, service: string): Promise<readonly string[]> {
  const words = ['--filter', 'desired-state=running', '--format', '{{.Name}} {{.CurrentState}}'];
  const { stdout } = await engine.docker(['service', 'ps', ...words, service]);
  return linesOf(stdout)
    .map((line) => line.split(' ').slice(0, 2).join(' '))
    .sort();
}

/** How the last rotation of the secret went, once it has ended. */
export async function ended(installation: Installation, secret: string): Promise<string> {
  return waitFor(
    async () => {
      const { code, stdout } = await installation.tryCli(['rotate', '--status', secret, '--format', 'json']);
      const last = code === 0 ? (JSON.parse(stdout) as { EndedAt?: unknown; Phase: string }) : undefined;
      return last?.EndedAt === undefined ? undefined : last.Phase;
    },
    { what: `the rotation of ${secret} to end`, timeout_ms: 120_000, interval_ms: 300 },
  );
}

/** How services are taken back, which is the same however coffer is run. */
export function revertedRotationStories(of: () => Installation): void {
  describe('a secret that is rotated, and goes back with its services', () => {
    afterEach(async () => of().clear());

    for (const action of ['pause', 'rollback']) {
      test(`goes back with its services where tasks fail on it, with --update-failure-action ${action}`, async () => {
        const { engine } = of();
        await of().docker(['secret', 'create', 'rolling', '-'], { input: 'good' });
        const words = ['--replicas', String(REPLICAS), ...HOW, '--update-failure-action', action];
        await engine.docker(serviceCreate('picky', words, PICKY));
        await waitForTasks(engine, 'picky', { count: REPLICAS });

        const rotated = await of().tryCli(['rotate', 'rolling', '-'], { input: 'bad' });
        assert.equal(rotated.code, 2, rotated.stderr);
        assert.match(rotated.stderr, /^coffer: rolling: rolled back, because service picky: .*\(3\)/m);
        assert.match(rotated.stderr, /; version 3 has the old value again$/m);
        assert.deepEqual(await wantedTasks(of(), 'picky'), [
          'picky.1 Running',
          'picky.2 Running',
          'picky.3 Running',
        ]);
        const after = await waitForTasks(engine, 'picky', { count: REPLICAS });
        assert.deepEqual(await valuesOf(after), ['good', 'good', 'good']);
        const status = await of().cli(['rotate', '--status', 'rolling']);
        assert.match(status.stdout, /^ {2}picky has the old value again$/m);
      });
    }

    test('goes back as a whole when it is cancelled on the way', async () => {
      const { engine } = of();
      await of().docker(['secret', 'create', 'rolling', '-'], { input: 'one' });
      // The second task of three would be replaced in a minute.
      const slow = ['--replicas', String(REPLICAS), ...HOW, '--update-delay', '60s'];
      await engine.docker(serviceCreate('web', slow));
      await engine.docker(serviceCreate('worker', HOW));
      await waitForTasks(engine, 'web', { count: REPLICAS });
      const [untouched] = await waitForTasks(engine, 'worker');
      await of().cli(['rotate', 'rolling', '-', '--detach'], { input: 'two' });
      await waitFor(
        async () => {
          const values = await valuesOf(await waitForTasks(engine, 'web', { count: REPLICAS }));
          return values.includes('two');
        },
        { what: 'a task of web to have the new value', timeout_ms: 60_000, interval_ms: 300 },
      );
      await engine.docker(['service', 'update', '--detach', '--update-delay', '0s', 'web']);

      const cancelled = await of().cli(['rotate', '--cancel', 'rolling'], { timeout_ms: 120_000 });
      assert.equal(
        cancelled.stdout,
        'rolling: rolled back, because it was cancelled; version 3 has the old value again\n',
      );
      assert.match(cancelled.stderr, /^rolling: goes back, because it was cancelled\n(.*\n)*web has the old/);
      const after = await waitForTasks(engine, 'web', { count: REPLICAS });
      assert.deepEqual(await valuesOf(after), ['one', 'one', 'one']);
      const [still] = await waitForTasks(engine, 'worker');
      assert.equal(still?.id, untouched?.id, 'a service that was not touched yet is left alone');
      assert.equal(
        (await of().cli(['ps', '--stale', '--quiet'])).stdout,
        '',
        'and has the value that counts',
      );
      const audit = await of().cli(['audit', '--event', 'rotate', '--secret', 'rolling', '--tail', '1']);
      assert.match(audit.stdout, /cancelled/);
      const none = await of().tryCli(['rotate', '--cancel', 'rolling']);
      assert.deepEqual(
        [none.code, none.stderr.split('\n')[0]],
        [2, 'coffer: no rotation of secret rolling is under way'],
      );
    });
  });
}

export function rollingRotationStories(of: () => Installation): void {
  describe('a secret that is rotated with its services', () => {
    afterEach(async () => of().clear());

    test('is in every task when that ends, task by task, and keeps its name and id in the engine', async () => {
      const { engine } = of();
      await of().docker(['secret', 'create', 'rolling', '-'], { input: 'one' });
      const id = (await engine.docker(['secret', 'inspect', '--format', '{{.ID}}', 'rolling'])).stdout;
      await engine.docker(serviceCreate('web', ['--replicas', String(REPLICAS), ...HOW]));
      await engine.docker(serviceCreate('other', ['--stop-grace-period', '1s']));
      const before = await waitForTasks(engine, 'web', { count: REPLICAS });
      const [untouched] = await waitForTasks(engine, 'other');

      const rotated = await of().cli(['rotate', 'rolling', '-'], { input: 'two' });
      assert.equal(rotated.stdout, 'rolling: version 2; 1 service has it\n');
      assert.match(rotated.stderr, /^web is being updated\nweb has the new version\n$/);
      assert.deepEqual(await wantedTasks(of(), 'web'), ['web.1 Running', 'web.2 Running', 'web.3 Running']);
      const after = await waitForTasks(engine, 'web', { count: REPLICAS, otherThan: before });
      assert.deepEqual(await valuesOf(after), ['two', 'two', 'two']);
      const [still] = await waitForTasks(engine, 'other');
      assert.equal(still?.id, untouched?.id, 'a service that does not use it is left alone');
      assert.equal((await engine.docker(['secret', 'inspect', '--format', '{{.ID}}', 'rolling'])).stdout, id);
      assert.equal((await of().cli(['ps', '--stale', '--quiet'])).stdout, '');
    });

    test('goes on or goes back as a whole when its daemon is killed on the way, time and again', async (context) => {
      const random = new SeededRandom();
      context.diagnostic(random.description);
      const { engine } = of();
      await of().docker(['secret', 'create', 'rolling', '-'], { input: 'value 0' });
      await engine.docker(serviceCreate('web', ['--replicas', String(REPLICAS), ...HOW]));
      await waitForTasks(engine, 'web', { count: REPLICAS });
      await of().cli(['rotate', 'rolling', '-', '--detach'], { input: 'value 1' });
      for (let kill = 0; kill < KILLS; kill += 1) {
        await delay(random.below(2_500));
        await of().crash();
      }
      const phase = await ended(of(), 'rolling');
      const tasks = await waitForTasks(engine, 'web', { count: REPLICAS });
      const told = `${phase}; ${random.description}`;
      assert.match(phase, /^(?:done|rolled-back)$/, told);
      const expected = phase === 'done' ? 'value 1' : 'value 0';
      assert.deepEqual(new Set(await valuesOf(tasks)), new Set([expected]), told);
    });
  });
}

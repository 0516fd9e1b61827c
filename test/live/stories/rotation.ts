// SPDX-License-Identifier: Apache-2.0
// New versions: who gets them, who keeps the old one, and what happens when there is none yet.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { type Installation, linesOf } from '../../support/installation.ts';
import {
  runningTasks,
  serviceCreate,
  startService,
  updateService,
  waitForTask,
} from '../../support/service.ts';
import { waitFor } from '../../support/wait-for.ts';

interface Delivery {
  readonly task: string;
  readonly version: number;
}

/** What the daemon's log tells of the deliveries of a secret, oldest first. */
function deliveries(installation: Installation, secret: string): readonly Delivery[] {
  // The engine writes a plugin's lines into its own log, quotes escaped.
  const lines = installation.log().replaceAll('\\', '').split('\n');
  return lines
    .filter((line) => line.includes('delivered a secret') && line.includes(`"secret":"${secret}"`))
    .map((line) => ({
      task: /"task":"([a-z0-9]+)"/.exec(line)?.[1] ?? '',
      version: Number(/"version":(\d+)/.exec(line)?.[1]),
    }));
}

interface Holder {
  readonly Version?: number;
  readonly State: string;
  readonly Service: { readonly Name: string };
  readonly Task: string;
}

/** Waits until coffer shows that these, and no others, hold the secret: each as `service version state`. */
async function holders(
  installation: Installation,
  secret: string,
  expected: readonly string[],
): Promise<readonly Holder[]> {
  return waitFor(
    async () => {
      const { stdout } = await installation.cli(['ps', '--format', 'json', secret]);
      const listed = linesOf(stdout).map((line) => JSON.parse(line) as Holder);
      const said = listed.map(({ Service, State, Version }) => `${Service.Name} ${Version ?? '?'} ${State}`);
      return isDeepStrictEqual(said, expected) ? listed : undefined;
    },
    { what: `coffer ps to show ${expected.join(', ')}`, interval_ms: 100 },
  );
}

export function rotationStories(of: () => Installation): void {
  describe('a second version of a secret', () => {
    afterEach(async () => of().clear());

    test('is given to new tasks, while those that run keep theirs when they are asked for again, and so is a rollback', async () => {
      const { engine } = of();
      await of().docker(['secret', 'create', 'rotated', '-'], { input: 'one' });
      const before = await startService(engine, 'stays', ['--secret', 'rotated']);
      const replaced = await startService(engine, 'forced', ['--secret', 'rotated']);
      const begun = await holders(of(), 'rotated', ['forced 1 current', 'stays 1 current']);
      assert.deepEqual(
        begun.map(({ Task }) => Task),
        [replaced.id, before.id],
      );
      const put = await of().cli(['put', 'rotated', '-'], { input: 'two' });
      assert.match(put.stdout, /^rotated: version 2, 3B/);
      const inspected = await of().cli(['inspect', '--format', 'json', 'rotated']);
      const [secret] = JSON.parse(inspected.stdout) as readonly [{ readonly Versions: readonly object[] }];
      assert.deepEqual(
        secret.Versions.map((version) => 'Number' in version && version.Number),
        [1, 2],
      );

      await holders(of(), 'rotated', ['forced 1 stale', 'stays 1 stale']);

      const after = await updateService(engine, 'forced', ['--force'], replaced);
      assert.deepEqual([await after.secret('rotated'), await before.secret('rotated')], ['two', 'one']);
      const left = await holders(of(), 'rotated', ['forced 2 current', 'stays 1 stale']);
      assert.deepEqual(
        left.map(({ Task }) => Task),
        [after.id, before.id],
      );
      const stale = await of().cli(['ps', '--stale', '--quiet', '--no-trunc']);
      assert.deepEqual(linesOf(stale.stdout), [before.id]);

      const audit = await of().cli([
        'audit',
        '--event',
        'deliver',
        '--secret',
        'rotated',
        '--format',
        'json',
      ]);
      const given = linesOf(audit.stdout).map(
        (line) => JSON.parse(line) as { task: string; version: number },
      );
      assert.deepEqual(
        [before.id, after.id].map((id) => given.find(({ task }) => task === id)?.version),
        [1, 2],
        'who was given what is in the audit log',
      );
      assert.match((await of().cli(['audit', 'verify'])).stdout, /^\d+ records, whole up to /);

      const asked = deliveries(of(), 'rotated').length;
      of().relabelEngine([`at=${Date.now()}`]);
      const again = await waitFor(
        () => {
          const later = deliveries(of(), 'rotated').slice(asked);
          return [before.id, after.id].every((id) => later.some(({ task }) => task === id))
            ? later
            : undefined;
        },
        { what: 'the engine to ask for the running tasks again', timeout_ms: 40_000, interval_ms: 200 },
      );
      assert.deepEqual(
        [before.id, after.id].map((id) => again.find(({ task }) => task === id)?.version),
        [1, 2],
      );
      assert.deepEqual([await after.secret('rotated'), await before.secret('rotated')], ['two', 'one']);

      const back = await of().cli(['rollback', 'rotated']);
      assert.equal(back.stdout, 'rotated: version 3 is version 1 again\n');
      const restored = await updateService(engine, 'forced', ['--force'], after);
      assert.equal(await restored.secret('rotated'), 'one');
      await holders(of(), 'rotated', ['forced 3 current', 'stays 1 current']);
    });
  });

  describe('a secret without a value', () => {
    afterEach(async () => of().clear());

    test('keeps a task from starting until it is put, and coffer says why meanwhile', async () => {
      const { engine } = of();
      await engine.docker(['secret', 'create', '--driver', 'coffer', 'missing']);
      await engine.docker(serviceCreate('waits', ['--secret', 'missing']));
      const failed = await waitFor(
        async () => {
          const format = '{{.CurrentState}} {{.Error}}';
          const { stdout } = await engine.docker([
            'service',
            'ps',
            '--no-trunc',
            '--format',
            format,
            'waits',
          ]);
          return linesOf(stdout).find((line) => line.startsWith('Failed'));
        },
        { what: 'the task to fail', timeout_ms: 30_000 },
      );
      assert.match(failed, /secret [a-z0-9]{25} not found/, 'which is all that docker tells');

      const why = await of().cli(['why', 'waits']);
      assert.match(why.stdout, /missing/);
      assert.match(why.stdout, /coffer holds no secret missing/);
      assert.match(why.stdout, /refused it to task waits\.1\.\w+.*\[secret\.not-found\]/);
      const json = JSON.parse((await of().cli(['why', 'waits', '--format', 'json'])).stdout) as {
        readonly Healthy: boolean;
        readonly Subjects: readonly {
          readonly Name: string;
          readonly Secrets: readonly { readonly Name: string }[];
        }[];
      };
      const told = json.Subjects.map(({ Name, Secrets }) => [Name, ...Secrets.map((secret) => secret.Name)]);
      assert.deepEqual([json.Healthy, told], [false, [['waits', 'missing']]]);
      const doctor = await of().tryCli(['doctor']);
      assert.match(doctor.stdout, /^warning +secrets: .*without a value: missing\. Mend: .*put missing -$/m);

      assert.deepEqual(await runningTasks(engine, 'waits'), []);
      await of().cli(['put', 'missing', '-'], { input: 'here it is' });
      const task = await waitForTask(engine, 'waits');
      assert.equal(await task.secret('missing'), 'here it is');
      assert.match((await of().tryCli(['doctor'])).stdout, /^ok +secrets: the engine has 1 /m);
    });
  });

  describe('a service that a rule is about', () => {
    afterEach(async () => {
      const rules = linesOf((await of().cli(['policy', 'ls', '--quiet'])).stdout);
      if (rules.length > 0) {
        await of().cli(['policy', 'rm', ...rules]);
      }
      await of().clear();
    });

    const refusedBy = async (service: string, rule: string): Promise<string> =>
      waitFor(
        async () => {
          const { stdout } = await of().cli(['why', service]);
          return stdout.includes(rule) && stdout.includes('[policy.denied]') ? stdout : undefined;
        },
        { what: `${service} to be refused`, timeout_ms: 30_000 },
      );
    const add = async (...words: readonly string[]): Promise<string> =>
      (await of().cli(['policy', 'add', ...words])).stdout.trim();

    test('gets nothing while the rule denies it, is told which one it was, and starts when that has gone', async () => {
      const { engine } = of();
      await of().docker(['secret', 'create', 'db', '-'], { input: 'a value' });
      const rule = await add('deny', 'd*', '--service', 'closed*');
      await engine.docker(serviceCreate('closed-web', ['--secret', 'db']));
      const why = await refusedBy('closed-web', rule);
      assert.match(why, new RegExp(`failure +policy: rule ${rule} denies service closed-web the secret db`));
      assert.match(why, /refused it to task closed-web\.1\.\w+.*\[policy\.denied\]/);
      assert.match(why, new RegExp(`docker coffer policy rm ${rule}`));
      assert.deepEqual(await runningTasks(engine, 'closed-web'), []);
      const other = await startService(engine, 'open-web', ['--secret', 'db']);
      assert.equal(await other.secret('db'), 'a value');

      const tried = await of().tryCli(['policy', 'test']);
      assert.equal(tried.code, 1);
      assert.match(
        tried.stdout,
        new RegExp(`^closed-web +db +deny +rule ${rule}\\nopen-web +db +allow +default$`, 'm'),
      );
      await of().cli(['policy', 'rm', rule]);
      assert.equal(await (await waitForTask(engine, 'closed-web')).secret('db'), 'a value');
    });

    test('is judged by the labels of its node, which the engine is not asked for then', async () => {
      const { engine } = of();
      const { stdout: node } = await engine.docker(['info', '--format', '{{.Swarm.NodeID}}']);
      await of().docker(['secret', 'create', 'db', '-'], { input: 'a value' });
      await engine.docker(['node', 'update', '--label-add', 'zone=dmz', node.trim()]);
      const rule = await add('deny', '*', '--node-label', 'zone=dmz');
      await engine.docker(serviceCreate('web', ['--secret', 'db']));
      const why = await refusedBy('web', rule);
      assert.match(why, new RegExp(`rule ${rule} denies service web the secret db`));
      await engine.docker(['node', 'update', '--label-rm', 'zone', node.trim()]);
      assert.equal(await (await waitForTask(engine, 'web')).secret('db'), 'a value');
    });

    test('keeps what it has under a default of deny, if the rules were learnt from what there is', async () => {
      const { engine } = of();
      await of().docker(['secret', 'create', 'db', '-'], { input: 'a value' });
      const before = await startService(engine, 'web', ['--secret', 'db']);
      const learnt = linesOf((await of().cli(['policy', 'learn', '--format', 'json'])).stdout);
      assert.deepEqual(JSON.parse(learnt[0] ?? ''), { Effect: 'allow', Secret: 'db', Service: 'web' });
      await of().cli(['policy', 'learn', '--apply', '--format', 'json']);
      await of().cli(['policy', 'default', 'deny']);
      try {
        assert.equal((await of().tryCli(['policy', 'test', '--format', 'json'])).code, 0);
        await engine.docker(serviceCreate('late', ['--secret', 'db']));
        await refusedBy('late', 'no rule allows service late the secret db');
        const after = await updateService(engine, 'web', ['--force'], before);
        assert.equal(await after.secret('db'), 'a value');
      } finally {
        await of().cli(['policy', 'default', 'allow']);
      }
    });
  });

  describe('an engine that is stopped and started', () => {
    afterEach(async () => of().clear());

    test('has its secrets and services as before, and the gateway serves again', async () => {
      const { engine } = of();
      await of().docker(['secret', 'create', 'lasting', '-'], { input: 'one' });
      const before = await startService(engine, 'app', ['--secret', 'lasting']);
      await of().cli(['put', 'lasting', '-'], { input: 'two' });
      const asked = deliveries(of(), 'lasting').length;
      await of().restartEngine();
      const listed = await waitFor(
        async () => {
          const { code, stdout } = await of().tryDocker([
            'secret',
            'ls',
            '--format',
            '{{.Name}} {{.Driver}}',
          ]);
          return code === 0 ? stdout.trim() : undefined;
        },
        { what: 'the gateway to serve again', timeout_ms: 30_000 },
      );
      assert.equal(listed, 'lasting coffer');
      const after = await waitForTask(engine, 'app', [before]);
      assert.equal(await after.secret('lasting'), 'two');
      const later = deliveries(of(), 'lasting').slice(asked);
      assert.ok(later.some(({ task }) => task === after.id));
      for (const { task, version } of later) {
        assert.equal(version, task === before.id ? 1 : 2, `the version of task ${task}`);
      }
      await of().docker(['secret', 'create', 'new', '-'], { input: 'made after the restart' });
      assert.deepEqual([...(await of().storedNames())].sort(), ['lasting', 'new']);
    });
  });
}

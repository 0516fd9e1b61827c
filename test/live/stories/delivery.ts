// SPDX-License-Identifier: Apache-2.0
// What a container finds in /run/secrets.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, describe, test } from 'node:test';
import { dockerClis } from '../../support/docker-cli.ts';
import { type Installation, linesOf } from '../../support/installation.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import {
  runningTasks,
  serviceCreate,
  startService,
  type Task,
  updateService,
  waitForTask,
  waitForTasks,
} from '../../support/service.ts';

async function create(installation: Installation, name: string, value: string | Uint8Array): Promise<void> {
  await installation.docker(['secret', 'create', name, '-'], { input: value });
}

/** Mode, owner, group and path of a file, as `ls -ln` shows them. */
async function listing(task: Task, file: string): Promise<string> {
  const { stdout } = await task.exec(['ls', '-ln', file]);
  const [mode, , uid, gid, size] = stdout.trim().split(/\s+/);
  return [mode, uid, gid, size].join(' ');
}

export function deliveryStories(of: () => Installation): void {
  describe('a task that is given a secret', () => {
    afterEach(async () => of().clear());

    test('finds it as root’s, readable by all, on a tmpfs that is read-only', async () => {
      await create(of(), 'db', 'This is a secret\n');
      const task = await startService(of().engine, 'redis', ['--secret', 'db']);
      const { stdout } = await task.exec(['ls', '-l', '/run/secrets/db']);
      assert.match(stdout, /^-r--r--r-- +1 root +root +17 .* \/run\/secrets\/db$/m);
      assert.equal(await task.secret('db'), 'This is a secret\n');
      const mounts = await task.exec(['cat', '/proc/mounts']);
      assert.match(mounts.stdout, /^tmpfs \/run\/secrets\/db tmpfs ro[, ]/m);
      await assert.rejects(
        task.exec(['sh', '-c', 'echo changed > /run/secrets/db']),
        /Read-only file system/,
      );
    });

    for (const cli of dockerClis()) {
      test(`finds it under the target, owner and mode that docker ${cli.version} was told`, async () => {
        // Two secrets: of one, the engine makes a single file, however often it is mounted.
        await create(of(), 'db', 'a value');
        await create(of(), 'conf', 'key=value');
        const words = [
          'source=db,target=renamed,uid=1000,gid=2000,mode=0440',
          'source=conf,target=/etc/app/app.conf,uid=5,mode=0500',
        ];
        const task = await startService(
          of().engine,
          'app',
          words.flatMap((word) => ['--secret', word]),
          { cli, socket: of().gatewaySocket },
        );
        assert.equal(await listing(task, '/run/secrets/renamed'), '-r--r----- 1000 2000 7');
        assert.equal(await listing(task, '/etc/app/app.conf'), '-r-x------ 5 0 9');
        assert.equal(await task.secret('renamed'), 'a value');
        assert.equal((await task.exec(['cat', '/etc/app/app.conf'])).stdout, 'key=value');
        await assert.rejects(task.exec(['cat', '/run/secrets/db']), /No such file/);
      });
    }

    test('shares it with another service, and may have a second one', async () => {
      await create(of(), 'shared', 'for both');
      await create(of(), 'own', 'for one');
      const { engine } = of();
      await engine.docker(serviceCreate('one', ['--secret', 'shared', '--secret', 'own']));
      await engine.docker(serviceCreate('two', ['--secret', 'shared', '--replicas', '2']));
      const one = await waitForTask(engine, 'one');
      assert.deepEqual([await one.secret('shared'), await one.secret('own')], ['for both', 'for one']);
      for (const task of await waitForTasks(engine, 'two', { count: 2 })) {
        assert.equal(await task.secret('shared'), 'for both');
        await assert.rejects(task.secret('own'), /No such file/);
      }
    });

    for (const cli of dockerClis()) {
      test(`loses it and gets another by a service update of docker ${cli.version}`, async () => {
        await create(of(), 'first', 'the first');
        await create(of(), 'second', 'the second');
        const { engine, gatewaySocket: socket } = of();
        const before = await startService(engine, 'app', ['--secret', 'first'], { cli, socket });
        assert.equal(await before.secret('first'), 'the first');
        const between = await updateService(engine, 'app', ['--secret-rm', 'first'], before, { cli, socket });
        await assert.rejects(between.secret('first'), /No such file/);
        const words = ['--secret-add', 'source=second,target=first'];
        const after = await updateService(engine, 'app', words, between, { cli, socket });
        assert.equal(await after.secret('first'), 'the second');
        await of().docker(['secret', 'rm', 'first']);
      });
    }

    test('gets it still after its removal was refused, and the name is free after the service', async () => {
      await create(of(), 'used', 'still here');
      const { engine } = of();
      const before = await startService(engine, 'app', ['--secret', 'used']);
      const refused = await of().tryDocker(['secret', 'rm', 'used']);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /secret 'used' is in use by the following service: app/);
      assert.deepEqual(await of().storedNames(), ['used']);
      const after = await updateService(engine, 'app', ['--force'], before);
      assert.equal(await after.secret('used'), 'still here');
      await engine.docker(['service', 'rm', 'app']);
      await of().docker(['secret', 'rm', 'used']);
      assert.deepEqual(await of().storedNames(), []);
    });

    test('finds every byte of a binary value, and all of the largest', async (context) => {
      const { engine } = of();
      const everyByte = Buffer.from([0, 0, ...Array.from({ length: 256 }, (_, byte) => byte), 0]);
      const random = new SeededRandom();
      context.diagnostic(random.description);
      const largest = random.bytes(511_999);
      const values = { bytes: everyByte, largest, one: Buffer.from([0]) };
      for (const [name, value] of Object.entries(values)) {
        await create(of(), name, value);
      }
      const names = Object.keys(values);
      const task = await startService(
        engine,
        'app',
        names.flatMap((name) => ['--secret', name]),
      );
      for (const [name, value] of Object.entries(values)) {
        const file = `/run/secrets/${name}`;
        const { stdoutBytes } = await task.exec(['cat', file]);
        assert.ok(stdoutBytes.equals(value), `${name}: ${stdoutBytes.length} of ${value.length} bytes`);
        const digest = createHash('sha256').update(value).digest('hex');
        assert.equal((await task.exec(['sha256sum', file])).stdout, `${digest}  ${file}\n`);
      }
    });

    test('finds a template filled in with its own facts', async () => {
      await create(of(), 'inner', 'the inner value');
      const template = 'service={{.Service.Name}} env={{env "COLOUR"}} inner={{secret "inner"}}\n';
      await of().docker(['secret', 'create', '--template-driver', 'golang', 'conf', '-'], {
        input: template,
      });
      const words = ['--secret', 'conf', '--secret', 'inner', '--env', 'COLOUR=blue'];
      const task = await startService(of().engine, 'app', words);
      assert.equal(await task.secret('conf'), 'service=app env=blue inner=the inner value\n');
    });
  });

  describe('a secret that is registered on the engine’s own socket', () => {
    afterEach(async () => of().clear());

    const register = async (name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> => {
      const words = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
      await of().engine.docker(['secret', 'create', '--driver', 'coffer', ...words, name]);
    };

    test('has the value that was put into coffer, by its name, another name or a version', async () => {
      for (const value of ['version one', 'version two']) {
        await of().cli(['put', 'db', '-'], { input: value });
      }
      await register('db');
      await register('renamed', { 'coffer.name': 'DB' });
      await register('pinned', { 'coffer.name': 'db', 'coffer.version': '1' });
      await register('current', { 'coffer.name': 'db', 'coffer.version': 'current' });
      const names = ['db', 'renamed', 'pinned', 'current'];
      const task = await startService(
        of().engine,
        'app',
        names.flatMap((name) => ['--secret', name]),
      );
      const found = await Promise.all(names.map(async (name) => task.secret(name)));
      assert.deepEqual(found, ['version two', 'version two', 'version one', 'version two']);
    });

    test('has a value that coffer makes once, for all tasks of all services', async () => {
      const kinds: Readonly<Record<string, readonly [spec: string, pattern: RegExp]>> = {
        hex: ['hex:32', /^[0-9a-f]{64}$/],
        base64: ['base64:32', /^[A-Za-z0-9+/]{43}=$/],
        password: ['password:24', /^[A-Za-z0-9._+=-]{24}$/],
        uuid: ['uuid', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
      };
      for (const [name, [spec]] of Object.entries(kinds)) {
        await register(name, { 'coffer.generate': spec });
      }
      const { engine } = of();
      const names = Object.keys(kinds);
      const secrets = names.flatMap((name) => ['--secret', name]);
      await engine.docker(serviceCreate('one', [...secrets, '--replicas', '2']));
      await engine.docker(serviceCreate('two', secrets));
      await waitForTasks(engine, 'one', { count: 2 });
      await waitForTask(engine, 'two');
      const tasks = [...(await runningTasks(engine, 'one')), ...(await runningTasks(engine, 'two'))];
      for (const [name, [, pattern]] of Object.entries(kinds)) {
        const values = await Promise.all(tasks.map(async (task) => task.secret(name)));
        assert.equal(values.length, 3);
        assert.equal(new Set(values).size, 1, `${name}: one value for all`);
        assert.match(values[0] ?? '', pattern);
      }
      assert.deepEqual([...(await of().storedNames())].sort(), [...names].sort());
    });

    test('stays in coffer when its registration goes, being its owner’s', async () => {
      await of().cli(['put', 'owned', '-'], { input: 'a value' });
      await register('owned');
      await of().docker(['secret', 'rm', 'owned']);
      assert.equal((await of().engine.docker(['secret', 'ls', '--quiet'])).stdout, '');
      assert.deepEqual(await of().storedNames(), ['owned']);
      const { stdout } = await of().cli(['ls']);
      assert.equal(linesOf(stdout).length, 2);
    });
  });
}

// SPDX-License-Identifier: Apache-2.0
// What a container finds in a volume of secrets, and what it can do to it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, describe, test } from 'node:test';
import { Container, containerRun, TARGET } from '../../support/container.ts';
import { type Installation, linesOf } from '../../support/installation.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { clearVolumes, putAndGrant, unmounted, volumeMount, volumesOf } from '../../support/volumes.ts';

const VALUE_BYTES_MAX = 511_999;

/** Mode, owner, group, size and name of each file, as `ls -ln` shows them. */
async function listing(container: Container): Promise<readonly string[]> {
  const { stdout } = await container.exec(['ls', '-ln', TARGET]);
  return linesOf(stdout)
    .filter((line) => line.startsWith('-'))
    .map((line) => {
      const [mode, , uid, gid, size, , , , name] = line.split(/\s+/);
      return [mode, uid, gid, size, name].join(' ');
    });
}

/** The kind and the options of what is mounted there. */
async function mountedAt(container: Container): Promise<readonly string[]> {
  const { stdout } = await container.exec(['cat', '/proc/mounts']);
  const line = linesOf(stdout).find((one) => one.split(' ')[1] === TARGET) ?? assert.fail(stdout);
  const [, , kind = '', options = ''] = line.split(' ');
  return [kind, ...options.split(',')];
}

export function volumeFileStories(of: () => Installation): void {
  describe('a container that mounts a volume of secrets', () => {
    afterEach(async () => clearVolumes(of()));

    test('finds the secret as root’s, readable by all, on a tmpfs from which nothing is run', async () => {
      await putAndGrant(of(), 'db', 'This is a secret\n');
      const container = await Container.start(of().engine, 'reads', volumeMount('db'));
      assert.equal((await container.exec(['cat', `${TARGET}/db`])).stdout, 'This is a secret\n');
      assert.deepEqual(await listing(container), ['-r--r--r-- 0 0 17 db']);
      const [kind, ...options] = await mountedAt(container);
      assert.equal(kind, 'tmpfs');
      for (const option of ['ro', 'nosuid', 'nodev', 'noexec']) {
        assert.ok(options.includes(option), `${option} in ${options.join()}`);
      }
    });

    test('cannot change it, as root neither', async () => {
      await putAndGrant(of(), 'db', 'a value');
      const container = await Container.start(of().engine, 'writes', volumeMount('db'));
      for (const command of [
        `echo other > ${TARGET}/db`,
        `echo more >> ${TARGET}/db`,
        `rm ${TARGET}/db`,
        `mv ${TARGET}/db ${TARGET}/other`,
        `chmod 0666 ${TARGET}/db`,
        `touch ${TARGET}/new`,
      ]) {
        const { code, stderr } = await container.tryExec(['sh', '-c', command]);
        assert.notEqual(code, 0, command);
        assert.match(stderr, /Read-only file system/, command);
      }
      const remount = await container.tryExec(['mount', '-o', 'remount,rw', TARGET]);
      assert.notEqual(remount.code, 0);
      assert.deepEqual(await listing(container), ['-r--r--r-- 0 0 7 db']);
      assert.equal(container.read('db'), 'a value');
    });

    test('finds several under the names, modes and owners that the volume’s options say', async () => {
      await putAndGrant(of(), 'db', 'one');
      await putAndGrant(of(), 'api-key', 'two');
      const options = { secrets: 'db:password:0400,api-key', uid: '1000', gid: '2000', mode: '0440' };
      const words = ['--user', '1000', ...volumeMount('app', options)];
      const container = await Container.start(of().engine, 'several', words);
      assert.deepEqual(await listing(container), [
        '-r--r----- 1000 2000 3 api-key',
        '-r-------- 1000 2000 3 password',
      ]);
      assert.equal((await container.exec(['cat', `${TARGET}/password`])).stdout, 'one');
      const { code, stderr } = await container.tryExec(
        ['cat', `${TARGET}/password`],
        ['--user', '1001:1001'],
      );
      assert.notEqual(code, 0);
      assert.match(stderr, /Permission denied/);
    });

    test('finds one secret under another name by the option for one', async () => {
      await putAndGrant(of(), 'db', 'one');
      const container = await Container.start(
        of().engine,
        'one',
        volumeMount('app', { secret: 'db:password' }),
      );
      assert.deepEqual(await listing(container), ['-r--r--r-- 0 0 3 password']);
    });

    test('finds the largest value, and bytes that are no text, as they are', async (t) => {
      const random = new SeededRandom();
      t.diagnostic(random.description);
      const value = Buffer.from(Array.from({ length: VALUE_BYTES_MAX }, () => random.below(256)));
      await putAndGrant(of(), 'large', value);
      const container = await Container.start(of().engine, 'large', volumeMount('large'));
      const { stdout } = await container.exec(['sha256sum', `${TARGET}/large`]);
      assert.equal(stdout.split(' ')[0], createHash('sha256').update(value).digest('hex'));
    });

    test('shares it with others, and the last one that ends takes the files with it', async () => {
      await putAndGrant(of(), 'db', 'shared');
      const { engine, volumesDirectory } = of();
      const [one, other] = [
        await Container.start(engine, 'one', volumeMount('db')),
        await Container.start(engine, 'other', volumeMount('db')),
      ];
      await one.remove();
      assert.equal((await other.exec(['cat', `${TARGET}/db`])).stdout, 'shared');
      await other.remove();
      await unmounted(engine, volumesDirectory);
    });

    test('has them when it is stopped and started, too, in their newest version', async () => {
      await putAndGrant(of(), 'db', 'first');
      const container = await Container.start(of().engine, 'again', volumeMount('db'));
      await container.stop();
      await unmounted(of().engine, of().volumesDirectory);
      await of().cli(['put', 'db', '-'], { input: 'second' });
      await of().engine.docker(['start', container.id]);
      assert.equal((await container.exec(['cat', `${TARGET}/db`])).stdout, 'second');
    });

    test('has them in the place of what its image has there', async () => {
      const { engine } = of();
      await putAndGrant(of(), 'db', 'a value');
      // An engine copies what an image has there into a volume that is empty.
      const made = await Container.start(engine, 'made', []);
      await made.exec(['sh', '-c', `mkdir ${TARGET}; echo of the image > ${TARGET}/theirs`]);
      const image = 'localhost:5000/with-secrets';
      await engine.docker(['commit', made.id, image]);
      const [flag, mount = ''] = volumeMount('db');
      const words = (how: string): string[] => ['run', '--rm', '--network', 'host', `${flag}=${how}`, image];
      const read = ['grep', '-r', '', TARGET];
      const { stdout } = await engine.docker([...words(`${mount},volume-nocopy`), ...read]);
      assert.equal(stdout, `${TARGET}/db:a value\n`);
      // Engines after 20.10 copy when a container is made, and then nobody may have the secret yet.
      const copied = await engine.tryDocker([...words(mount), ...read]);
      if ((await engine.majorVersion()) > 20) {
        assert.equal(copied.code, 125);
        assert.match(copied.stderr, /mount it with volume-nocopy/);
      } else {
        assert.equal(copied.stdout, `${TARGET}/db:a value\n`);
      }
      await engine.docker(['rmi', image]);
    });

    test('is not started with options that say nothing clear, and docker shows what is wrong', async () => {
      const { engine } = of();
      for (const [options, expected] of [
        [{ secrt: 'db' }, /no option "secrt".*Write secret/s],
        [{ secret: 'db', mode: '0666' }, /mode lets somebody write/],
        [{ secrets: 'db:same,api:same' }, /has the name of one before it/],
        [{ uid: 'nobody' }, /uid is not a whole number/],
      ] as const) {
        const { code, stderr } = await engine.tryDocker(
          containerRun('unclear', ['--rm', ...volumeMount('app', options)]),
        );
        assert.equal(code, 125, stderr);
        assert.match(stderr, expected);
      }
      assert.deepEqual(await volumesOf(engine), []);
    });
  });
}

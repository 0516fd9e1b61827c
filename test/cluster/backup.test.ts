// SPDX-License-Identifier: Apache-2.0
// A backup of three managers that are written to meanwhile, restored into a cluster of one.
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { SecretDescription, SecretsReply } from '../../src/control/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { acceptedBody } from '../support/manager-refusal.ts';
import { callControl, getSecret, inParallel, valueIn } from '../support/secret-calls.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const SECRETS = 200;
const LARGE_BYTES = 400_000;

/** What is told of all secrets of a manager, without what belongs to one log alone. */
async function secretsAt(manager: ManagerProcess): Promise<readonly SecretDescription[]> {
  const reply = acceptedBody(await callControl(manager, 'GET', '/v1/secrets')) as SecretsReply;
  return [...reply.secrets].sort((a, b) => (a.name < b.name ? -1 : 1));
}

describe('a backup of a cluster of three', () => {
  let directory: TemporaryDirectory;
  let cluster: ManagerCluster;
  let other: ManagerCluster;
  const values = new Map<string, Buffer>();
  /** Sealed values, to one key and to the next. */
  const labels: string[] = [];
  const inside = (file: string): string => path.join(directory.path, file);

  before(async () => {
    directory = temporaryDirectory();
    [cluster, other] = [await ManagerCluster.start({ size: 3 }), await ManagerCluster.start({ size: 1 })];
  });
  after(async () => {
    await cluster?.destroy();
    await other?.destroy();
    directory?.remove();
  });

  /** Puts `left` and then `right` at the next number, again and again, until told to stop. */
  async function countUp(manager: ManagerProcess, stopped: () => boolean): Promise<number> {
    let number = 0;
    while (!stopped()) {
      number += 1;
      await manager.put('left', String(number));
      await manager.put('right', String(number));
    }
    return number;
  }

  /** What a manager answers to the labels that were sealed. */
  function handedOut(manager: ManagerProcess): Promise<readonly string[]> {
    return Promise.all(
      labels.map(async (label) => {
        const asked = { secret: 'sealed', task: '', labels: { 'coffer.sealed': label } };
        return valueIn(await getSecret(manager, asked)).toString();
      }),
    );
  }

  /** A value of the backup, read without a daemon. */
  async function inBackup(name: string, file: string): Promise<Buffer> {
    const words = ['backup-get', '--identity', inside('key'), file, name];
    return (await cluster.at(0).cli(words)).stdoutBytes;
  }

  test('is one point in time, taken at a follower while two secrets are counted up together', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const names = Array.from({ length: SECRETS }, (_, number) => `secret-${number}`);
    for (const name of names) {
      values.set(name, random.bytes(1 + random.below(3_000)));
    }
    for (let version = 0; version < 5; version += 1) {
      values.set('large', random.bytes(LARGE_BYTES));
      await cluster.at(0).put('large', values.get('large') ?? '');
    }
    await inParallel(names, 16, async (name) => {
      await cluster.at(0).put(name, 'before');
      await cluster.at(1).put(name, values.get(name) ?? '');
    });
    const follower = await cluster.follower();
    const { stdout: recipient } = await follower.cli(['backup-key', inside('key')]);
    let stopped = false;
    const counting = countUp(cluster.at(0), () => stopped);
    try {
      for (const file of ['first', 'second']) {
        const words = ['backup', '--recipient', recipient.trim(), inside(file)];
        const { stdout } = await follower.cli(words);
        assert.match(stdout, /20\d secrets, \d+ versions .* as of entry \d+\n$/);
        assert.equal(statSync(inside(file)).mode & 0o777, 0o600);
      }
    } finally {
      stopped = true;
    }
    const last = await counting;
    const [left, right] = [
      await inBackup('left', inside('second')),
      await inBackup('right', inside('second')),
    ].map((value) => Number(value.toString()));
    assert.ok(left !== undefined && right !== undefined && left <= last, `${left} of ${last}`);
    assert.ok(left === right || left === right + 1, `left is ${left} and right is ${right}`);
  });

  test('is verified and read without a daemon', async () => {
    const key = ['--identity', inside('key')];
    const { stdout } = await cluster.at(0).cli(['restore', '--verify', ...key, inside('second')]);
    assert.match(stdout, /whole; 20\d secrets/);
    assert.ok((await inBackup('secret-7', inside('second'))).equals(values.get('secret-7') ?? assert.fail()));
  });

  test('that is damaged leaves the other cluster as it is', async () => {
    const damaged = readFileSync(inside('second'));
    damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] ?? 0) ^ 1;
    writeFileSync(inside('damaged'), damaged);
    const words = ['restore', '--identity', inside('key'), inside('damaged')];
    const { code, stderr } = await other.at(0).tryCli(words);
    assert.equal(code, 2);
    assert.match(stderr, /was altered in chunk \d+/);
    assert.deepEqual(await secretsAt(other.at(0)), []);
  });

  test('has the sealing keys, by which each manager hands out what was sealed, also after a restart', async () => {
    const seal = async (value: string): Promise<string> =>
      (await cluster.at(1).cli(['seal', '--name', 'sealed', '-'], { input: value })).stdout.trim();
    labels.push(await seal('sealed before'));
    await cluster.at(2).cli(['sealing-key', '--rotate']);
    labels.push(await seal('sealed after'));
    await cluster.at(1).restart();
    await cluster.at(1).serving();
    for (const number of [0, 1, 2]) {
      assert.deepEqual(await handedOut(cluster.at(number)), ['sealed before', 'sealed after']);
    }
  });

  test('makes the same secrets in an empty cluster of one, and a second time changes nothing', async () => {
    // A backup that nothing was written after.
    const { stdout: recipient } = await cluster.at(0).cli(['backup-key', inside('key2')]);
    await cluster.at(2).cli(['backup', '--recipient', recipient.trim(), inside('last')]);
    const manager = other.at(0);
    const restore = ['restore', '--identity', inside('key2'), inside('last')];
    const { stdout } = await manager.cli(restore);
    assert.match(stdout, /^.*last: 203 secrets restored; \d+ versions\n$/);
    assert.deepEqual(await secretsAt(manager), await secretsAt(cluster.at(1)));
    for (const [name, value] of values) {
      assert.ok((await manager.deliver(name)).equals(value), name);
    }
    const again = await manager.tryCli(restore);
    assert.deepEqual([again.code, again.stdout], [2, '']);
    assert.match(again.stderr, /secrets of the backup exist already: .* and 198 more/);
    const before = (await manager.status()).store?.appliedIndex;
    const skipped = await manager.cli([...restore, '--existing', 'skip']);
    assert.match(skipped.stdout, /0 secrets restored, 203 left as they are; 0 versions/);
    assert.equal((await manager.status()).store?.appliedIndex, before);
  });

  test('of the other cluster holds the same again, version by version, after a restart', async () => {
    const manager = other.at(0);
    await manager.restart();
    await manager.serving();
    assert.deepEqual(
      await handedOut(manager),
      ['sealed before', 'sealed after'],
      'what was sealed for the first',
    );
    const { stdout: recipient } = await manager.cli(['backup-key', inside('key3')]);
    await manager.cli(['backup', '--recipient', recipient.trim(), inside('back')]);
    for (const number of ['1', '2', '3', '4', '5']) {
      const read = async (key: string, file: string): Promise<Buffer> => {
        const words = [
          'backup-get',
          '--identity',
          inside(key),
          '--secret-version',
          number,
          inside(file),
          'large',
        ];
        return (await manager.cli(words)).stdoutBytes;
      };
      const [one, two] = [await read('key2', 'last'), await read('key3', 'back')];
      assert.equal(one.length, LARGE_BYTES);
      assert.ok(one.equals(two), `version ${number}`);
    }
  });
});

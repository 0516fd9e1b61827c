// SPDX-License-Identifier: Apache-2.0
// A manager whose disk is damaged copies everything from the others, under a new id, by one command: while clients write.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { nodeIdOf, nodesAt, reasonOf } from '../support/cluster-calls.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { builtFile } from '../support/project.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';
import { Clients } from './clients.ts';
import { History, withFreshness } from './history.ts';
import { problemsOf } from './judge.ts';

const STORE_FILES = ['keys.json', 'database', 'checkpoint'] as const;

/** What happens to the disk of a manager that is stopped. */
const DAMAGES: Readonly<Record<string, (manager: ManagerProcess, earlier: string) => void>> = {
  'has a byte of a table flipped': (manager) => flipByte(path.join(manager.stateDirectory, 'database')),
  'has lost its whole store': (manager) => {
    for (const file of STORE_FILES) {
      rmSync(path.join(manager.stateDirectory, file), { recursive: true });
    }
  },
  'has its database rolled back': (manager, earlier) => {
    const database = path.join(manager.stateDirectory, 'database');
    rmSync(database, { recursive: true });
    cpSync(earlier, database, { recursive: true });
  },
};

function flipByte(database: string): void {
  const [largest] = readdirSync(database)
    .filter((name) => /\.(ldb|log)$/.test(name))
    .map((name) => path.join(database, name))
    .sort((a, b) => statSync(b).size - statSync(a).size);
  const file = largest ?? assert.fail('the database has files');
  const bytes = readFileSync(file);
  const place = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(place) ^ 0xff, place);
  writeFileSync(file, bytes);
}

describe('A25 three managers', () => {
  let cluster: ManagerCluster;
  const names = Array.from({ length: 20 }, (_, index) => `secret-${index}`);
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    for (const name of names) {
      await cluster.at(0).put(name, `value of ${name}`);
    }
  });
  after(async () => cluster?.destroy());

  async function assertAllThere(): Promise<void> {
    for (const manager of cluster.managers) {
      for (const name of names) {
        assert.equal((await manager.deliver(name)).toString(), `value of ${name}`, manager.name);
      }
    }
  }

  /** Stops one that does not lead, and starts it again without what it had. */
  async function damaged(
    damage: (manager: ManagerProcess, earlier: string) => void,
  ): Promise<ManagerProcess> {
    const victim = await cluster.follower();
    const earlier = path.join(path.dirname(victim.stateDirectory), 'earlier');
    await victim.stop();
    cpSync(path.join(victim.stateDirectory, 'database'), earlier, { recursive: true });
    await victim.start();
    await cluster.whole();
    await victim.put('later', 'than the copy');
    await victim.stop();
    damage(victim, earlier);
    rmSync(earlier, { recursive: true });
    await victim.start();
    await reasonOf(victim, 'store.damaged');
    return victim;
  }

  /** No more of them count than before, and each id that ever was is gone. */
  async function assertReplaced(victim: ManagerProcess, oldId: string): Promise<void> {
    await cluster.whole();
    const newId = await nodeIdOf(victim);
    assert.notEqual(newId, oldId);
    for (const manager of cluster.managers) {
      const nodes = await nodesAt(manager);
      assert.equal(nodes.length, 3);
      assert.ok(nodes.every(({ id }) => id !== oldId));
    }
  }

  for (const [index, [what, damage]] of Object.entries(DAMAGES).entries()) {
    test(`one that ${what} is whole again under a new id, while clients write`, async (t) => {
      const random = new SeededRandom();
      t.diagnostic(random.description);
      const history = new History(what);
      // A history begins with secrets that nobody has written before.
      const written = ['apple', 'birch', 'cedar'].map((name) => `${name}-${index}`);
      const clients = Clients.start({ managers: cluster.managers, history, random, names: written });
      const victim = await damaged(damage);
      const oldId = await nodeIdOf(victim).catch(() => idIn(victim));
      const { stdout, stderr } = await victim.cli(['rebuild', '--yes'], { timeout_ms: 60_000 });
      assert.match(stderr, /joined as \w+; the old id is being removed|the old id was removed/);
      assert.match(stderr, /promoted: it votes again, with \d+ secrets/);
      assert.match(stdout, new RegExp(`Old ID: +${oldId}, removed for good`));
      const aside = /Set aside: +(\S+)/.exec(stdout)?.[1] ?? assert.fail(stdout);
      assert.ok(existsSync(path.join(aside, 'identity.json')), 'nothing of what was there is lost');
      assert.ok(!existsSync(path.join(victim.stateDirectory, 'rebuild')), 'nothing is left to be done');
      const made = clients.calls;
      await waitFor(() => clients.calls > made + 20, { what: 'some more calls' });
      await clients.stop();
      await assertReplaced(victim, oldId);
      const logs = cluster.managers.map((manager) => manager.log());
      assert.deepEqual(problemsOf(withFreshness(history.entries, logs)), []);
      await assertAllThere();
      await victim.restart();
      await cluster.whole();
      await assertAllThere();
      await refusedUnderItsOldId(aside);
      rmSync(aside, { recursive: true });
    });
  }

  /** Whoever has the old certificate is nobody any more. */
  async function refusedUnderItsOldId(aside: string): Promise<void> {
    const ghost = await ManagerProcess.start({ name: 'ghost' });
    try {
      await ghost.stop();
      ghost.wipe();
      cpSync(path.join(aside, 'identity.json'), path.join(ghost.stateDirectory, 'identity.json'));
      await ghost.start();
      await reasonOf(ghost, 'store.damaged');
      const { code, stderr } = await ghost.tryCli(['rebuild', '--yes']);
      assert.equal(code, 2);
      assert.match(stderr, /was removed from the cluster[^]*--token -/);
    } finally {
      await ghost.destroy();
    }
  }

  test('one that is killed at any moment of its rebuild is whole after a repeat, as one manager', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    for (let round = 0; round < 3; round += 1) {
      const victim = await damaged(DAMAGES['has lost its whole store'] ?? assert.fail());
      const oldId = idIn(victim);
      const ended = victim.tryCli(['rebuild', '--yes']);
      await new Promise((resolve) => setTimeout(resolve, random.below(900)));
      await victim.kill9();
      await victim.start();
      await waitFor(async () => (await victim.status()).state !== 'starting', {
        what: 'it to know how it is',
      });
      const again = await victim.tryCli(['rebuild', '--yes'], { timeout_ms: 60_000 });
      assert.ok(again.code === 0 || /healthy/.test(again.stderr), again.stderr);
      // It was cut off in its first request, or has looked on meanwhile.
      await ended;
      await assertReplaced(victim, oldId);
      await assertAllThere();
    }
  });

  test('have one rebuilt although the command is interrupted, which says that it goes on', async () => {
    const victim = await damaged(DAMAGES['has lost its whole store'] ?? assert.fail());
    const oldId = idIn(victim);
    const command = [builtFile('dist/coffer.cjs', 'make build'), '--socket', victim.controlSocket];
    const child = spawn(process.execPath, [...command, 'rebuild', '--yes'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (!said.includes('joined as') && text.includes('joined as')) {
        child.kill('SIGINT');
      }
      said += text;
    });
    await once(child, 'close');
    assert.equal(child.exitCode, 130);
    assert.match(said, /The rebuild goes on\. See how far it is: coffer rebuild\n$/);
    await assertReplaced(victim, oldId);
    await assertAllThere();
  });

  test('are not rebuilt while they are healthy', async () => {
    const { code, stderr } = await cluster.at(0).tryCli(['rebuild', '--yes']);
    assert.equal(code, 2);
    assert.match(stderr, /store of this manager is healthy: there is nothing to rebuild/);
  });

  test('have one that is damaged wait for a majority, and change nothing until there is one', async () => {
    const victim = await damaged(DAMAGES['has lost its whole store'] ?? assert.fail());
    const oldId = idIn(victim);
    const files = readdirSync(victim.stateDirectory).filter((name) => name !== 'rebuild');
    const other = cluster.managers.find((manager) => manager !== victim) ?? assert.fail();
    await other.stop();
    const refused = await victim.tryCli(['rebuild', '--yes'], { timeout_ms: 60_000 });
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /majority of them is not there/);
    assert.deepEqual(
      readdirSync(victim.stateDirectory).filter((name) => name !== 'rebuild'),
      files,
    );
    await other.start();
    await cluster.leader();
    await victim.cli(['rebuild', '--yes'], { timeout_ms: 60_000 });
    await assertReplaced(victim, oldId);
    await assertAllThere();
  });

  test('have one come back that has lost its certificate too, with a token from standard input', async () => {
    const victim = await damaged(DAMAGES['has lost its whole store'] ?? assert.fail());
    const oldId = idIn(victim);
    writeFileSync(path.join(victim.stateDirectory, 'identity.json'), '{');
    await victim.restart();
    await waitFor(async () => (await victim.status()).state === 'degraded', { what: 'it to know how it is' });
    const without = await victim.tryCli(['rebuild', '--yes']);
    assert.match(without.stderr, /join token has to say[^]*--token -/);
    const { addresses, token } =
      (await cluster.joining({ through: await cluster.leader() })) ?? assert.fail();
    const join = addresses.flatMap((address) => ['--join', address]);
    const typed = await victim.tryCli(['rebuild', ...join, '--token', token]);
    assert.equal(typed.code, 1);
    assert.match(typed.stderr, /never taken from the command line/);
    assert.ok(!typed.stderr.includes(token));
    await victim.cli(['rebuild', ...join, '--token', '-'], { input: token, timeout_ms: 60_000 });
    await assertReplaced(victim, oldId);
    await assertAllThere();
  });
});

test('the only manager is not rebuilt from nobody, and is told of a restore', async () => {
  const manager = await ManagerProcess.start({ name: 'only' });
  try {
    await manager.serving();
    await manager.stop();
    for (const file of STORE_FILES) {
      rmSync(path.join(manager.stateDirectory, file), { recursive: true });
    }
    await manager.start();
    await reasonOf(manager, 'store.damaged');
    const { code, stderr } = await manager.tryCli(['rebuild', '--yes']);
    assert.equal(code, 2);
    assert.match(stderr, /the only manager of its cluster[^]*restore/);
  } finally {
    await manager.destroy();
  }
});

/** The id in the identity that lies on the disk. */
function idIn(manager: ManagerProcess): string {
  const file = path.join(manager.stateDirectory, 'identity.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { nodeId: string }).nodeId;
}

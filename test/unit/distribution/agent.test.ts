// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { Harness } from './agent-harness.ts';
import { container, containerId, taskContainer } from './agent-objects.ts';

const WEB = container('web');
const TASK = 'abcdefghijklmnopqrstuvwxy';

let node: Harness;
beforeEach(() => {
  node = new Harness();
});
afterEach(() => node.destroy());

describe('a container that starts', () => {
  test('finds its secrets as files, and the leader was told nothing but what runs', async () => {
    await node.prepared({ secrets: 'db api:key.pem:0400' });
    const mountpoint = await node.run('web', 'm1');
    assert.equal(readFileSync(path.join(mountpoint, 'db'), 'utf8'), 'first');
    assert.deepEqual(node.files('app'), { db: 'first', 'key.pem': 'key' });
    assert.equal(statSync(path.join(mountpoint, 'key.pem')).mode & 0o777, 0o400);
    assert.equal(node.agent.get('app')?.mountpoint, mountpoint);
    const kinds = node.leader.session?.received.map(({ kind }) => kind) ?? [];
    assert.deepEqual([...new Set(kinds)].toSorted(), ['acknowledge', 'register', 'report']);
    assert.ok(!node.log.join('\n').includes('first'));
  });

  test('of a task finds them too', async () => {
    await node.prepared();
    const task = taskContainer('web.1', TASK);
    node.grant(task, ['db']);
    node.engine.put(task);
    await node.agent.mount('app', 'm1');
    assert.deepEqual(node.files('app'), { db: 'first' });
  });

  test('is found by its own name and by its service’s, for whoever asks why its volume was refused', async () => {
    await node.prepared();
    const labels = { 'com.docker.swarm.service.name': 'web' };
    const mounting = node.agent.mount('app', 'm1').catch(() => undefined);
    node.engine.put(container('web.1.abc', { labels }));
    await node.until(() => node.agent.usersOf('app').length > 0, 'the engine to be asked');
    assert.deepEqual(node.agent.usersOf('app'), ['web.1.abc', 'web']);
    assert.deepEqual(node.agent.usersOf('other'), []);
    await node.agent.stop();
    await mounting;
  });

  test('is refused if nothing grants it a secret, and nothing is left of the attempt', async () => {
    await node.prepared();
    node.engine.put(container('other'));
    await assert.rejects(node.agent.mount('app', 'm1'), {
      code: 'volume.refused',
      detail: 'nothing grants container other on this node the secret db',
      hint: 'Grant it: docker coffer grant db --node host-1 --container other',
    });
    assert.equal(node.files('app'), undefined);
    assert.equal(node.agent.get('app')?.mountpoint, undefined);
  });

  test('waits for the leader, for a while', async () => {
    await node.prepared();
    node.leader.answers = false;
    node.engine.put(WEB);
    const started = assert.rejects(node.agent.mount('app', 'm1'), {
      code: 'volume.timeout',
      detail: /within 20000 ms what container web may have: it is connected, and has not answered/,
    });
    await node.quiet();
    assert.equal(node.leader.session?.facts.containers.length, 1);
    node.clock.advance(20_000);
    await started;
    assert.equal(node.files('app'), undefined);

    const second = node.agent.mount('app', 'm2');
    node.leader.answers = true;
    node.leader.push();
    await second;
    assert.deepEqual(node.files('app'), { db: 'first' });
  });

  test('is told why there is no leader, if there is none', async () => {
    node.leader.refusal = new CofferError('transport.unreachable', 'nobody answers at m1:7373');
    await node.start();
    await node.agent.create('app', { secret: 'db' });
    node.engine.put(WEB);
    const started = assert.rejects(node.agent.mount('app', 'm1'), {
      code: 'volume.timeout',
      detail: /nobody answers at m1:7373/,
    });
    const { attempts } = node.leader;
    await node.until(() => {
      node.clock.advance(1_000);
      return node.clock.now_ms() > 25_000;
    }, 'time to pass');
    await started;
    assert.ok(node.leader.attempts > attempts);
    assert.match(node.agent.describe().problem ?? '', /nobody answers/);
  });

  test('is told that the engine does not answer, if it does not', async () => {
    await node.prepared();
    node.engine.problem = new CofferError('engine.unreachable', 'the engine is away');
    const started = assert.rejects(node.agent.mount('app', 'm1'), {
      code: 'volume.timeout',
      detail: /the engine is away/,
    });
    await node.until(() => node.agent.describe().problem !== undefined, 'the failure');
    node.clock.advance(20_000);
    await started;
    // It is asked again by itself.
    node.engine.problem = undefined;
    node.engine.all.set('web', WEB);
    const again = node.agent.mount('app', 'm2');
    node.clock.advance(2_000);
    await again;
    assert.equal(node.agent.describe().problem, undefined);
  });

  test('has what the engine said before it restarted, since that one waits for the start', async () => {
    await node.prepared();
    await node.run('web', 'm1');
    await node.agent.stop();
    node.places.undo('app').catch(() => undefined);
    node.engine.problem = new CofferError('engine.unreachable', 'the engine starts');
    await node.start();
    const started = node.agent.mount('app', 'm2');
    await node.until(() => (node.leader.session?.facts.containers.length ?? 0) > 0, 'the report');
    node.clock.advance(2_000);
    await started;
    assert.deepEqual(node.files('app'), { db: 'first' });
  });

  test('goes by what the engine said before that one was killed, while it starts', async () => {
    await node.prepared();
    await node.run('web', 'm1');
    // It has heard of no end.
    node.engine.problem = new CofferError('engine.unreachable', 'the engine starts');
    const started = node.agent.mount('app', 'm2');
    await node.until(() => node.agent.describe().problem !== undefined, 'the failure');
    node.clock.advance(2_000);
    await started;
    assert.deepEqual(node.files('app'), { db: 'first' });
  });

  test('whose volume cannot be made hears why, and the next one has it', async () => {
    await node.prepared();
    node.engine.put(WEB);
    node.places.problem = new CofferError('volume.unavailable', 'mount failed: not permitted');
    await assert.rejects(node.agent.mount('app', 'm1'), { code: 'volume.unavailable' });
    node.places.problem = undefined;
    await node.agent.mount('app', 'm2');
    assert.deepEqual(node.files('app'), { db: 'first' });
  });

  test('shares its volume with others, whose last one takes it away', async () => {
    await node.prepared();
    const other = container('other');
    node.grant(other, ['db']);
    node.engine.put(WEB);
    node.engine.put(other);
    const mountpoints = await Promise.all(['m1', 'm2', 'm3'].map((id) => node.agent.mount('app', id)));
    assert.equal(new Set(mountpoints).size, 1);
    await Promise.all([node.agent.unmount('app', 'm1'), node.agent.unmount('app', 'm2')]);
    await node.agent.unmount('app', 'unknown');
    assert.deepEqual(node.files('app'), { db: 'first' });
    const last = node.agent.unmount('app', 'm3');
    const next = node.agent.mount('app', 'm4');
    await last;
    await next;
    assert.deepEqual(node.files('app'), { db: 'first' });
    await node.agent.unmount('app', 'm4');
    assert.equal(node.files('app'), undefined);
    await node.agent.unmount('app', 'm4');
    await node.agent.unmount('none', 'm1');
  });

  test('of a task is refused once because of an earlier task that was refused, and not again', async () => {
    await node.prepared();
    const [first, second] = [taskContainer('web.1', TASK), taskContainer('web.2', `z${TASK.slice(1)}`)];
    node.grant(second, ['db']);
    node.engine.put(first);
    node.engine.put(second);
    const refused = { code: 'volume.refused', detail: /container web.1 may not have the secret db/ };
    await assert.rejects(node.agent.mount('app', 'm1'), refused);
    await node.agent.mount('app', 'm2');
    assert.deepEqual(node.files('app'), { db: 'first' });
    // If it runs all the same, nobody has the files.
    node.engine.state('web.1', 'running');
    await node.settled();
    assert.deepEqual(node.files('app'), {});
  });

  test('of a task is not refused because of the one before, which was refused itself', async () => {
    await node.prepared();
    const [first, second] = [taskContainer('web.1', TASK), taskContainer('web.2', `z${TASK.slice(1)}`)];
    node.grant(first, ['api']);
    node.engine.put(first);
    const refused = { code: 'volume.refused', detail: /container web.1 may not have the secret db/ };
    await assert.rejects(node.agent.mount('app', 'm1'), refused);
    // The swarm makes another one in its place. Each of them would be refused because of the one before.
    node.leader.revoke(`task/${TASK}`);
    node.grant(second, ['db']);
    node.engine.put(second);
    await node.agent.mount('app', 'm2');
    assert.deepEqual(node.files('app'), { db: 'first' });
  });

  test('that never comes to run gives its volume back after a while', async () => {
    await node.prepared();
    node.engine.put(WEB);
    await node.agent.mount('app', 'm1');
    await node.settled();
    node.clock.advance(119_000);
    await node.settled();
    assert.deepEqual(node.files('app'), { db: 'first' });
    node.clock.advance(2_000);
    await node.until(() => node.files('app') === undefined, 'the volume to be undone');
  });

  test('is given up, too, while its volume is being mounted, and leaves nothing', async () => {
    await node.prepared();
    node.engine.put(WEB);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const make = node.places.make.bind(node.places);
    let isMaking = false;
    node.places.make = async (name) => {
      isMaking = true;
      await held;
      return make(name);
    };
    const started = assert.rejects(node.agent.mount('app', 'm1'), { code: 'volume.unavailable' });
    await node.until(() => isMaking, 'the mount to begin');
    const stopped = node.agent.stop();
    release();
    await Promise.all([started, stopped]);
    assert.equal(node.files('app'), undefined);
  });

  test('is given up when the agent stops', async () => {
    await node.prepared();
    node.leader.answers = false;
    node.engine.put(WEB);
    const started = assert.rejects(node.agent.mount('app', 'm1'), { code: 'volume.unavailable' });
    await node.agent.stop();
    await started;
    assert.equal(node.engine.isWatched, false);
  });
});

describe('a volume', () => {
  test('is created once, with options that can be understood', async () => {
    await node.connected();
    await node.agent.create('app', { secret: 'db' });
    await node.agent.create('app', { secret: 'db' });
    const other = { code: 'volume.options-invalid', hint: 'Remove it first: docker volume rm app' };
    await assert.rejects(node.agent.create('app', { secret: 'api' }), other);
    await assert.rejects(node.agent.create('app', {}), other);
    await assert.rejects(node.agent.create('b', { sceret: 'x' }), { code: 'volume.options-invalid' });
    await assert.rejects(node.agent.create('../b', {}), { code: 'volume.options-invalid' });
    assert.deepEqual(node.agent.list(), [
      { name: 'app', mountpoint: undefined, createdAt: '2026-01-01T00:00:00.000Z' },
    ]);
    assert.equal(node.agent.get('b'), undefined);
  });

  test('is removed, but not while it is mounted', async () => {
    await node.prepared();
    await node.run('web', 'm1');
    await assert.rejects(node.agent.remove('app'), { code: 'volume.in-use' });
    node.engine.state('web', 'exited');
    await node.agent.unmount('app', 'm1');
    await node.agent.remove('app');
    await node.agent.remove('app');
    assert.deepEqual(node.agent.list(), []);
    await assert.rejects(node.agent.mount('app', 'm2'), {
      code: 'volume.not-found',
      hint: 'Create it: docker volume create -d coffer app',
    });
  });
});

describe('a container that runs', () => {
  test('is given a new version, and then its signal', async () => {
    await node.prepared();
    const wishes = { web: 'hup', api: 'SIGUSR1', odd: 'NONSENSE', quiet: '' };
    for (const [name, wish] of Object.entries(wishes)) {
      const made = container(name, { labels: { 'coffer.reload': wish } });
      node.grant(made, ['db']);
      node.engine.put(made);
      await node.run(name, `mount of ${name}`);
    }
    assert.deepEqual(node.engine.signals, []);
    node.leader.put('db', 2, 'second');
    await node.settled();
    assert.deepEqual(node.files('app'), { db: 'second' });
    assert.deepEqual(
      node.engine.signals.toSorted((one, other) => (one < other ? -1 : 1)),
      ['api SIGUSR1', 'web SIGHUP'],
    );
    assert.ok(node.log.some((line) => line.includes('does not exist') && line.includes('NONSENSE')));
  });

  test('loses at once what it is not due any more, before that is acknowledged', async () => {
    await node.prepared({ secrets: 'db api' });
    await node.run('web', 'm1');
    node.grant(WEB, ['api']);
    await node.settled();
    assert.deepEqual(node.files('app'), { api: 'key' });
    assert.equal(node.agent.describe().secretCount, 1);
    node.leader.revoke(`container/${WEB.id}`);
    await node.settled();
    assert.deepEqual(node.files('app'), {});
    assert.equal(node.agent.describe().secretCount, 0);
    node.grant(WEB, ['db', 'api']);
    await node.settled();
    assert.deepEqual(node.files('app'), { db: 'first', api: 'key' });
  });

  test('loses what another one that runs with its volume may not have, until that one ends', async () => {
    await node.prepared();
    await node.run('web', 'm1');
    node.engine.put(container('other', { state: 'created' }));
    await node.settled();
    assert.deepEqual(node.files('app'), { db: 'first' }, 'one that was only made takes nothing away');
    node.engine.state('other', 'running');
    await node.settled();
    assert.deepEqual(node.files('app'), {});
    node.engine.state('other', 'exited');
    await node.settled();
    assert.deepEqual(node.files('app'), { db: 'first' });
  });

  test('keeps its secrets while there is no leader, for a day and no longer', async () => {
    await node.prepared();
    await node.run('web', 'm1');
    node.leader.refusal = new CofferError('cluster.not-leader', 'nobody leads');
    node.leader.drop();
    await node.until(() => node.agent.describe().manager === undefined, 'the end of the session');
    node.clock.advance(23 * 60 * 60 * 1_000);
    assert.deepEqual(node.files('app'), { db: 'first' });
    assert.equal(node.agent.describe().isCutOff, false);
    for (let hour = 0; hour < 25; hour += 1) {
      node.clock.advance(60 * 60 * 1_000);
    }
    assert.deepEqual(node.files('app'), {});
    const { isCutOff, secretCount } = node.agent.describe();
    assert.deepEqual([isCutOff, secretCount], [true, 0]);
    assert.ok(node.log.some((line) => line.includes('all secrets of this node are wiped')));

    node.leader.refusal = undefined;
    await node.until(() => {
      node.clock.advance(500);
      return node.leader.isSettled;
    }, 'a new session');
    assert.deepEqual(node.files('app'), { db: 'first' });
    assert.equal(node.agent.describe().isCutOff, false);
  });

  test('loses with a new leader what that one does not name, and nothing else', async () => {
    await node.prepared({ secrets: 'db api' });
    await node.run('web', 'm1');
    node.leader.drop();
    node.grant(WEB, ['db']);
    await node.until(() => {
      node.clock.advance(100);
      return node.leader.sessions.length > 1 && node.leader.isSettled;
    }, 'a new session');
    assert.deepEqual(node.files('app'), { db: 'first' });
  });

  test('whose engine was killed leaves nothing mounted when that one is back without it', async () => {
    await node.prepared();
    await node.run('web', 'm1');
    node.engine.all.set('web', { ...WEB, state: 'exited' });
    node.engine.tell('restart');
    await node.until(() => node.files('app') === undefined, 'the volume to be undone');
    assert.equal(node.agent.describe().mountedCount, 0);
    await node.agent.unmount('app', 'm1');
  });

  test('keeps its volume for as long as it runs, whichever mounts the engine has forgotten', async () => {
    await node.prepared();
    await node.run('web', 'm1');
    // The engine was killed, and has started it again.
    await node.agent.mount('app', 'm2').catch(() => undefined);
    node.engine.state('web', 'exited');
    await node.until(() => node.files('app') === undefined, 'the volume to be undone');
  });
});

describe('what a node is asked about', () => {
  test('is where it stands', async () => {
    await node.prepared();
    node.clock.advance(60_000);
    await node.run('web', 'm1');
    assert.deepEqual(node.agent.describe(), {
      manager: 'm1',
      since: '2026-01-01T00:00:00.000Z',
      problem: undefined,
      volumeCount: 1,
      mountedCount: 1,
      secretCount: 2,
      isCutOff: false,
    });
  });

  test('is written down without any value', async () => {
    await node.prepared();
    await node.run('web', 'm1');
    await node.agent.stop();
    const names = readdirSync(node.stateDirectory).toSorted();
    assert.deepEqual(names, ['containers.json', 'volumes.json']);
    for (const name of names) {
      const text = readFileSync(path.join(node.stateDirectory, name), 'utf8');
      assert.ok(!text.includes('first') && text.includes('app'));
    }
    assert.ok(existsSync(node.places.place('app').files) && containerId('web') === WEB.id);
  });
});

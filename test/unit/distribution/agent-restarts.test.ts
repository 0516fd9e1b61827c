// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { MemoryMounts } from '../../../src/distribution/agent/memory-mounts.ts';
import { MountTool } from '../../../src/distribution/agent/mount-tool.ts';
import { type MountDirectory, mountDirectory, whyNoMounts } from '../../support/memory-mounts.ts';
import { Harness } from './agent-harness.ts';
import { container } from './agent-objects.ts';

const WEB = container('web');

let node: Harness;
beforeEach(() => {
  node = new Harness();
});
afterEach(() => node.destroy());

describe('an agent that starts anew', () => {
  async function killed(): Promise<void> {
    await node.prepared();
    await node.run('web', 'm1');
    node.kill();
  }

  test('leaves the files as they are while the leader cannot say all, and starts what that one names', async () => {
    await killed();
    node.leader.isWhole = false;
    await node.start();
    await node.until(() => node.leader.isSettled, 'a session');
    assert.deepEqual(node.files('app'), { db: 'first' });
    node.grant(container('job'), ['db']);
    await node.run('job', 'm2');
    node.leader.isWhole = true;
    node.leader.grants.clear();
    node.leader.drop();
    await node.until(() => {
      node.clock.advance(500);
      return node.files('app')?.['db'] === undefined;
    }, 'all that is due to be said');
  });

  test('makes the files anew if the engine has unmounted what it had taken up', async () => {
    await killed();
    await node.start();
    await node.until(() => node.leader.isSettled, 'a session');
    rmSync(path.join(node.places.directory, 'app'), { recursive: true });
    node.grant(container('job'), ['db']);
    await node.run('job', 'm2');
    assert.deepEqual(node.files('app'), { db: 'first' });
  });

  test('asks the leader for a container that is started again by an engine that answers nobody', async () => {
    await node.prepared();
    await node.run('web', 'm1');
    await node.agent.stop();
    node.engine.problem = new CofferError('engine.unreachable', 'the engine starts');
    await node.start();
    await node.until(() => node.leader.isSettled, 'a session');
    let mountpoint: string | undefined;
    void node.agent.mount('app', 'm2').then((made) => (mountpoint = made));
    await node.until(() => {
      node.clock.advance(500);
      return mountpoint !== undefined;
    }, 'the volume to be mounted');
    assert.deepEqual(node.files('app'), { db: 'first' });
  });

  test('leaves the files as they are until the leader has said all that is due', async () => {
    await killed();
    node.leader.refusal = new CofferError('cluster.not-leader', 'not yet');
    await node.start();
    await node.until(() => node.agent.describe().problem !== undefined, 'the first attempt');
    assert.deepEqual(node.files('app'), { db: 'first' });
    assert.equal(node.agent.describe().mountedCount, 1);
    node.leader.refusal = undefined;
    node.leader.put('db', 2, 'second');
    await node.until(() => {
      node.clock.advance(500);
      return node.leader.isSettled;
    }, 'a session');
    assert.deepEqual(node.files('app'), { db: 'second' });
    await node.agent.unmount('app', 'm1');
    assert.equal(node.files('app'), undefined);
  });

  test('takes away what was revoked meanwhile', async () => {
    await killed();
    node.leader.revoke(`container/${WEB.id}`);
    await node.connected();
    assert.deepEqual(node.files('app'), {});
  });

  test('knows what is mounted, though its list of volumes is damaged', async () => {
    await killed();
    writeFileSync(path.join(node.stateDirectory, 'volumes.json'), 'nonsense');
    await node.connected();
    assert.deepEqual(node.files('app'), { db: 'first' });
    assert.equal(node.agent.list().length, 1);
    assert.ok(node.log.some((line) => line.includes('the list of volumes is damaged')));
  });

  test('undoes what it can make nothing of', async () => {
    await node.places.make('app');
    writeFileSync(path.join(node.places.place('app').memory, 'mounts'), 'nonsense');
    await node.connected();
    assert.equal(node.files('app'), undefined);
  });

  test('asks nobody before the engine has said what runs', async () => {
    node.engine.problem = new CofferError('engine.unreachable', 'the engine is away');
    await node.places.make('app');
    const memory = node.places.place('app').memory;
    const mounts = [{ id: 'm1', starting: [] }];
    const record = { options: { secret: 'db' }, createdAt: '2026-01-01T00:00:00.000Z', mounts, files: [] };
    writeFileSync(path.join(memory, 'mounts'), JSON.stringify(record));
    await node.start();
    await node.until(() => node.agent.describe().problem !== undefined, 'the first listing');
    assert.equal(node.leader.attempts, 0);
    node.engine.problem = undefined;
    node.clock.advance(2_000);
    await node.until(() => node.leader.attempts === 1, 'a session');
  });
});

describe('an agent that stops', () => {
  test('leaves files to containers that run, and nothing else', async () => {
    await node.prepared();
    await node.run('web', 'm1');
    await node.agent.create('other', { secret: 'api' });
    const short = container('short', { volumes: ['other'] });
    node.grant(short, ['api']);
    node.engine.put(short);
    await node.agent.mount('other', 'm2');
    node.engine.problem = new CofferError('engine.unreachable', 'the engine stops');
    node.engine.all.set('short', { ...short, state: 'exited' });
    await node.agent.unmount('other', 'm2');
    await node.agent.stop();
    assert.deepEqual(node.files('app'), { db: 'first' });
    assert.equal(node.files('other'), undefined);
    assert.equal(node.agent.describe().secretCount, 0);
    assert.equal(node.leader.session, undefined);
    await assert.rejects(node.agent.mount('app', 'm3'), { code: 'volume.unavailable' });
  });
});

const whyNot = whyNoMounts();

describe('an agent on a host', { skip: whyNot ?? false }, () => {
  let mounts: MountDirectory;
  beforeEach(() => {
    mounts = mountDirectory();
  });
  afterEach(() => mounts.remove());

  test('keeps files in memory alone, where containers cannot write, across its restart, and leaves no mount', async () => {
    const places = new MemoryMounts(path.join(mounts.path, 'mounts'), new MountTool());
    node.leader.put('db', 1, 'first');
    node.grant(WEB, ['db']);
    await node.connected({ places });
    await node.agent.create('app', { secret: 'db', mode: '0400', uid: '1000' });
    node.engine.put(WEB);
    const mountpoint = await node.agent.mount('app', 'm1');
    node.engine.state('web', 'running');
    const file = path.join(mountpoint, 'db');
    assert.equal(readFileSync(file, 'utf8'), 'first');
    const { mode, uid } = statSync(file);
    assert.deepEqual([mode & 0o7777, uid], [0o400, 1_000]);
    assert.throws(() => writeFileSync(file, 'other'), { code: 'EROFS' });
    await node.settled();

    node.kill();
    node.leader.put('db', 2, 'second');
    await node.connected({ places: new MemoryMounts(path.join(mounts.path, 'mounts'), new MountTool()) });
    assert.equal(readFileSync(file, 'utf8'), 'second');
    node.leader.revoke(`container/${WEB.id}`);
    await node.settled();
    assert.deepEqual(readdirSync(mountpoint), []);
    node.engine.state('web', 'exited');
    await node.agent.unmount('app', 'm1');
    await node.until(() => mounts.mounted().length === 0, 'the mounts to be gone');
    assert.deepEqual(readdirSync(path.join(mounts.path, 'mounts')), []);
  });
});

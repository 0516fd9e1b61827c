// SPDX-License-Identifier: Apache-2.0
// The launcher of managers, on a cluster of one: what it does to a process happens, and what it asks is answered.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ManagerProcess } from '../support/manager-process.ts';
import { ManagerRefusal } from '../support/manager-refusal.ts';
import { Network } from '../support/network.ts';
import { requestOverSocket } from '../support/socket-request.ts';

const LOOPBACK_ADDRESS = /^127\.0\.0\.1:\d+$/;

function describeManager(start: () => Promise<ManagerProcess>, address: RegExp): void {
  let manager: ManagerProcess;

  before(async () => {
    manager = await start();
    await manager.serving();
  });
  after(async () => manager?.destroy());

  test('serves without an engine, at its address', async () => {
    const status = await manager.status();
    assert.equal(status.engine?.reachable, false);
    assert.equal(status.store?.role, 'leader');
    assert.match(manager.address, address);
  });

  test('stores what is put, and delivers it', async () => {
    const { secret } = await manager.put('first', 'one');
    assert.equal(secret.version, 1);
    assert.equal((await manager.put('first', 'two')).secret.version, 2);
    assert.equal((await manager.deliver('first')).toString(), 'two');
    assert.equal((await manager.inspect('first')).secret.id, secret.id);
  });

  test('a refusal is told from an answer', async () => {
    await assert.rejects(
      manager.inspect('nobody'),
      (error) => error instanceof ManagerRefusal && error.code === 'secret.not-found' && error.status === 404,
    );
    await assert.rejects(manager.deliver('nobody'), /refused: .*coffer holds no secret nobody/);
  });

  test('has its secrets again after it was killed, and after it was stopped', async () => {
    const before = manager.pid;
    await manager.kill9();
    assert.equal(manager.running, false);
    await manager.start();
    await manager.serving();
    assert.notEqual(manager.pid, before);
    assert.equal((await manager.deliver('first')).toString(), 'two');
    await manager.restart();
    await manager.serving();
    assert.equal((await manager.deliver('first')).toString(), 'two');
  });

  test('keeps what was granted and revoked on the command line, also after it was killed', async () => {
    const node = (await manager.cli(['node', 'ls', '-q'])).stdout.trim();
    const granted = await manager.cli(['grant', 'first', '--node', node, '--label', 'app=web']);
    const other = await manager.cli(['grant', 'later', '--node', node]);
    assert.match(other.stderr, /there is no secret later yet/);
    await manager.cli(['revoke', other.stdout.trim()]);
    await manager.kill9();
    await manager.start();
    await manager.serving();
    assert.equal((await manager.cli(['grant-ls', '-q'])).stdout, granted.stdout);
    assert.match((await manager.cli(['grant-ls'])).stdout, / first .* app=web /);
  });

  test('does nothing while it is paused, and goes on afterwards', async () => {
    manager.pause();
    const asked = { path: '/v1/status', headers: { host: 'coffer' }, timeout_ms: 500 };
    await assert.rejects(requestOverSocket(manager.controlSocket, asked), /no reply/);
    manager.resume();
    assert.equal((await manager.status()).state, 'serving');
  });

  test('can be killed while it is paused', async () => {
    manager.pause();
    await manager.kill9();
    await manager.start();
    await manager.serving();
  });

  test('is another one after its disk was wiped', async () => {
    const { store } = await manager.status();
    await manager.stop();
    manager.wipe();
    await manager.start();
    await manager.serving();
    assert.notEqual((await manager.status()).store?.clusterId, store?.clusterId);
    await assert.rejects(manager.inspect('first'), /secret\.not-found/);
  });

  test('has one log of all its starts', () => {
    assert.equal(manager.log().match(/"message":"coffer starts"/g)?.length, 6);
  });

  test('leaves nothing when it is destroyed', async () => {
    await manager.destroy();
    assert.equal(existsSync(path.dirname(manager.stateDirectory)), false);
  });
}

describe('a manager on the loopback interface', () => {
  describeManager(() => ManagerProcess.start(), LOOPBACK_ADDRESS);

  test('moves to another port with what it has', async () => {
    const manager = await ManagerProcess.start();
    try {
      const before = manager.address;
      await manager.serving();
      await manager.put('kept', 'value');
      await manager.move();
      await manager.serving();
      assert.notEqual(manager.address, before);
      assert.match(manager.address, LOOPBACK_ADDRESS);
      assert.equal((await manager.deliver('kept')).toString(), 'value');
    } finally {
      await manager.destroy();
    }
  });
});

describe('a manager on a host of its own', () => {
  let network: Network;
  before(async () => {
    network = await Network.create();
  });
  after(async () => network?.destroy());

  describeManager(
    async () => ManagerProcess.start({ name: 'm1', host: await network.host('m1') }),
    /^10\.77\.0\.1:7373$/,
  );

  test('moves with its host to another address', async () => {
    const manager = await ManagerProcess.start({ name: 'm2', host: await network.host('m2') });
    try {
      await manager.move({ address: '10.77.0.99' });
      await manager.serving();
      assert.equal(manager.address, '10.77.0.99:7373');
    } finally {
      await manager.destroy();
    }
  });
});

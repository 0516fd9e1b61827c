// SPDX-License-Identifier: Apache-2.0
// Three managers that unlock one another: nobody types anything as long as one of them runs, and a directory alone opens nothing.
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { AutolockDescription, DaemonStatus } from '../../src/control/index.ts';
import { nodeIdOf, reasonOf, removeNode } from '../support/cluster-calls.ts';
import { LeakScanner } from '../support/leak-scanner.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { acceptedBody } from '../support/manager-refusal.ts';
import { Network } from '../support/network.ts';
import { callControl } from '../support/secret-calls.ts';
import { waitFor } from '../support/wait-for.ts';

const CANARY = 'canary value that no stolen directory may show';

async function unlockKeyAt(manager: ManagerProcess): Promise<string> {
  return (await manager.cli(['unlock-key', '-q'])).stdout.trim();
}

async function allKnown(cluster: ManagerCluster): Promise<void> {
  for (const manager of cluster.running) {
    await waitFor(
      async () => {
        const reply = acceptedBody(await callControl(manager, 'GET', '/v1/autolock')) as AutolockDescription;
        const { peerUnlock } = reply;
        return peerUnlock !== undefined && peerUnlock.known === peerUnlock.managers;
      },
      { what: `${manager.name} to know all managers`, timeout_ms: 30_000 },
    );
  }
}

/** Resolves once the manager, which stays locked, tells of such an answer. */
async function askingAt(manager: ManagerProcess, answer: RegExp): Promise<void> {
  const asking = await waitFor(
    async (): Promise<DaemonStatus['peerUnlock']> => {
      const { peerUnlock } = await manager.status();
      return answer.test(peerUnlock?.problem ?? '') ? peerUnlock : undefined;
    },
    { what: `${manager.name} to hear ${answer.source}`, timeout_ms: 30_000 },
  );
  assert.deepEqual([asking.asking, asking.enabled, asking.unlockedBy], [true, false, undefined]);
  await reasonOf(manager, 'store.locked');
}

function unlockKeyIdIn(manager: ManagerProcess): string {
  const text = readFileSync(path.join(manager.stateDirectory, 'keys.json'), 'utf8');
  return (JSON.parse(text) as { readonly unlockKeyId: string }).unlockKeyId;
}

describe('three managers that unlock one another', () => {
  let cluster: ManagerCluster;
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    await cluster.at(0).put('kept', CANARY);
  });
  after(async () => cluster?.destroy());

  test('do so once they are told to, and say what it means', async () => {
    const on = await cluster.at(1).cli(['autolock', 'on', '--peer-unlock']);
    assert.match(on.stdout, /COFFER-UNLOCK-1(-[0-9A-Z]{4}){14}/);
    assert.match(
      on.stdout,
      /Whoever takes the disk of a manager and reaches the port of the others can unlock it/,
    );
    await allKnown(cluster);
    const shown = await cluster.at(2).cli(['autolock']);
    assert.match(shown.stdout, /Peer unlock: +on, for 3 of 3 managers/);
    const doctor = await cluster.at(0).tryCli(['doctor']);
    assert.match(
      doctor.stdout,
      /peer unlock is on: whoever takes this disk .*docker coffer node rm ends that/,
    );
    assert.match((await cluster.at(0).cli(['status'])).stdout, /Peer unlock: +on/);
  });

  test('unlock one that was killed; nobody types anything', async () => {
    const manager = await cluster.follower();
    await manager.kill9();
    await manager.start();
    await manager.serving();
    await cluster.whole();
    assert.equal((await manager.deliver('kept')).toString(), CANARY);
    const { peerUnlock } = await manager.status();
    assert.deepEqual([peerUnlock?.enabled, peerUnlock?.asking], [true, false]);
    const others = cluster.managers.filter((one) => one !== manager);
    const giver = others.find(({ address }) => address === peerUnlock?.unlockedBy);
    assert.match(giver?.log() ?? '', new RegExp(`${await nodeIdOf(manager)}".*was given the unlock key`));
    assert.match(
      (await manager.cli(['status'])).stdout,
      /Data key: .*, sealed, and unlocked by the manager at/,
    );
  });

  test('are all locked after all were killed, until one of them is unlocked by hand', async () => {
    const key = await unlockKeyAt(cluster.at(0));
    await Promise.all(cluster.managers.map((manager) => manager.kill9()));
    await Promise.all(cluster.managers.map((manager) => manager.start()));
    for (const manager of cluster.managers) {
      await askingAt(manager, /nobody listens there/);
      assert.match(
        (await manager.tryCli(['status'])).stdout,
        /Peer unlock: +the other managers are asked for the unlock key/,
      );
      assert.match(
        (await manager.tryCli(['doctor'])).stdout,
        /the other managers are asked for the unlock key/,
      );
    }
    await cluster.at(1).cli(['unlock'], { input: key });
    await cluster.whole();
    assert.equal((await cluster.at(2).deliver('kept')).toString(), CANARY);
  });

  test('give one that was down the key that it is sealed by, though it was replaced twice meanwhile', async () => {
    const manager = await cluster.follower();
    await manager.kill9();
    const [other] = cluster.running;
    assert.ok(other !== undefined);
    await other.cli(['unlock-key', '--rotate', '-q']);
    await other.cli(['unlock-key', '--rotate', '-q']);
    assert.notEqual(unlockKeyIdIn(manager), unlockKeyIdIn(other));
    await manager.start();
    await manager.serving();
    await cluster.whole();
    await waitFor(() => unlockKeyIdIn(manager) === unlockKeyIdIn(other), {
      what: 'the present key to seal it',
    });
    await manager.kill9();
    await manager.start();
    await cluster.whole();
    assert.equal((await manager.deliver('kept')).toString(), CANARY);
  });

  test('open nothing to whoever has a directory, and does not reach them', async (t) => {
    const scanner = new LeakScanner();
    scanner.add('canary', Buffer.from(CANARY));
    const victim = await cluster.follower();
    scanner.add('unlock key', Buffer.from(await unlockKeyAt(victim)));
    await victim.stop();
    assert.ok(existsSync(path.join(victim.stateDirectory, 'peer-unlock.json')));
    assert.deepEqual(scanner.scanTree(victim.stateDirectory), []);
    // Where it is, nobody answers at the addresses that it finds.
    const elsewhere = await Network.create();
    const thief = await ManagerProcess.start({ name: 'thief', host: await elsewhere.host('thief') });
    t.after(async () => {
      await thief.destroy();
      await elsewhere.destroy();
    });
    await thief.stop();
    thief.wipe();
    cpSync(victim.stateDirectory, thief.stateDirectory, { recursive: true });
    await thief.start();
    await askingAt(thief, /nobody listens there/);
    assert.match((await thief.tryCli(['ls'])).stderr, /this node is locked/);
    await victim.start();
    await cluster.whole();
  });

  test('tell nothing to whoever has a copy of a directory and reaches them, as long as that manager runs', async (t) => {
    const victim = await cluster.follower();
    const copy = await ManagerProcess.start({ name: 'copy' });
    t.after(() => copy.destroy());
    await copy.stop();
    copy.wipe();
    cpSync(victim.stateDirectory, copy.stateDirectory, { recursive: true });
    await copy.start();
    await askingAt(copy, /somebody else asks in its name/);
    const nodeId = await nodeIdOf(victim);
    const others = cluster.running.filter((one) => one !== victim);
    const written = new RegExp(`${nodeId}.*somebody else asks in its name.*was not given the unlock key`);
    assert.ok(
      others.some((one) => written.test(one.log())),
      'and it is written down',
    );
    // Only one of them may be the node.
    await copy.stop();
    await cluster.whole();
  });

  test('give nothing to one that was removed while it was down', async () => {
    const removed = await cluster.follower();
    const nodeId = await nodeIdOf(removed);
    await removed.stop();
    const [other] = cluster.running;
    assert.ok(other !== undefined);
    await removeNode(other, nodeId);
    await removed.start();
    await askingAt(removed, /was removed from the cluster/);
    assert.match((await removed.tryCli(['inspect', 'kept'])).stderr, /this node is locked/);
    const logs = cluster.running.filter((one) => one !== removed).map((one) => one.log());
    assert.ok(
      logs.some((log) => /was removed from the cluster.*refused a connection/.test(log)),
      'and it is written down',
    );
  });
});

describe('three managers on machines of their own', () => {
  let network: Network;
  let cluster: ManagerCluster;
  before(async () => {
    network = await Network.create();
    cluster = await ManagerCluster.start({ size: 3, network });
    await cluster.at(0).cli(['autolock', 'on', '--peer-unlock']);
    await allKnown(cluster);
  });
  after(async () => {
    await cluster?.destroy();
    await network?.destroy();
  });

  test('unlock one whose end they did not hear of', async () => {
    const manager = await cluster.follower();
    const own = network.hosts.find(({ name }) => name === manager.name) ?? assert.fail('it has a host');
    await network.partition(
      [own],
      network.hosts.filter((host) => host !== own),
    );
    await manager.kill9();
    await network.heal();
    await manager.start();
    await manager.serving();
    await cluster.whole();
    assert.notEqual((await manager.status()).peerUnlock?.unlockedBy, undefined);
  });
});

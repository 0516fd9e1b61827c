// SPDX-License-Identifier: Apache-2.0
// Peer unlock where it is for: three engines in one swarm, coffer's autolock on, and machines that start again with nobody there.
// The swarm's own autolock is another matter, and stays off.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { DaemonStatus } from '../../src/control/index.ts';
import { CofferSwarm } from '../support/coffer-swarm.ts';
import { callControl } from '../support/secret-calls.ts';
import { serviceCreate } from '../support/service.ts';
import type { Member } from '../support/swarm-member.ts';
import { waitFor } from '../support/wait-for.ts';

const start_ms_max = 60_000;
const create_ms_max = 90_000;

describe('three engines whose coffer managers unlock one another', () => {
  let started: CofferSwarm | undefined;
  let key = '';
  const swarm = (): CofferSwarm => started ?? assert.fail('the engines did not start');

  async function statusOf(member: Member): Promise<DaemonStatus> {
    return (await callControl(member.daemon, 'GET', '/v1/status')).json() as DaemonStatus;
  }

  /** A secret, and a service with it whose one task is on this member's engine. Both are created there. */
  async function deliveredOn(member: Member, name: string): Promise<void> {
    const value = `the value ${name}, by ${member.name}`;
    await member.docker(['secret', 'create', name, '-'], { input: value });
    const words = ['--secret', name, '--constraint', `node.hostname==${member.name}`];
    await waitFor(
      async () => {
        const create = serviceCreate(`of-${name}`, words);
        const { code, stderr } = await member.engine.tryDocker(create, {
          socket: member.daemon.gatewaySocket,
          timeout_ms: 30_000,
        });
        if (code !== 0 && !stderr.includes('already exists')) {
          throw new Error(stderr);
        }
        return true;
      },
      { what: `a service with ${name} to be created`, timeout_ms: create_ms_max, interval_ms: 500 },
    );
    const [task] = await swarm().tasks(`of-${name}`, 1, [member]);
    assert.equal(await task?.secret(name), value);
  }

  async function assertUnlockedByPeer(member: Member): Promise<void> {
    const { peerUnlock, state, store } = await statusOf(member);
    assert.deepEqual([state, store?.dataKeySealed, peerUnlock?.enabled], ['serving', true, true]);
    const addresses = swarm()
      .others(member)
      .map(({ host }) => `${host.address}:7373`);
    assert.ok(addresses.includes(peerUnlock?.unlockedBy ?? ''), JSON.stringify(peerUnlock));
  }

  before(async () => {
    started = await CofferSwarm.start('managed plugin', 3);
  });
  after(async () => started?.stop());

  test('autolock and peer unlock are turned on at one of them', async () => {
    const [first = assert.fail('three members')] = swarm().members;
    const on = await first.cli(['autolock', 'on', '--peer-unlock']);
    key = /COFFER-UNLOCK-1(-[0-9A-Z]{4}){14}/.exec(on.stdout)?.[0] ?? assert.fail(on.stdout);
    for (const member of swarm().members) {
      await waitFor(async () => (await statusOf(member)).store?.dataKeySealed === true, {
        what: `${member.name} to seal its keys`,
      });
      assert.match((await member.cli(['autolock'])).stdout, /Peer unlock: +on, for 3 of 3 managers/);
    }
  });

  test('the power of one fails: its coffer is unlocked by the others, and secrets are delivered on it; nobody types anything', async () => {
    const member = await swarm().swarmLeader();
    await member.powerOff();
    await member.powerOn();
    await assertUnlockedByPeer(member);
    await swarm().swarmLeader();
    await swarm().leader();
    await deliveredOn(member, 'after-one');
  });

  test('coffer itself is stopped and started: the same', async () => {
    const [member = assert.fail('three members')] = swarm().others(await swarm().swarmLeader());
    await member.restart();
    await member.serving();
    await assertUnlockedByPeer(member);
    await swarm().leader();
    await deliveredOn(member, 'after-two');
  });

  test('the power of all fails: they are locked until one of them is unlocked by hand, and then all serve', async () => {
    await Promise.all(swarm().members.map((member) => member.powerOff()));
    await Promise.all(swarm().members.map((member) => member.engine.start()));
    for (const member of swarm().members) {
      await waitFor(
        async () => {
          const { peerUnlock, reason } = await statusOf(member);
          return reason?.code === 'store.locked' && peerUnlock?.asking === true;
        },
        { what: `coffer on ${member.name} to be locked and ask`, timeout_ms: start_ms_max },
      );
      assert.notEqual((await member.tryCli(['ls'])).code, 0);
    }
    // The engine that leads asks its own coffer for secrets: it shall be one that nobody has typed a key at.
    const asked = await swarm().swarmLeader();
    const [unlocked = asked] = swarm().others(asked);
    await unlocked.cli(['unlock'], `${key}\n`);
    for (const member of swarm().members) {
      await member.serving();
    }
    await swarm().leader();
    for (const member of swarm().others(unlocked)) {
      await assertUnlockedByPeer(member);
    }
    assert.equal((await swarm().agreed()).length, 2);
    // What ran before has its secrets again, and what is created now gets its own.
    const [before] = await swarm().tasks('of-after-one', 1);
    assert.match((await before?.secret('after-one')) ?? '', /^the value after-one/);
    await deliveredOn(await swarm().swarmLeader(), 'after-all');
  });
});

// SPDX-License-Identifier: Apache-2.0
// What any of three managers tells of a secret that one of them has refused, and of the one that does not answer.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { WhyReply } from '../../src/control/index.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { callControl, getSecret } from '../support/secret-calls.ts';
import { waitFor } from '../support/wait-for.ts';

/** Two for those that do not answer, one for the read round, and as much again on a busy machine: less than without those two. */
const why_ms_max = 6_000;

describe('three managers, one of which has refused a secret', () => {
  let cluster: ManagerCluster;
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
  });
  after(async () => cluster?.destroy());

  async function whyAt(manager: ManagerProcess, name: string): Promise<WhyReply> {
    const reply = await callControl(manager, 'GET', `/v1/why?name=${name}`);
    assert.equal(reply.status, 200, reply.text);
    return reply.json() as WhyReply;
  }

  function answersIn({ subjects }: WhyReply): readonly string[] {
    return subjects.flatMap(({ secrets }) =>
      secrets.flatMap(({ findings }) => findings.map(({ level, message }) => `${level} ${message}`)),
    );
  }

  test('each of them tells it, also those that were not asked', async () => {
    const leader = await cluster.leader();
    for (const task of ['t1', 't2']) {
      const { text } = await getSecret(leader, { secret: 'absent', task });
      assert.match(text, /secret\.not-found/);
    }
    for (const manager of cluster.managers) {
      for (const name of ['asks', 'absent']) {
        const [answer, ...others] = answersIn(await whyAt(manager, name));
        assert.match(
          answer ?? '',
          /^failure .* refused it to task asks\.1\.t2, 2 times: coffer holds no secret absent \[secret\.not-found\]$/,
        );
        assert.deepEqual(others, []);
      }
      const { stdout } = await manager.cli(['why', 'asks']);
      assert.match(
        stdout,
        /^service asks\n {2}secret absent\n {4}failure {2}answer: .*\n +Mend: .*docker coffer put absent -\n/,
      );
    }
  });

  test('one that stands still is named, and nobody waits for it for long', async () => {
    const [first = assert.fail('three'), second = assert.fail('three')] = cluster.managers;
    await getSecret(first, { secret: 'other', task: 't3' });
    second.pause();
    try {
      const begun = performance.now();
      const reply = await whyAt(first, 'other');
      assert.ok(performance.now() - begun < why_ms_max, `${Math.round(performance.now() - begun)} ms`);
      assert.match(answersIn(reply).join('\n'), /coffer holds no secret other/);
      const warned = reply.findings.filter(({ level }) => level === 'warning').map(({ message }) => message);
      assert.ok(
        warned.some((message) => /^not reached: \S+; what was refused there is not known$/.test(message)),
        warned.join('\n'),
      );
    } finally {
      second.resume();
    }
  });

  test('one that is locked says so itself, and the others say what unlocks it if it is', async () => {
    await cluster.at(0).cli(['autolock', 'on']);
    const locked = await cluster.follower();
    const other = cluster.managers.find((manager) => manager !== locked) ?? assert.fail('three');
    const isSealed = async (): Promise<boolean> => (await locked.status()).store?.dataKeySealed === true;
    await waitFor(isSealed, { what: `${locked.name} to seal its keys` });
    await locked.kill9();
    await locked.start();
    const isLocked = async (): Promise<boolean> => (await locked.status()).reason?.code === 'store.locked';
    await waitFor(isLocked, { what: `${locked.name} to be locked` });
    const { stdout } = await locked.cli(['why']);
    assert.match(
      stdout,
      /^failure +manager: coffer on this node serves nothing.*\n +Mend: docker coffer unlock$/m,
    );
    const told = (await whyAt(other, 'asks')).findings.map(({ mend, message }) => `${message} => ${mend}`);
    assert.match(
      told.join('\n'),
      /^not reached: (\S+); .* => docker coffer status, typed on \1; if it is locked: docker coffer unlock$/m,
    );
  });
});

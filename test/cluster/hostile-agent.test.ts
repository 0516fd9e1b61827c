// SPDX-License-Identifier: Apache-2.0
// Agents with genuine certificates that try everything the protocol of sessions allows, and what it does not. After each of them:
// it has got nothing that its node was not due, an honest agent is served promptly, and the manager has neither grown nor
// written a value into its log.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { PROTOCOL } from '../../src/cluster/authorize.ts';
import { BODY, encodeBody } from '../../src/cluster/rpc-body.ts';
import { CofferError } from '../../src/common/index.ts';
import { BesiegedManager, GRANTED, SECRET } from '../support/besieged-manager.ts';
import { nodeIdOf, nodesAt, removeNode } from '../support/cluster-calls.ts';
import { callMember, type JoinedNode, sayHello } from '../support/joined-node.ts';
import { waitFor } from '../support/wait-for.ts';
import { A_CONTAINER, answered, assertNothingHeld, container, REFUSED_MESSAGE } from './hostile-answers.ts';

describe('a manager among hostile agents', () => {
  let besieged: BesiegedManager;
  let pid: number;
  before(async () => {
    besieged = await BesiegedManager.start();
    pid = besieged.manager.pid;
  });
  afterEach(async () => besieged.assertUnharmed(pid));
  after(async () => besieged?.destroy());

  test('gives each node what it is due, which is what the others try to get', async () => {
    const node = await besieged.node(besieged.hosts.hostile.nodeId);
    const agent = await besieged.registered([], node);
    await agent.holds(SECRET.ofHostileTask, besieged.values.get(SECRET.ofHostileTask) ?? '');
    assert.deepEqual([...agent.secrets.keys()], [SECRET.ofHostileTask]);
    assert.deepEqual(
      [...besieged.honest.secrets.keys()].sort(),
      [SECRET.granted, SECRET.ofHonestTask].sort(),
    );
    await removeNode(besieged.manager, node.id);
    assert.match(await agent.over(), /^cluster\.node-removed: |closed without a word/);
  });

  describe('that name secrets', () => {
    const facts = { containers: [A_CONTAINER] };
    const asking: readonly (readonly [string, unknown])[] = [
      ['a field beside the facts', { kind: 'register', facts, secrets: [SECRET.ofNobody] }],
      ['a field in the facts', { kind: 'register', facts: { ...facts, want: [SECRET.ofNobody] } }],
      [
        'a field in a container',
        { kind: 'register', facts: { containers: [{ ...A_CONTAINER, secrets: [SECRET.ofNobody] }] } },
      ],
      ['a kind of its own', { kind: 'get-secret', name: SECRET.ofNobody }],
      [
        "the leader's own kind",
        { kind: 'put-holder', holder: { key: 'container/x', secrets: [], refused: [] } },
      ],
      ['a list', [{ kind: 'register', facts }]],
      ['nothing', null],
      ['a number', 7],
      ['a kind that is a list', { kind: ['register'], facts }],
    ];
    for (const [how, message] of asking) {
      test(`in ${how} are cut off`, async () => {
        const agent = await besieged.agent();
        agent.sendRaw(JSON.stringify(message));
        assert.match(await agent.over(), REFUSED_MESSAGE);
        assert.equal(agent.messages.length, 0);
      });
    }

    test('in fields that only JavaScript has are not understood', async () => {
      const text = JSON.stringify({ kind: 'register', facts });
      for (const key of ['__proto__', 'constructor', 'prototype']) {
        const agent = await besieged.agent();
        agent.sendRaw(
          `{"${key}":{"secrets":["${SECRET.ofNobody}"],"nodeId":"${besieged.honestNode.id}"},${text.slice(1)}`,
        );
        await agent.until(() => agent.isComplete || agent.isOver, 'an answer');
        assertNothingHeld(agent);
      }
    });

    test('by the other protocols of the port are refused', async () => {
      const node = await besieged.node();
      const call = async (method: string, body: unknown): Promise<string> =>
        callMember(besieged.manager, node, method, Buffer.from(JSON.stringify(body))).then(
          (reply) => reply.toString(),
          (thrown: unknown) => CofferError.from(thrown).code,
        );
      for (const name of [
        'secrets',
        'grant',
        'inspect',
        'readValue',
        'exportSecrets',
        'autolock.unlockKey',
      ]) {
        const administered = await call('admin', { call: name, arguments: [SECRET.ofNobody] });
        assert.equal(administered, 'cluster.role', name);
      }
      assert.equal(await call('position', {}), 'cluster.role');
      assert.equal(await call('get-secret', { name: SECRET.ofNobody }), 'request.not-found');
      assert.equal(
        await call('hello', { hostname: 'x', address: '', engineNodeId: '', want: [SECRET.ofNobody] }),
        'request.invalid',
      );
      for (const protocol of [PROTOCOL.raft, PROTOCOL.snapshot, PROTOCOL.unlock]) {
        const agent = await besieged.agent(node, { protocol });
        assert.match(await agent.over(), /^cluster\.role: /, protocol);
      }
    });
  });

  describe('that lie about what runs on their node', () => {
    test('with containers that look like those of a grant for another node', async () => {
      const node = await besieged.node();
      const likes = [
        container({ ...GRANTED, id: '01'.repeat(32) }),
        container({ ...GRANTED, id: besieged.containers[0]?.id ?? '' }),
        container({
          ...GRANTED,
          id: '02'.repeat(32),
          labels: { ...GRANTED.labels, node: besieged.honestNode.id },
        }),
        container({ id: '03'.repeat(32), name: '*', image: '*', labels: { '*': '*', tier: '.*', '': '' } }),
        container({
          id: '04'.repeat(32),
          name: SECRET.granted,
          image: SECRET.granted,
          labels: { secret: SECRET.granted },
        }),
      ];
      const agent = await besieged.registered(likes, node);
      await answered(agent, likes);
      assertNothingHeld(agent);
    });

    test('with the tasks of another node, by id or by the labels of engines', async () => {
      const agent = await besieged.registered();
      const labels = {
        'com.docker.swarm.task.id': besieged.task.id,
        'com.docker.swarm.node.id': besieged.hosts.honest.nodeId,
        'com.docker.swarm.service.id': besieged.service.id,
      };
      const likes = [
        container({ id: '11'.repeat(32), taskId: besieged.task.id, labels }),
        container({ id: '12'.repeat(32), labels }),
      ];
      agent.report(likes);
      await answered(agent, likes);
      assertNothingHeld(agent);
      besieged.swarm.change(besieged.task);
      await besieged.swarm.readAgain();
      assertNothingHeld(agent);
    });

    test('and say that they are beside the engine of another node', async () => {
      const node = await besieged.node();
      const agent = await besieged.registered([container({ taskId: besieged.task.id })], node);
      const own = (await nodesAt(besieged.manager)).find(({ id }) => id === besieged.honestNode.id);
      await sayHello(besieged.manager, node, {
        hostname: own?.hostname ?? '',
        engineNodeId: besieged.hosts.honest.nodeId,
      });
      await waitFor(
        async () =>
          (await nodesAt(besieged.manager)).some(
            ({ hostname, id }) => id === node.id && hostname === own?.hostname,
          ),
        { what: 'the hostname to be taken' },
      );
      const newcomer = await besieged.registered([], await besieged.node(besieged.hosts.honest.nodeId));
      await besieged.swarm.readAgain();
      await besieged.serveHonest();
      for (const each of [agent, newcomer]) {
        assertNothingHeld(each);
      }
      assert.ok(
        besieged.honest.holders.has(`task/${besieged.task.id}`),
        'and the other node has what it had',
      );
    });

    test('with more, longer and stranger texts than there can be', async () => {
      const labels = (count: number): Record<string, string> =>
        Object.fromEntries(Array.from({ length: count }, (_, number) => [`label-${number}`, 'x']));
      const many = Array.from({ length: 1_001 }, (_, number) =>
        container({ id: number.toString(16).padStart(64, '0') }),
      );
      const wrong: readonly (readonly [string, readonly unknown[]])[] = [
        ['1,001 containers', many],
        ['two containers of one id', [A_CONTAINER, A_CONTAINER]],
        ['a name of 513 characters', [container({ name: 'x'.repeat(513) })]],
        ['129 labels', [container({ labels: labels(129) })]],
        ['a label of 513 characters', [container({ labels: { ['x'.repeat(513)]: '' } })]],
        ['an id that is none', [container({ id: '../../etc/passwd' })]],
        ['a task that is a path', [container({ taskId: '../task' })]],
        ['labels that are a list', [{ ...A_CONTAINER, labels: [['tier', 'front']] }]],
        ['labels that are a number', [{ ...A_CONTAINER, labels: { tier: 1 } }]],
        ['no id', [{ ...A_CONTAINER, id: undefined }]],
      ];
      for (const [what, containers] of wrong) {
        const agent = await besieged.agent();
        agent.sendRaw(JSON.stringify({ kind: 'register', facts: { containers } }));
        assert.match(await agent.over(), REFUSED_MESSAGE, what);
      }
      const most = many.slice(0, 1_000).map((one) => ({ ...one, ...GRANTED }));
      const agent = await besieged.registered(most);
      await answered(agent, most);
      assertNothingHeld(agent);
      const odd = [
        '__proto__',
        'constructor',
        'toString',
        '\u0000',
        '\ud800',
        '‮',
        '💥',
        '%s%n',
        '${7*7}',
        "' OR 1=1",
        '<b>',
      ];
      const strange = odd.map((text, number) =>
        container({
          id: number.toString(16).padStart(64, 'f'),
          name: text,
          image: text,
          labels: JSON.parse(`{${JSON.stringify(text)}:${JSON.stringify(text)}}`) as Record<string, string>,
        }),
      );
      agent.report(strange);
      await agent.until(
        () => agent.isOver || strange.every(({ id }) => agent.holders.has(`container/${id}`)),
        'an answer',
      );
      assertNothingHeld(agent);
    });
  });

  test('removes a node, whose agent is cut off at once and not let in again', async () => {
    const node = await besieged.node(besieged.hosts.hostile.nodeId);
    const agent = await besieged.registered([], node);
    await agent.holds(SECRET.ofHostileTask, besieged.values.get(SECRET.ofHostileTask) ?? '');
    await removeNode(besieged.manager, node.id);
    const since_ms = performance.now();
    await agent.over(5_000);
    assert.ok(performance.now() - since_ms < 5_000);
    const again = await besieged.agent(node);
    assert.match(await again.over(), /^cluster\.node-removed: /);
    assert.equal(again.messages.length, 0);
    const refused = await refusalOfHello(node);
    assert.equal(refused, 'cluster.node-removed');
    assert.ok((await nodeIdOf(besieged.manager)).length > 0);
  });

  async function refusalOfHello(node: JoinedNode): Promise<string> {
    const body = encodeBody(BODY.hello, { hostname: 'x', address: '', engineNodeId: '' });
    return callMember(besieged.manager, node, 'hello', body).then(
      () => 'none',
      (thrown: unknown) => CofferError.from(thrown).code,
    );
  }
});

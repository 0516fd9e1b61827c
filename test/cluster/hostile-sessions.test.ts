// SPDX-License-Identifier: Apache-2.0
// Agents with genuine certificates that break the rules of sessions: other nodes' sessions and old ones, what was never sent,
// bytes and frames that no node sends. See hostile-agent.test.ts for what is looked at after each of them.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { BesiegedManager } from '../support/besieged-manager.ts';
import { REFUSED_MESSAGE } from './hostile-answers.ts';

describe('a manager among agents that break the rules of sessions', () => {
  let besieged: BesiegedManager;
  let pid: number;
  before(async () => {
    besieged = await BesiegedManager.start();
    pid = besieged.manager.pid;
  });
  afterEach(async () => besieged.assertUnharmed(pid));
  after(async () => besieged?.destroy());

  describe('that speak for others', () => {
    test('by the session of another node, on a connection of their own', async () => {
      const others = { session: besieged.honest.session };
      for (const message of [
        { kind: 'heartbeat', ...others },
        { kind: 'report', ...others, facts: { containers: [] } },
        { kind: 'acknowledge', ...others, sequence: besieged.honest.sequence },
      ]) {
        const agent = await besieged.registered();
        agent.sendRaw(JSON.stringify(message));
        assert.match(await agent.over(), REFUSED_MESSAGE, message.kind);
      }
      assert.ok(!besieged.honest.isOver);
    });

    test('by a session of their own that has ended', async () => {
      const node = await besieged.node();
      const first = await besieged.registered([], node);
      const second = await besieged.registered([], node);
      assert.match(await first.over(), /^transport\.refused: .*newer connection/);
      assert.notEqual(first.session, second.session);
      second.sendRaw(JSON.stringify({ kind: 'heartbeat', session: first.session }));
      assert.match(await second.over(), REFUSED_MESSAGE);
    });

    test('by sessions that are guessed, or are none', async () => {
      for (const session of [
        '',
        '0'.repeat(32),
        'F'.repeat(32),
        'ab'.repeat(17),
        7,
        null,
        {},
        ['ab'.repeat(16)],
      ]) {
        const agent = await besieged.registered();
        agent.sendRaw(JSON.stringify({ kind: 'heartbeat', session }));
        assert.match(await agent.over(), REFUSED_MESSAGE, JSON.stringify(session));
      }
    });
  });

  describe('that break the order of things', () => {
    test('with acknowledgements of what was never sent, or was acknowledged', async () => {
      for (const sequence of [0, -1, 1.5, 2, 1e9, Number.MAX_SAFE_INTEGER, 2 ** 53, '1', null, [1]]) {
        const agent = await besieged.agent(undefined, { acknowledges: false });
        agent.register();
        await agent.complete();
        agent.sendRaw(JSON.stringify({ kind: 'acknowledge', session: agent.session, sequence }));
        assert.match(await agent.over(), REFUSED_MESSAGE, JSON.stringify(sequence));
      }
      const agent = await besieged.registered();
      agent.acknowledge();
      assert.match(await agent.over(), REFUSED_MESSAGE, 'the same one twice');
    });

    test('by speaking before they have registered, or registering twice', async () => {
      const session = 'ab'.repeat(16);
      for (const message of [
        { kind: 'heartbeat', session },
        { kind: 'acknowledge', session, sequence: 1 },
        { kind: 'report', session, facts: { containers: [] } },
      ]) {
        const agent = await besieged.agent();
        agent.sendRaw(JSON.stringify(message));
        assert.match(await agent.over(), REFUSED_MESSAGE, message.kind);
      }
      const agent = await besieged.registered();
      agent.register();
      assert.match(await agent.over(), REFUSED_MESSAGE);
    });

    test('with bytes that are no message', async () => {
      const bytes: readonly (Buffer | string)[] = [
        '',
        '{',
        '{"kind":"register"',
        'null\n{}',
        Buffer.from([0xff, 0xfe, 0x00, 0x7b, 0x80]),
        Buffer.from(`{"kind":"register","facts":{"containers":[{"name":"\xff"}]}}`, 'latin1'),
        Buffer.concat([
          Buffer.from([0xef, 0xbb, 0xbf]),
          Buffer.from('{"kind":"register","facts":{"containers":[]}}'),
        ]),
        '['.repeat(500_000),
        '{"a":'.repeat(150_000),
        `{"kind":"register","facts":{"containers":[{"labels":${'{"a":'.repeat(100_000)}${'}'.repeat(100_000)}}]}}`,
        `{"kind":"${'register'.repeat(100_000)}"}`,
        besieged.random.bytes(100_000),
      ];
      for (const [place, each] of bytes.entries()) {
        const agent = await besieged.agent();
        agent.sendRaw(each);
        assert.match(await agent.over(), REFUSED_MESSAGE, `bytes ${place}`);
      }
    });

    test('with frames that no node sends', async () => {
      for (const type of [4, 5, 6, 8, 9, 10, 11, 12, 0, 99, 255]) {
        const agent = await besieged.agent();
        agent.write(Buffer.from([0, 0, 0, 2, type, 0x7b]));
        assert.match(await agent.over(), /^transport\.|closed without a word/, `type ${type}`);
      }
      for (const length of [0, 1024 * 1024 + 2, 0x7fffffff, 0xffffffff]) {
        const agent = await besieged.agent();
        const head = Buffer.alloc(5, 1);
        head.writeUInt32BE(length);
        agent.write(head);
        assert.match(await agent.over(), /^transport\.frame-invalid: /, `length ${length}`);
      }
    });
  });
});

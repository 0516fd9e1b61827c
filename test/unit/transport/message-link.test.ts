// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { CofferError, silentLogger } from '../../../src/common/index.ts';
import { CredentialsSource, FRAME, messageHandler, type Protocol } from '../../../src/transport/index.ts';
import { StillClock } from '../../support/still-clock.ts';
import { waitFor } from '../../support/wait-for.ts';
import { TcpProxy } from './tcp-proxy.ts';
import {
  leafOf,
  listen,
  noCalls,
  openLink,
  protocolsOfAllKinds,
  RawPeer,
  removeAuthority,
} from './transport-harness.ts';

after(removeAuthority);

function until(condition: () => boolean, what: string): Promise<unknown> {
  return waitFor(condition, { what, interval_ms: 5 });
}

/** A quick link, so that what takes seconds in production takes less here. */
const QUICK = { ping_ms: 20, dead_ms: 200, backoffMin_ms: 5, backoffMax_ms: 20 };

test('messages arrive in order, and each one whole', async (t) => {
  const calls = noCalls();
  const { address } = await listen(t, protocolsOfAllKinds(calls));
  const link = openLink(t, address);
  assert.equal(link.send(Buffer.from('too early')), false);
  await until(() => link.isUp, 'the link to be up');
  const sizes = [0, 1, 300, 70_000, 5, 2_000_000, 300];
  sizes.forEach((size, index) => assert.ok(link.send(Buffer.alloc(size, index))));
  await until(() => calls.messages.length === sizes.length, 'all messages');
  calls.messages.forEach(({ from, payload }, index) => {
    assert.equal(from, 'm2');
    assert.deepEqual(payload, Buffer.alloc(sizes[index] ?? 0, index));
  });
});

test('a message is wiped once it was written, and also if it was dropped', async (t) => {
  const calls = noCalls();
  const { address } = await listen(t, protocolsOfAllKinds(calls));
  const link = openLink(t, address, { wipe: true });
  const dropped = Buffer.from('a secret');
  assert.equal(link.send(dropped), false);
  assert.deepEqual(dropped, Buffer.alloc(8));
  await until(() => link.isUp, 'the link to be up');
  const [small, large] = [Buffer.from('a secret'), Buffer.alloc(100_000, 1)];
  link.send(small);
  link.send(large);
  await until(() => calls.messages.length === 2, 'both messages');
  assert.equal(calls.messages[0]?.payload.toString(), 'a secret');
  assert.deepEqual(calls.messages[1]?.payload, Buffer.alloc(100_000, 1));
  await until(() => small.every((byte) => byte === 0) && large.every((byte) => byte === 0), 'the wiping');
});

test('A29: a peer that is not there is reported once, and is found when it starts and when it starts again', async (t) => {
  const calls = noCalls();
  const first = await listen(t, protocolsOfAllKinds(calls));
  const { address, port } = first;
  await first.listener.close();
  const reasons: CofferError[] = [];
  let ups = 0;
  let lost = 0;
  const link = openLink(t, address, {
    limits: QUICK,
    onUp: () => (ups += 1),
    onDown: (reason) => reasons.push(reason),
    onLost: () => (lost += 1),
  });
  await until(() => reasons.length === 1, 'the failure to be reported');
  assert.match(reasons[0]?.message ?? '', /transport\.unreachable.*nobody listens there/);
  assert.equal(link.send(Buffer.from('x')), false);
  assert.equal(lost, 1);
  const second = await listen(t, protocolsOfAllKinds(calls), { port });
  await until(() => ups === 1, 'the link to be up');
  assert.equal(link.lastReason, undefined);
  await second.listener.close();
  await until(() => !link.isUp, 'the link to be down');
  await listen(t, protocolsOfAllKinds(calls), { port });
  await until(() => ups === 2, 'the link to be up again');
  assert.ok(link.send(Buffer.from('y')));
  await until(() => calls.messages.length === 1, 'the message');
  assert.deepEqual(
    reasons.map(({ code }) => code),
    ['transport.unreachable', 'transport.unreachable'],
  );
});

/** A clock on which time stands, that keeps what it was asked for. */
class RecordingClock extends StillClock {
  readonly delays_ms: number[] = [];

  override setTimer(delay_ms: number, callback: () => void): ReturnType<StillClock['setTimer']> {
    this.delays_ms.push(delay_ms);
    return super.setTimer(delay_ms, callback);
  }
}

for (const [random, first_ms, last_ms] of [
  [0, 25, 1_000],
  [0.5, 37.5, 1_500],
] as const) {
  test(`attempts that fail come twice as late each time, up to a limit, at ${random} of the jitter`, async (t) => {
    const clock = new RecordingClock();
    const gone = await listen(t, []);
    await gone.listener.close();
    openLink(t, gone.address, { clock, random: () => random });
    const delays_ms: number[] = [];
    for (let attempt = 1; attempt <= 9; attempt += 1) {
      // Each attempt sets the timer of its connection, and that of the next attempt.
      await until(() => clock.delays_ms.length === 2 * attempt, `attempt ${attempt} to fail`);
      const delay_ms = clock.delays_ms.at(-1) ?? 0;
      delays_ms.push(delay_ms);
      clock.advance(delay_ms);
    }
    const expected = Array.from({ length: 9 }, (_, index) => Math.min(first_ms * 2 ** index, last_ms));
    assert.deepEqual(delays_ms, expected);
  });
}

test('a peer that falls silent is noticed by the link, and the peer lets go of a link that falls silent', async (t) => {
  const clock = new StillClock();
  const { listener, port } = await listen(t, protocolsOfAllKinds(noCalls()), { clock });
  const proxy = await TcpProxy.open(t, port);
  const reasons: CofferError[] = [];
  const link = openLink(t, proxy.address, { limits: QUICK, onDown: (reason) => reasons.push(reason) });
  await until(() => link.isUp, 'the link to be up');
  proxy.silence();
  await until(() => reasons.length > 0, 'the silence to be noticed');
  assert.match(reasons[0]?.message ?? '', /transport\.timeout.*node m1 has sent nothing for 200 ms/);
  await until(() => {
    clock.advance(500);
    return listener.connections.length === 0;
  }, 'the peer to let go');
  proxy.cut();
  proxy.restore();
  await until(() => link.isUp, 'the link to be up again');
});

test('a link over which nothing is sent stays up', async (t) => {
  const { address, listener } = await listen(t, protocolsOfAllKinds(noCalls()));
  const clock = new StillClock();
  let downs = 0;
  const link = openLink(t, address, { clock, onDown: () => (downs += 1) });
  await until(() => link.isUp, 'the link to be up');
  for (let seconds = 0; seconds < 30; seconds += 1) {
    clock.advance(500);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  }
  assert.equal(downs, 0);
  assert.equal(listener.connections.length, 1);
});

test('A29: a refusal is told in the words of the peer, also when the reason changes', async (t) => {
  let removed = false;
  const { address, listener } = await listen(t, protocolsOfAllKinds(noCalls()), {
    authorize: () =>
      removed ? new CofferError('cluster.node-removed', 'm2 was removed', { hint: 'Join anew.' }) : undefined,
  });
  const reasons: CofferError[] = [];
  const link = openLink(t, address, { limits: QUICK, onDown: (reason) => reasons.push(reason) });
  await until(() => link.isUp, 'the link to be up');
  removed = true;
  listener.cut(() => true);
  await until(() => reasons.length === 2, 'the cut and the refusal');
  assert.deepEqual(
    reasons.map(({ code, detail, hint }) => [code, code === 'cluster.node-removed' ? [detail, hint] : []]),
    [
      ['transport.unreachable', []],
      ['cluster.node-removed', ['m2 was removed', 'Join anew.']],
    ],
  );
});

test('A29: an address that changes takes effect at once with a nudge, while the link waits for its next attempt', async (t) => {
  const one = await listen(t, protocolsOfAllKinds(noCalls()));
  // Waiting: without the nudge it would wait for an hour.
  const hour_ms = 3_600_000;
  let address = '127.0.0.1:1';
  let failures = 0;
  const link = openLink(t, () => address, {
    limits: { backoffMin_ms: hour_ms, backoffMax_ms: hour_ms },
    onDown: () => (failures += 1),
  });
  await until(() => failures === 1, 'the first attempt to fail');
  address = one.address;
  link.nudge();
  await until(() => link.isUp, 'the link to be up');
  link.nudge();
  assert.ok(link.isUp, 'a nudge without a reason changes nothing');
});

test('a link that is up moves to the new address of its peer', async (t) => {
  const [first, second] = [noCalls(), noCalls()];
  const one = await listen(t, protocolsOfAllKinds(first));
  const two = await listen(t, protocolsOfAllKinds(second));
  let address = one.address;
  const link = openLink(t, () => address, { limits: QUICK });
  await until(() => link.isUp, 'the link to be up');
  address = two.address;
  link.nudge();
  await until(() => two.listener.connections.length === 1 && link.isUp, 'the link to have moved');
  assert.ok(link.send(Buffer.from('x')));
  await until(() => second.messages.length === 1, 'the message at the new address');
  assert.deepEqual(first.messages, []);
});

test('an attempt at an address where nobody answers gives way to the new address', async (t) => {
  const { address: right, port } = await listen(t, protocolsOfAllKinds(noCalls()));
  const proxy = await TcpProxy.open(t, port);
  proxy.silence();
  let address = proxy.address;
  const link = openLink(t, () => address);
  address = right;
  link.nudge();
  await until(() => link.isUp, 'the link to be up');
});

test('a peer that does not read makes the link drop what is too much, and costs a bounded memory', async (t) => {
  const { port } = await listen(t, protocolsOfAllKinds(noCalls()));
  const proxy = await TcpProxy.open(t, port);
  const limits = { queue_bytes: 1_000_000, queueCount: 50, dead_ms: 3_600_000 };
  let lost = 0;
  const link = openLink(t, proxy.address, { limits, onLost: () => (lost += 1) });
  await until(() => link.isUp, 'the link to be up');
  proxy.silence();
  const payload = Buffer.alloc(100_000);
  let taken = 0;
  await until(() => {
    taken += link.send(payload) ? 1 : 0;
    return lost > 100;
  }, 'messages to be dropped');
  assert.ok(taken * payload.length < 32 * 1024 * 1024, `${taken} were taken`);
});

test('many small messages are dropped by their count', async (t) => {
  const { address } = await listen(t, protocolsOfAllKinds(noCalls()));
  const link = openLink(t, address, { limits: { queueCount: 100 } });
  await until(() => link.isUp, 'the link to be up');
  const results = Array.from({ length: 150 }, () => link.send(Buffer.from('x')));
  assert.equal(results.filter(Boolean).length, 100);
});

test('a message that its handler cannot read cuts the link with its reason, and the next one comes up', async (t) => {
  const taken: string[] = [];
  const protocol: Protocol = {
    name: 'raft/1',
    policy: 'member',
    handler: messageHandler({
      message_bytes: 1_000,
      onMessage: (_peer, payload) => {
        if (payload.toString() === 'bad') {
          throw new CofferError('raft.message-invalid', 'that is no message');
        }
        taken.push(payload.toString());
      },
    }),
  };
  const { address } = await listen(t, [protocol]);
  const reasons: CofferError[] = [];
  const link = openLink(t, address, { limits: QUICK, onDown: (reason) => reasons.push(reason) });
  await until(() => link.isUp, 'the link to be up');
  link.send(Buffer.from('bad'));
  await until(() => reasons.length === 1, 'the reason');
  assert.match(reasons[0]?.message ?? '', /raft\.message-invalid.*that is no message/);
  await until(() => link.isUp, 'the link to be up again');
  link.send(Buffer.alloc(1_001));
  await until(() => reasons.length === 2, 'the second reason');
  assert.match(reasons[1]?.message ?? '', /1001 bytes where 1000 are the most/);
  await until(() => link.isUp, 'the link to be up again');
  link.send(Buffer.from('good'));
  await until(() => taken.length === 1, 'the good one');
});

test('a server that sends what has no place on a link is cut', async (t) => {
  const { address } = await listen(t, [
    {
      name: 'raft/1',
      policy: 'member',
      handler: {
        frameLimit_bytes: 100,
        idle_ms: 10_000,
        connectionsPerPeer: 4,
        accept: (connection) => {
          queueMicrotask(() => connection.send(FRAME.data, Buffer.from('x')));
          return { onFrame: () => undefined, onClose: () => undefined };
        },
      },
    },
  ]);
  const reasons: CofferError[] = [];
  openLink(t, address, { limits: QUICK, onDown: (reason) => reasons.push(reason) });
  await until(() => reasons.length > 0, 'the reason');
  assert.match(reasons[0]?.message ?? '', /transport\.frame-invalid.*type 1/);
});

test('a link that was closed calls nobody back and connects no more', async (t) => {
  const { address, listener } = await listen(t, protocolsOfAllKinds(noCalls()));
  let called = 0;
  const count = (): void => void (called += 1);
  const closed = [0, 1].map(() => openLink(t, address, { onUp: count, onDown: count, onLost: count }));
  const [dialing, up] = closed;
  dialing?.close();
  await until(() => up?.isUp === true, 'the other link to be up');
  up?.close();
  await until(() => listener.connections.length === 0, 'both to be gone');
  closed.forEach((link) => {
    link.nudge();
    link.close();
  });
  const other = await RawPeer.member(t, Number(address.split(':')[1]), 'raft/1').accepted();
  assert.equal(other.isOver, false);
  assert.equal(called, 1, 'the one that came up');
  assert.equal(listener.connections.length, 1);
});

test('the peer that connects is told of, so that the link to it can be nudged', async (t) => {
  const connected: string[] = [];
  const handler = messageHandler({
    message_bytes: 100,
    onMessage: () => undefined,
    onConnected: ({ nodeId }) => connected.push(nodeId),
  });
  const { address } = await listen(t, [{ name: 'raft/1', policy: 'member', handler }]);
  openLink(t, address, { credentials: new CredentialsSource(leafOf('m3')), logger: silentLogger });
  await until(() => connected.length === 1, 'the peer to connect');
  assert.deepEqual(connected, ['m3']);
});

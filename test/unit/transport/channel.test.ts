// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, test, type TestContext } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import {
  type Channel,
  channelHandler,
  type ChannelHandlerOptions,
  CredentialsSource,
  FRAME,
  openChannel,
  type OpenChannelOptions,
  type Protocol,
} from '../../../src/transport/index.ts';
import { StillClock } from '../../support/still-clock.ts';
import { waitFor } from '../../support/wait-for.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { EXPECT_M1, leafOf, listen, RawPeer, removeAuthority } from './transport-harness.ts';

after(removeAuthority);

const MESSAGE_BYTES = 100_000;

function until(condition: () => boolean, what: string): Promise<unknown> {
  return waitFor(condition, { what, interval_ms: 5 });
}

/** One end of a channel, and what came over it. */
class End {
  channel: Channel | undefined;
  readonly messages: Buffer[] = [];
  readonly reasons: CofferError[] = [];

  accept(channel: Channel): this {
    this.channel = channel;
    return this;
  }

  onMessage(payload: Buffer): void {
    this.messages.push(Buffer.from(payload));
  }

  onClose(reason: CofferError): void {
    this.reasons.push(reason);
  }

  send(text: string | Buffer): boolean {
    return this.channel?.send(Buffer.from(text)) ?? false;
  }

  get texts(): readonly string[] {
    return this.messages.map(String);
  }
}

/** `channel/1`, whose channels go to `ends`. */
function channelProtocol(ends: End[], options: Partial<ChannelHandlerOptions> = {}): Protocol {
  return {
    name: 'channel/1',
    policy: 'member',
    handler: channelHandler({
      message_bytes: MESSAGE_BYTES,
      queue_bytes: 1_000_000,
      accept: (_peer, channel) => {
        const end = new End().accept(channel);
        ends.push(end);
        return end;
      },
      ...options,
    }),
  };
}

/** A channel from m2 to m1, closed after the test. */
async function open(
  t: TestContext,
  address: string,
  end: End,
  options: Partial<OpenChannelOptions> = {},
): Promise<Channel> {
  const channel = await openChannel({
    address,
    protocol: 'channel/1',
    credentials: new CredentialsSource(leafOf('m2')),
    expect: EXPECT_M1,
    message_bytes: MESSAGE_BYTES,
    queue_bytes: 1_000_000,
    accept: (opened) => end.accept(opened),
    ...options,
  });
  t.after(() => channel.close(new CofferError('transport.unreachable', 'the test is over')));
  return channel;
}

/** Both ends of one channel. */
async function both(t: TestContext): Promise<{ readonly near: End; readonly far: End }> {
  const ends: End[] = [];
  const { address } = await listen(t, [channelProtocol(ends)]);
  const near = new End();
  await open(t, address, near);
  const [far] = ends;
  assert.ok(far !== undefined);
  return { near, far };
}

test('messages arrive in order and whole, in both directions at once', async (t) => {
  const { near, far } = await both(t);
  const sizes = [0, 1, 300, 70_000, 5, MESSAGE_BYTES, 300];
  sizes.forEach((size, index) => {
    assert.ok(near.send(Buffer.alloc(size, index)));
    assert.ok(far.send(Buffer.alloc(size, 100 + index)));
  });
  await until(() => near.messages.length === sizes.length, 'all messages at one end');
  await until(() => far.messages.length === sizes.length, 'all messages at the other');
  assert.deepEqual(
    far.messages,
    sizes.map((size, index) => Buffer.alloc(size, index)),
  );
  assert.deepEqual(
    near.messages,
    sizes.map((size, index) => Buffer.alloc(size, 100 + index)),
  );
});

test('a side that accepts may send at once, and the other has its channel before the first message', async (t) => {
  const { address } = await listen(t, [
    channelProtocol([], {
      accept: (peer, channel) => {
        channel.send(Buffer.from(`welcome ${peer.nodeId}`));
        return new End();
      },
    }),
  ]);
  const seen: string[] = [];
  await open(t, address, new End(), {
    accept: () => {
      seen.push('channel');
      return { onMessage: (payload) => void seen.push(payload.toString()), onClose: () => undefined };
    },
  });
  await until(() => seen.length === 2, 'the message');
  assert.deepEqual(seen, ['channel', 'welcome m2']);
});

test('a message is wiped once it was written, and also if the channel is closed', async (t) => {
  const { near, far } = await both(t);
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    const [small, large] = [Buffer.from('a secret'), Buffer.alloc(MESSAGE_BYTES, 1)];
    assert.ok(from.channel?.send(small));
    assert.ok(from.channel?.send(large));
    await until(() => to.messages.length === 2, 'both messages');
    assert.equal(to.messages[0]?.toString(), 'a secret');
    await until(() => small.every((byte) => byte === 0) && large.every((byte) => byte === 0), 'the wiping');
  }
  near.channel?.close(new CofferError('transport.unreachable', 'done'));
  const late = Buffer.from('a secret');
  assert.equal(near.channel?.send(late), false);
  assert.deepEqual(late, Buffer.alloc(8));
});

test('either side ends it with a reason, which the other side is told after all that was sent before', async (t) => {
  for (const closes of ['near', 'far'] as const) {
    const ends = await both(t);
    const [from, to] = closes === 'near' ? [ends.near, ends.far] : [ends.far, ends.near];
    from.send('the last word');
    from.channel?.close(new CofferError('cluster.not-leader', 'm3 leads now', { hint: 'Ask m3.' }));
    assert.equal(from.send('too late'), false);
    await until(() => from.reasons.length === 1 && to.reasons.length === 1, 'both ends to know');
    assert.deepEqual(to.texts, ['the last word']);
    for (const { code, detail, hint } of [...from.reasons, ...to.reasons]) {
      assert.deepEqual([code, detail, hint], ['cluster.not-leader', 'm3 leads now', 'Ask m3.']);
    }
  }
});

test('what a receiver throws is told to the other side, but not the words of an error that is not coffer’s', async (t) => {
  for (const [thrown, expected] of [
    [new CofferError('request.invalid', 'that is no message'), /request\.invalid.*that is no message/],
    [new Error('cannot parse "the value"'), /internal\.unexpected.*did not foresee/],
  ] as const) {
    const end = new End();
    end.onMessage = () => {
      throw thrown;
    };
    const { address } = await listen(t, [channelProtocol([], { accept: () => end })]);
    const near = new End();
    await open(t, address, near);
    near.send('x');
    await until(() => near.reasons.length === 1 && end.reasons.length === 1, 'both ends to know');
    assert.match(near.reasons[0]?.message ?? '', expected);
    assert.doesNotMatch(near.reasons[0]?.message ?? '', /the value/);
  }
});

test('an attempt that is refused, or leads nowhere or to another node, says why', async (t) => {
  const objection = new CofferError('cluster.node-removed', 'm2 was removed', { hint: 'Join anew.' });
  const { address } = await listen(t, [channelProtocol([])], { authorize: () => objection });
  await assert.rejects(open(t, address, new End()), { code: 'cluster.node-removed', hint: 'Join anew.' });
  const busy = await listen(t, [
    channelProtocol([], {
      accept: () => {
        throw new CofferError('cluster.not-leader', 'm3 leads');
      },
    }),
  ]);
  await assert.rejects(open(t, busy.address, new End()), { code: 'cluster.not-leader' });
  const other = { expect: { ...EXPECT_M1, nodeId: 'm9' } };
  await assert.rejects(open(t, busy.address, new End(), other), /m9/);
  await busy.listener.close();
  await assert.rejects(open(t, busy.address, new End()), { code: 'transport.unreachable' });
});

test('an attempt can be given up, before and while it is made', async (t) => {
  const { listener, port } = await listen(t, [channelProtocol([])]);
  const proxy = await TcpProxy.open(t, port);
  proxy.silence();
  const giveUp = new AbortController();
  const attempt = open(t, proxy.address, new End(), { signal: giveUp.signal });
  giveUp.abort();
  await assert.rejects(attempt, /was given up/);
  await assert.rejects(open(t, proxy.address, new End(), { signal: giveUp.signal }), /was given up/);
  proxy.restore();
  await until(() => listener.handshakes === 0 && listener.connections.length === 0, 'nothing to be left');
});

test('a caller that makes nothing of the channel has none, and leaves no connection', async (t) => {
  const ends: End[] = [];
  const { address, listener } = await listen(t, [channelProtocol(ends)]);
  const accept = (): never => {
    throw new CofferError('internal.invariant', 'not now');
  };
  await assert.rejects(open(t, address, new End(), { accept }), /not now/);
  await until(() => listener.connections.length === 0, 'the connection to be gone');
  assert.equal(ends[0]?.reasons.length, 1);
});

test('a side that falls silent is noticed by the other, whichever it is', async (t) => {
  const clock = new StillClock();
  const ends: End[] = [];
  const { port } = await listen(t, [channelProtocol(ends)], { clock });
  const proxy = await TcpProxy.open(t, port);
  const near = new End();
  await open(t, proxy.address, near, { ping_ms: 20, dead_ms: 200 });
  proxy.silence();
  await until(() => near.reasons.length === 1, 'the silence to be noticed');
  assert.match(near.reasons[0]?.message ?? '', /transport\.timeout.*node m1 has sent nothing for 200 ms/);
  let waited_ms = 0;
  await until(() => {
    clock.advance(500);
    waited_ms += 500;
    return ends[0]?.reasons.length === 1;
  }, 'the listener to notice');
  assert.match(ends[0]?.reasons[0]?.message ?? '', /has sent nothing for 6000 ms/);
  assert.ok(waited_ms >= 6_000);
});

test('a channel over which nothing is sent stays open', async (t) => {
  const clock = new StillClock();
  const ends: End[] = [];
  const { address } = await listen(t, [channelProtocol(ends)], { clock });
  const near = new End();
  await open(t, address, near, { clock });
  for (let seconds = 0; seconds < 30; seconds += 1) {
    clock.advance(1_000);
    // A ping, and its answer.
    for (let turn = 0; turn < 4; turn += 1) {
      await new Promise(setImmediate);
    }
  }
  assert.deepEqual([near.reasons, ends[0]?.reasons], [[], []]);
  assert.ok(near.send('still here'));
  await until(() => ends[0]?.texts[0] === 'still here', 'the message');
});

test('a side that does not read is cut when more waits than the limit, and what waits is wiped', async (t) => {
  const ends: End[] = [];
  const { listener, port } = await listen(t, [channelProtocol(ends)]);
  const proxy = await TcpProxy.open(t, port);
  const near = new End();
  await open(t, proxy.address, near);
  proxy.silence();
  for (const end of [near, ends[0]]) {
    assert.ok(end !== undefined);
    const sent: Buffer[] = [];
    await until(() => {
      const payload = Buffer.alloc(MESSAGE_BYTES, 7);
      sent.push(payload);
      return end.channel?.send(payload) === false;
    }, 'the limit to be met');
    assert.ok(sent.length * MESSAGE_BYTES < 32 * 1024 * 1024, `${sent.length} messages were taken`);
    await until(() => end.reasons.length === 1, 'the channel to be gone');
    assert.match(end.reasons[0]?.message ?? '', /more than 1000000 bytes wait for node m[12]/);
    await until(() => sent.every((payload) => payload.every((byte) => byte === 0)), 'all to be wiped');
  }
  assert.equal(listener.connections.length, 0);
});

test('a node that connects again and again keeps its newest channels', async (t) => {
  const ends: End[] = [];
  const { address, listener } = await listen(t, [channelProtocol(ends, { connectionsPerPeer: 1 })]);
  const nears = [new End(), new End(), new End()];
  for (const near of nears) {
    await open(t, address, near);
  }
  await until(() => listener.connections.length === 1, 'the older ones to be gone');
  await until(() => nears[0]?.reasons.length === 1 && nears[1]?.reasons.length === 1, 'them to know');
  nears[2]?.send('x');
  await until(() => ends[2]?.texts[0] === 'x', 'the message');
});

test('a connected side that sends more than a message may have is cut, and told so', async (t) => {
  const ends: End[] = [];
  const { address } = await listen(t, [channelProtocol(ends, { message_bytes: 1_000 })]);
  const near = new End();
  await open(t, address, near, { message_bytes: 500 });
  // Within what a frame may have, for the sake of refusals.
  near.send(Buffer.alloc(1_001));
  await until(() => near.reasons.length === 1, 'the refusal');
  assert.match(near.reasons[0]?.message ?? '', /frame-invalid.*1001 bytes where 1000 are the most/);
  const again = new End();
  await open(t, address, again, { message_bytes: 500 });
  ends[1]?.send(Buffer.alloc(501));
  await until(() => ends[1]?.reasons.length === 1, 'the refusal of the connecting side');
  assert.match(ends[1]?.reasons[0]?.message ?? '', /frame-invalid.*501 bytes where 500 are the most/);
});

function frame(type: number, payload: Buffer, announced_bytes = payload.length): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(announced_bytes + 1);
  header[4] = type;
  return Buffer.concat([header, payload]);
}

test('every other type of frame cuts its sender, and so does a refusal that cannot be read', async (t) => {
  const ends: End[] = [];
  const { listener, port } = await listen(t, [channelProtocol(ends)]);
  const types = Object.values(FRAME).filter(
    (type) => type !== FRAME.data && type !== FRAME.ping && type !== FRAME.pong,
  );
  for (const type of types) {
    const peer = await RawPeer.member(t, port, 'channel/1').accepted();
    peer.socket.write(
      Buffer.concat([frame(type, Buffer.from('nonsense')), frame(FRAME.data, Buffer.from('x'))]),
    );
    assert.match((await peer.over()).refusal ?? '', /transport\.frame-invalid/);
    assert.deepEqual(ends.at(-1)?.texts, []);
  }
  await until(() => listener.connections.length === 0, 'all to be gone');
});

test('an announced frame beyond the limit is refused before a byte of it is kept', async (t) => {
  const { port } = await listen(t, [channelProtocol([])]);
  const peer = await RawPeer.member(t, port, 'channel/1').accepted();
  peer.socket.write(frame(FRAME.data, Buffer.alloc(0), 0xffff_fff0));
  assert.match((await peer.over()).refusal ?? '', /4294967280 bytes where 100000 are the most/);
});

test('a peer that cannot ping, since it sends a frame that takes long, sees that this side lives; one that can is not told', async (t) => {
  const clock = new StillClock();
  const { port } = await listen(t, [channelProtocol([])], { clock });
  const peer = await RawPeer.member(t, port, 'channel/1').accepted();
  const pongs = (): number => peer.frames.filter(({ type }) => type === FRAME.pong).length;
  /** The listener looks each half second. */
  const wait = async (time_ms: number): Promise<void> => {
    for (let at_ms = 0; at_ms < time_ms; at_ms += 500) {
      clock.advance(500);
      await new Promise(setImmediate);
    }
  };
  for (let pings = 1; pings <= 3; pings += 1) {
    peer.socket.write(
      Buffer.concat([frame(FRAME.ping, Buffer.alloc(0)), frame(FRAME.data, Buffer.from('hello'))]),
    );
    await until(() => pongs() === pings, 'an answer');
    await wait(2_000);
  }
  peer.socket.write(frame(FRAME.data, Buffer.alloc(1), MESSAGE_BYTES));
  for (let parts = 0; parts < 4; parts += 1) {
    peer.socket.write(Buffer.alloc(1));
    await wait(1_000);
  }
  await until(() => pongs() === 4, 'a sign of life');
  assert.equal(peer.isOver, false);
});

test('a frame that dribbles in without end is cut after its time', async (t) => {
  const clock = new StillClock();
  const { listener, port } = await listen(t, [channelProtocol([])], { clock });
  const peer = await RawPeer.member(t, port, 'channel/1').accepted();
  peer.socket.write(frame(FRAME.data, Buffer.alloc(1), MESSAGE_BYTES));
  await until(() => {
    peer.socket.write(Buffer.alloc(1));
    clock.advance(500);
    return listener.connections.length === 0;
  }, 'it to be cut');
  // By that clock it has a second to read why.
  await peer.over();
  assert.match(peer.refusal ?? '', /not complete after 60000 ms/);
});

test('a flood of messages reaches its receiver one by one, and keeps no other node from its channel', async (t) => {
  const ends: End[] = [];
  const { address, port } = await listen(t, [channelProtocol(ends)]);
  const flooder = await RawPeer.member(t, port, 'channel/1', leafOf('m3')).accepted();
  const count = 50_000;
  const message = frame(FRAME.data, Buffer.alloc(64, 1));
  flooder.socket.write(Buffer.concat(Array.from({ length: count }, () => message)));
  const near = new End();
  await open(t, address, near);
  near.send('me too');
  await until(() => ends.some(({ texts }) => texts[0] === 'me too'), 'the message of the other node');
  await until(() => ends[0]?.messages.length === count, 'the flood to have been taken in');
  assert.equal(flooder.isOver, false);
});

test('a peer that asks without end and reads no answer is cut at the limit', async (t) => {
  const ends: End[] = [];
  const { listener, port } = await listen(t, [
    channelProtocol(ends, {
      accept: (_peer, channel) => {
        const end = new End().accept(channel);
        end.onMessage = () => void channel.send(Buffer.alloc(MESSAGE_BYTES));
        ends.push(end);
        return end;
      },
    }),
  ]);
  const peer = await RawPeer.member(t, port, 'channel/1').accepted();
  peer.socket.pause();
  await until(() => {
    peer.socket.write(frame(FRAME.data, Buffer.from('more')));
    return listener.connections.length === 0;
  }, 'it to be cut');
  assert.match(ends[0]?.reasons[0]?.message ?? '', /bytes wait for node m2, which does not read them/);
});

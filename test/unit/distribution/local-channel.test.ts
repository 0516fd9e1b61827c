// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { Channel, ChannelEvents } from '../../../src/transport/index.ts';
import { openLocalChannel } from '../../../src/distribution/local-channel.ts';

class Recorder implements ChannelEvents {
  readonly messages: string[] = [];
  readonly reasons: CofferError[] = [];
  readonly #answer: (message: string) => void;

  constructor(answer: (message: string) => void = () => undefined) {
    this.#answer = answer;
  }

  onMessage(payload: Buffer): void {
    const message = payload.toString();
    this.messages.push(message);
    this.#answer(message);
  }

  onClose(reason: CofferError): void {
    this.reasons.push(reason);
  }
}

interface Pair {
  readonly near: Recorder;
  readonly far: Recorder;
  readonly nearChannel: Channel;
  readonly farChannel: Channel;
}

function openPair(answer?: (message: string) => void): Pair {
  const near = new Recorder();
  const far = new Recorder(answer);
  const opened: Channel[] = [];
  const nearChannel = openLocalChannel((channel) => {
    opened.push(channel);
    return far;
  }, near);
  const [farChannel] = opened;
  assert.ok(farChannel !== undefined);
  return { near, far, nearChannel, farChannel };
}

describe('a channel within one process', () => {
  test('carries messages both ways, in order, and never within the call that sends them', async () => {
    const { far, farChannel, near, nearChannel } = openPair();
    assert.ok(nearChannel.send(Buffer.from('one')));
    assert.ok(nearChannel.send(Buffer.from('two')));
    assert.ok(farChannel.send(Buffer.from('three')));
    assert.deepEqual([far.messages, near.messages], [[], []]);
    await nextTurn();
    assert.deepEqual([far.messages, near.messages], [['one', 'two'], ['three']]);
  });

  test('has the zeros that are to be behind a message', async () => {
    const { near, farChannel } = openPair();
    const payload = Buffer.from('value');
    assert.ok(farChannel.send(payload, 3));
    assert.ok(
      payload.every((byte) => byte === 0),
      'the copy alone is delivered',
    );
    await nextTurn();
    assert.deepEqual(near.messages, ['value\0\0\0']);
  });

  test('tells both ends once when one of them closes it, and drops and wipes what was under way', async () => {
    const { far, farChannel, near, nearChannel } = openPair();
    const late = Buffer.from('too late');
    nearChannel.send(late);
    farChannel.close(new CofferError('cluster.not-leader', 'another manager leads'));
    nearChannel.close(new CofferError('transport.unreachable', 'closed'));
    await nextTurn();
    await nextTurn();
    assert.deepEqual(
      [...near.reasons, ...far.reasons].map(({ code }) => code),
      ['cluster.not-leader', 'cluster.not-leader'],
    );
    assert.deepEqual(far.messages, []);
    assert.ok(late.every((byte) => byte === 0));
    const refused = Buffer.from('closed');
    assert.equal(nearChannel.send(refused), false);
    assert.ok(refused.every((byte) => byte === 0));
  });

  test('ends with the reason that a receiver throws', async () => {
    const { near, nearChannel } = openPair(() => {
      throw new CofferError('request.invalid', 'not understood');
    });
    nearChannel.send(Buffer.from('nonsense'));
    await nextTurn();
    await nextTurn();
    assert.deepEqual(
      near.reasons.map(({ code }) => code),
      ['request.invalid'],
    );
  });

  test('is not opened if the far end refuses', () => {
    const near = new Recorder();
    assert.throws(
      () =>
        openLocalChannel(() => {
          throw new CofferError('cluster.not-leader', 'another manager leads');
        }, near),
      { code: 'cluster.not-leader' },
    );
  });

  test('is drained when all of it was received, or it is closed', async () => {
    const { nearChannel } = openPair();
    await nearChannel.drained();
    let drained = 0;
    const drain = (): void => void nearChannel.drained().then(() => (drained += 1));
    nearChannel.send(Buffer.alloc(1));
    drain();
    await Promise.resolve();
    assert.equal(drained, 0);
    await nextTurn();
    assert.equal(drained, 1);
    nearChannel.send(Buffer.alloc(1));
    drain();
    nearChannel.close(new CofferError('transport.unreachable', 'enough'));
    await Promise.resolve();
    assert.equal(drained, 2);
  });

  test('takes no more than sixteen mebibytes that were not received', () => {
    const { nearChannel } = openPair();
    const taken = Array.from({ length: 20 }, () => nearChannel.send(Buffer.alloc(1024 * 1024)));
    assert.equal(taken.filter((was) => was).length, 16);
  });
});

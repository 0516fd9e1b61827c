// SPDX-License-Identifier: Apache-2.0
// When the leader looks at rotations, and when it leaves the swarm to itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError, type Logger, silentLogger } from '../../../src/common/index.ts';
import { RotationLoop } from '../../../src/rotation/index.ts';

type Look = 'idle' | 'waiting' | 'moved' | 'fails';

interface Played {
  readonly loop: RotationLoop;
  /** Looks and pauses in their order. */
  readonly played: string[];
  readonly warnings: string[];
  /** Resolves when all looks are used up, and the loop has had time to go on. */
  readonly ended: Promise<void>;
}

function play(
  looks: readonly Look[],
  onLook: (loop: RotationLoop, at: number) => void = () => undefined,
): Played {
  const played: string[] = [];
  const warnings: string[] = [];
  let resolve = (): void => undefined;
  const ended = new Promise<void>((done) => {
    resolve = done;
  });
  const logger: Logger = {
    ...silentLogger,
    warn: (_text, fields) => warnings.push(String(fields?.['reason'])),
  };
  const runner = {
    look: async (): Promise<Exclude<Look, 'fails'>> => {
      const at = played.filter((each) => each !== 'pause').length;
      const look = looks[at] ?? 'idle';
      played.push(look);
      onLook(loop, at);
      if (at >= looks.length - 1) {
        setImmediate(() => resolve());
      }
      if (look === 'fails') {
        throw new CofferError('engine.unreachable', 'no answer');
      }
      return look;
    },
  };
  const pause = async (): Promise<void> => void played.push('pause');
  const loop = new RotationLoop({ runner, pause, logger });
  return { loop, played, warnings, ended };
}

test('a rotation is looked at until there is none, with a pause where it waits for the swarm', async () => {
  const { ended, loop, played } = play(['moved', 'waiting', 'moved', 'waiting', 'idle']);
  loop.wake();
  await ended;
  assert.deepEqual(played, ['moved', 'waiting', 'pause', 'moved', 'waiting', 'pause', 'idle']);
});

test('what is begun during the last look is looked at as well, by one loop alone', async () => {
  const { ended, loop, played } = play(['idle', 'moved', 'idle'], (self, at) => {
    if (at === 0) {
      self.wake();
      self.wake();
    }
  });
  loop.wake();
  await ended;
  assert.deepEqual(played, ['idle', 'moved', 'idle']);
});

test('an engine that does not answer is told of once, and asked again after each pause', async () => {
  const { ended, loop, played, warnings } = play(['fails', 'fails', 'moved', 'fails', 'idle']);
  loop.wake();
  await ended;
  assert.deepEqual(played, ['fails', 'pause', 'fails', 'pause', 'moved', 'fails', 'pause', 'idle']);
  assert.deepEqual(warnings.length, 2, warnings.join(', '));
});

test('a loop that is stopped looks no more', async () => {
  const { ended, loop, played } = play(['waiting'], (self) => self.stop());
  loop.wake();
  await ended;
  loop.wake();
  assert.deepEqual(played, ['waiting', 'pause']);
});

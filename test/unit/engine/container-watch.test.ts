// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { type ContainerNews, ContainerWatch, EngineClient } from '../../../src/engine/index.ts';
import { OneEngineSwarm } from '../../support/one-engine-swarm.ts';
import { StillClock } from '../../support/still-clock.ts';
import { waitFor } from '../../support/wait-for.ts';

function until(condition: () => boolean, what: string): Promise<unknown> {
  return waitFor(condition, { what, interval_ms: 2 });
}

interface Room {
  readonly swarm: OneEngineSwarm;
  readonly watch: ContainerWatch;
  readonly clock: StillClock;
  readonly news: ContainerNews[];
}

async function startedRoom(t: TestContext): Promise<Room> {
  const swarm = await OneEngineSwarm.start(t);
  const clock = new StillClock();
  const client = new EngineClient({ socketPath: swarm.engine.socketPath, timeout_ms: 2_000 });
  const watch = new ContainerWatch({ client, clock, backOff: { first_ms: 5, longest_ms: 20 } });
  t.after(() => watch.stop());
  const news: ContainerNews[] = [];
  watch.watch((what) => news.push(what));
  watch.start();
  watch.start();
  await until(() => {
    clock.advance(20);
    return news.length === 1;
  }, 'the stream to open');
  assert.deepEqual(news.splice(0), ['change']);
  return { swarm, watch, clock, news };
}

test('whatever happens to containers is told, and what comes together is told once', async (t) => {
  const { clock, news, swarm } = await startedRoom(t);
  for (const action of ['create', 'start', 'die', 'destroy', 'rename', 'pause']) {
    swarm.emit('container', action);
    await until(() => {
      clock.advance(20);
      return news.length === 1;
    }, `the news of ${action}`);
    assert.deepEqual(news.splice(0), ['change']);
  }
  for (let count = 0; count < 50; count += 1) {
    swarm.emit('container', 'start', `c${count}`);
  }
  await new Promise(setImmediate);
  await until(() => {
    clock.advance(20);
    return news.length > 0;
  }, 'the news of all');
  assert.ok(news.length < 5, `${news.length} times for 50 starts`);
});

test('only what changes a container is asked for, since health checks have events as well', async (t) => {
  const { swarm } = await startedRoom(t);
  const url = decodeURIComponent(
    swarm.engine.seen.find(({ url: path }) => path.includes('/events'))?.url ?? '',
  );
  assert.match(url, /"type":\["container"\],"event":\["create","start","die"/);
  assert.doesNotMatch(url, /exec|health/);
});

test('an event stream that had to be opened anew is told as a restart, at once', async (t) => {
  const { news, swarm } = await startedRoom(t);
  [...swarm.engine.eventStreams].forEach((stream) => stream.destroy());
  await until(() => news.length === 1, 'the stream to be opened anew');
  assert.deepEqual(news, ['restart']);
});

test('an engine that is away is found again when it is back', async (t) => {
  const { news, swarm } = await startedRoom(t);
  await swarm.engine.stop();
  await swarm.engine.start();
  await until(() => news.length > 0, 'the engine to be found');
  assert.deepEqual(news, ['restart']);
});

test('a watch that was stopped tells nothing more, and a listener that has left is told nothing', async (t) => {
  const { clock, news, swarm, watch } = await startedRoom(t);
  const left: ContainerNews[] = [];
  const leave = watch.watch((what) => left.push(what));
  leave();
  swarm.emit('container', 'start');
  await until(() => {
    clock.advance(20);
    return news.length === 1;
  }, 'the news');
  assert.deepEqual(left, []);
  swarm.emit('container', 'start');
  watch.stop();
  await until(() => swarm.engine.eventStreams.size === 0, 'the stream to be closed');
  clock.advance(1_000);
  assert.equal(news.length, 1);
});

test('containers are listed by their volumes, and signalled by their ids', async (t) => {
  const { swarm, watch } = await startedRoom(t);
  const Mounts = [{ Type: 'volume', Name: 'db', Driver: 'coffer' }];
  swarm.containers = [{ Id: 'c1', Names: ['/web'], State: 'running', Mounts }];
  const [container] = await watch.list(['db']);
  assert.deepEqual([container?.id, container?.name, container?.volumes], ['c1', 'web', ['db']]);
  // The fake engine has no such container, which is no error.
  await watch.signal('c1', 'SIGHUP');
  assert.ok(swarm.engine.seen.some(({ url }) => url === '/containers/c1/kill?signal=SIGHUP'));
});

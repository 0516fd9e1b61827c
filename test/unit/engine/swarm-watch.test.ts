// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Logger } from '../../../src/common/index.ts';
import { EngineClient, SwarmWatch } from '../../../src/engine/index.ts';
import { OneEngineSwarm } from '../../support/one-engine-swarm.ts';
import { StillClock } from '../../support/still-clock.ts';
import { waitFor } from '../../support/wait-for.ts';

function until(condition: () => boolean, what: string): Promise<unknown> {
  return waitFor(condition, { what, interval_ms: 2 });
}

interface Room {
  readonly swarm: OneEngineSwarm;
  readonly watch: SwarmWatch;
  readonly clock: StillClock;
  /** How often the watch has called back. */
  readonly news: { count: number };
  readonly log: string[];
}

async function startRoom(t: TestContext): Promise<Room> {
  const swarm = await OneEngineSwarm.start(t);
  const clock = new StillClock();
  const log: string[] = [];
  const write = (sentence: string): void => void log.push(sentence);
  const logger: Logger = { debug: () => undefined, info: write, warn: write, error: write };
  const client = new EngineClient({ socketPath: swarm.engine.socketPath, timeout_ms: 2_000 });
  const watch = new SwarmWatch({ client, clock, logger, backOff: { first_ms: 5, longest_ms: 20 } });
  t.after(() => watch.stop());
  const news = { count: 0 };
  watch.watch(() => (news.count += 1));
  return { swarm, watch, clock, news, log };
}

/** Started, its event stream open, and all that this leads to at this moment read. */
async function startedRoom(t: TestContext): Promise<Room> {
  const room = await startRoom(t);
  room.watch.start();
  // The watch hears of its open stream after the engine does: while the clock stands still, only that brings the second reading.
  await until(() => room.news.count === 2, 'the reading for the start, and the one for the open stream');
  await quiet(room);
  return room;
}

/**
 * Time passes until nothing is due but the next reading without a reason. A reading that the clock has overtaken has a long pause
 * behind it, and one may have been asked for meanwhile: the third is on time.
 */
async function quiet({ clock, news }: Room): Promise<void> {
  for (let reading = 0; reading < 3; reading += 1) {
    const told = news.count;
    clock.advance(40_000);
    await until(() => news.count > told, 'a reading');
  }
}

test('nothing is known until the swarm was read once; then nodes, services and tasks are', async (t) => {
  const { swarm, watch, news } = await startRoom(t);
  swarm.nodes = [
    { ID: 'n1', Description: { Hostname: 'a' }, Spec: { Role: 'manager', Labels: { zone: 'eu' } } },
  ];
  swarm.services = [{ ID: 's1', Spec: { Name: 'web', Labels: { tier: 'front' } } }];
  swarm.tasks = [
    { ID: 't1', ServiceID: 's1', NodeID: 'n1', Status: { State: 'running' }, DesiredState: 'running' },
  ];
  assert.equal(watch.snapshot(), 'unknown');
  watch.refresh();
  watch.start();
  assert.equal(watch.snapshot(), 'unknown');
  await until(() => news.count > 0, 'the first reading');
  assert.deepEqual(watch.snapshot(), {
    begunAt_ms: 0,
    nodes: [{ id: 'n1', hostname: 'a', role: 'manager', labels: { zone: 'eu' } }],
    services: [{ id: 's1', name: 'web', labels: { tier: 'front' }, image: '', mounts: [], secrets: [] }],
    tasks: [
      {
        id: 't1',
        serviceId: 's1',
        nodeId: 'n1',
        state: 'running',
        desiredState: 'running',
        image: '',
        mounts: [],
        secrets: [],
      },
    ],
  });
});

test('an engine that is in no swarm has nothing to tell, and that is known', async (t) => {
  const room = await startRoom(t);
  room.swarm.state = { LocalNodeState: 'inactive' };
  room.watch.start();
  await until(() => room.news.count > 0, 'the first reading');
  assert.equal(room.watch.snapshot(), undefined);
  assert.equal(room.swarm.reads, 0);
  room.swarm.state = { LocalNodeState: 'active', ControlAvailable: true };
  await until(() => {
    room.clock.advance(1_000);
    return room.watch.snapshot() !== undefined;
  }, 'the swarm to be found');
});

test('the engine of a worker cannot tell, which is not as if there were no swarm, and says what mends it', async (t) => {
  const room = await startRoom(t);
  room.swarm.state = { LocalNodeState: 'active', ControlAvailable: false };
  room.watch.start();
  await until(() => room.watch.problem !== undefined, 'the failure');
  assert.equal(room.watch.snapshot(), 'unknown');
  assert.match(room.watch.problem?.hint ?? '', /docker node promote/);
  room.swarm.state = { LocalNodeState: 'active', ControlAvailable: true };
  await until(() => {
    room.clock.advance(1_000);
    return room.news.count > 0;
  }, 'the swarm to be found');
  assert.equal(room.watch.problem, undefined);
});

test('an engine that cannot tell for a while changes nothing of what is known, and is told of once', async (t) => {
  const room = await startRoom(t);
  const { clock, log, news, swarm, watch } = room;
  swarm.isBroken = true;
  watch.start();
  await until(() => log.length === 1, 'the failure');
  assert.equal(watch.snapshot(), 'unknown');
  swarm.isBroken = false;
  await until(() => {
    clock.advance(1_000);
    return news.count > 0;
  }, 'a reading');
  await quiet(room);
  for (const LocalNodeState of ['pending', 'locked', 'error', 'active']) {
    swarm.state = { LocalNodeState, ControlAvailable: false };
    const before = log.length;
    await until(() => {
      clock.advance(1_000);
      return log.length > before;
    }, `the failure of ${LocalNodeState}`);
    assert.equal(typeof watch.snapshot(), 'object');
    swarm.state = { LocalNodeState: 'active', ControlAvailable: true };
    await until(() => {
      clock.advance(1_000);
      return log.length > before + 1;
    }, 'the engine to tell again');
  }
  assert.match(log.join('\n'), /^the engine does not tell .*\nthe engine tells again /);
});

test('after an event the swarm is read at once, and again until the tasks have followed', async (t) => {
  const room = await startedRoom(t);
  const { clock, news, swarm } = room;
  for (const subject of ['service', 'node', 'secret']) {
    await quiet(room);
    const before = news.count;
    swarm.emit(subject, 'update');
    await until(() => news.count === before + 1, 'the reading at once');
    for (const [step_ms, readings] of [
      [200, 2],
      [300, 3],
      [500, 4],
      [1_000, 5],
    ] as const) {
      clock.advance(step_ms - 1);
      assert.equal(news.count, before + readings - 1);
      clock.advance(1);
      await until(() => news.count === before + readings, `reading ${readings}`);
    }
  }
});

test('what a container does is no reason to read the swarm', async (t) => {
  const { swarm } = await startedRoom(t);
  const before = swarm.reads;
  swarm.emit('container', 'start');
  swarm.emit('service', 'update');
  await until(() => swarm.reads > before, 'the reading for the service');
  assert.equal(swarm.reads, before + 1);
});

test('however many wait for a reading, one is under way and one waits', async (t) => {
  const { clock, swarm, watch, news } = await startedRoom(t);
  const before = swarm.reads;
  let open = (): void => undefined;
  swarm.gate = new Promise((resolve) => {
    open = resolve;
  });
  for (let count = 0; count < 100; count += 1) {
    watch.refresh();
  }
  await new Promise(setImmediate);
  for (let count = 0; count < 100; count += 1) {
    watch.refresh();
  }
  const told = news.count;
  open();
  await until(() => news.count === told + 2, 'both readings');
  clock.advance(4_999);
  assert.equal(swarm.reads, before + 2);
});

test('when the event stream was broken, the swarm is read anew as soon as it is back', async (t) => {
  const { swarm, news } = await startedRoom(t);
  const before = swarm.reads;
  const told = news.count;
  [...swarm.engine.eventStreams].forEach((stream) => stream.destroy());
  await until(() => swarm.reads > before && news.count > told, 'the reading after the gap');
});

test('a watch that was stopped reads nothing, tells nothing, and begins anew with nothing known', async (t) => {
  const { clock, news, swarm, watch } = await startedRoom(t);
  let open = (): void => undefined;
  swarm.gate = new Promise((resolve) => {
    open = resolve;
  });
  const told = news.count;
  const seen = swarm.reads;
  watch.refresh();
  await new Promise(setImmediate);
  watch.stop();
  open();
  await until(() => swarm.engine.eventStreams.size === 0, 'the event stream to be closed');
  watch.refresh();
  clock.advance(60_000);
  assert.equal(watch.snapshot(), 'unknown');
  watch.start();
  watch.start();
  assert.equal(watch.snapshot(), 'unknown');
  await until(() => watch.snapshot() !== 'unknown', 'the first reading of the new start');
  assert.ok(news.count > told);
  assert.ok(swarm.reads <= seen + 3, 'that which was stopped, the first one, and that of the stream');
});

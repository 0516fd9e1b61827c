// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError, silentLogger } from '../../../src/common/index.ts';
import { Changes } from '../../../src/distribution/agent/changes.ts';
import type { Connector } from '../../../src/distribution/agent/connector.ts';
import { ContainerView } from '../../../src/distribution/agent/container-view.ts';
import { CutOff } from '../../../src/distribution/agent/cut-off.ts';
import { signalName } from '../../../src/distribution/agent/reload.ts';
import { Session } from '../../../src/distribution/agent/session.ts';
import { SessionKeeper } from '../../../src/distribution/agent/session-keeper.ts';
import { Turns } from '../../../src/distribution/agent/turns.ts';
import type { Channel, ChannelEvents } from '../../../src/transport/index.ts';
import { decodeNodeMessage, encodeManagerMessage } from '../../../src/distribution/message-codec.ts';
import { factsOf } from '../../../src/distribution/agent/node-facts.ts';
import type { Assignment, Change, NodeFacts, NodeMessage } from '../../../src/distribution/protocol.ts';
import { StillClock } from '../../support/still-clock.ts';
import { container, putSecret } from './agent-objects.ts';
import { FakeContainers } from './agent-harness.ts';

const ID = '0'.repeat(32);

/** A node's end of a connection, and what is seen at the other. */
class Wire implements Channel {
  readonly clock = new StillClock();
  readonly sent: NodeMessage[] = [];
  readonly assigned: (readonly Change[])[] = [];
  readonly values: Buffer[] = [];
  readonly ends: CofferError[] = [];
  closed: CofferError | undefined;
  isFull = false;
  facts: NodeFacts = factsOf([container('web')]);
  readonly session = new Session({
    facts: () => this.facts,
    onRegistered: () => undefined,
    onAssignment: (changes) => {
      this.assigned.push(changes);
      return () => assert.equal(this.sent.at(-1)?.kind, 'acknowledge');
    },
    onEnd: (reason) => this.ends.push(reason),
    clock: this.clock,
    random: () => 0.5,
  });

  send(payload: Buffer): boolean {
    if (!this.isFull) {
      this.sent.push(decodeNodeMessage(payload));
    }
    return !this.isFull;
  }

  async drained(): Promise<void> {}

  close(reason: CofferError): void {
    this.closed = reason;
  }

  registered(): this {
    this.session.begin(this);
    this.session.onMessage(encodeManagerMessage({ kind: 'registered', session: ID, heartbeat_ms: 5_000 }));
    return this;
  }

  assign(rest: Partial<Assignment>): Buffer {
    const payload = encodeManagerMessage({
      kind: 'assignment',
      session: ID,
      sequence: 1,
      complete: false,
      more: false,
      changes: [],
      ...rest,
    });
    this.session.onMessage(payload);
    return payload;
  }

  get kinds(): readonly string[] {
    return this.sent.map(({ kind }) => kind);
  }
}

describe('a session', () => {
  test('begins with the facts, and tells them again when they are others', () => {
    const wire = new Wire();
    wire.session.begin(wire);
    wire.facts = factsOf([]);
    wire.session.report();
    assert.deepEqual(wire.kinds, ['register']);
    wire.session.onMessage(encodeManagerMessage({ kind: 'registered', session: ID, heartbeat_ms: 5_000 }));
    assert.deepEqual(wire.kinds, ['register', 'report']);
    wire.session.report();
    wire.facts = factsOf([container('web')]);
    wire.session.report();
    assert.deepEqual(wire.kinds, ['register', 'report', 'report']);
  });

  test('gives signs of life, and none after its end', () => {
    const wire = new Wire().registered();
    wire.clock.advance(5_000);
    wire.clock.advance(5_000);
    assert.deepEqual(wire.kinds, ['register', 'heartbeat', 'heartbeat']);
    wire.session.onClose(new CofferError('transport.unreachable', 'gone'));
    wire.session.onClose(new CofferError('transport.unreachable', 'gone again'));
    wire.clock.advance(50_000);
    wire.session.report();
    assert.equal(wire.sent.length, 3);
    assert.deepEqual(
      wire.ends.map(({ detail }) => detail),
      ['gone'],
    );
  });

  test('carries out what came in parts when the last one is there, acknowledges it, and leaves nothing in messages', () => {
    const wire = new Wire().registered();
    const first = wire.assign({ complete: true, more: true, changes: [putSecret('db', 1, 'value')] });
    assert.deepEqual(wire.kinds, ['register']);
    assert.ok(first.every((byte) => byte === 0));
    wire.assign({ sequence: 2, complete: true, changes: [putSecret('api', 1, 'key')] });
    wire.assign({ sequence: 3 });
    assert.deepEqual(
      wire.assigned.map((changes) => changes.length),
      [2, 0],
    );
    assert.deepEqual(wire.sent.slice(1), [
      { kind: 'acknowledge', session: ID, sequence: 2 },
      { kind: 'acknowledge', session: ID, sequence: 3 },
    ]);
  });

  test('refuses what does not belong to it', () => {
    const refused: readonly (readonly [string, Partial<Assignment>])[] = [
      ['a gap', { sequence: 2 }],
      ['a repetition', { sequence: 1 }],
      ['another session', { sequence: 2, session: '1'.repeat(32) }],
    ];
    for (const [what, assignment] of refused) {
      const wire = new Wire().registered();
      if (what !== 'a gap') {
        wire.assign({});
      }
      const count = wire.assigned.length;
      assert.throws(() => wire.assign(assignment), { code: 'request.invalid' }, what);
      assert.equal(wire.assigned.length, count);
    }
    const wire = new Wire();
    assert.throws(() => wire.assign({}), { code: 'request.invalid' });
    assert.throws(() => wire.registered().registered(), { code: 'request.invalid' });
    assert.throws(() => new Wire().registered().session.onMessage(Buffer.from('nonsense')), CofferError);
  });

  test('carries nothing out that comes after its end', () => {
    const wire = new Wire().registered();
    wire.session.end(new CofferError('transport.unreachable', 'enough'));
    assert.equal(wire.closed?.detail, 'enough');
    wire.assign({});
    wire.session.onMessage(encodeManagerMessage({ kind: 'registered', session: ID, heartbeat_ms: 5_000 }));
    assert.deepEqual(wire.assigned, []);
    const late = new Wire();
    wire.session.begin(late);
    assert.ok(late.closed);
  });

  test('ends when the leader does not answer, or takes no more', () => {
    const silent = new Wire();
    silent.session.begin(silent);
    silent.clock.advance(60_000);
    assert.equal(silent.closed?.code, 'transport.timeout');
    const full = new Wire().registered();
    full.isFull = true;
    full.clock.advance(5_000);
    assert.equal(full.ends[0]?.code, 'transport.unreachable');
  });

  test('is not given more than a node can hold', () => {
    const wire = new Wire().registered();
    const changes = Array.from({ length: 10_000 }, () => ({ kind: 'remove-secret', secretId: 'x' }) as const);
    assert.throws(
      () => {
        for (let sequence = 1; sequence <= 11; sequence += 1) {
          wire.assign({ sequence, more: true, changes });
        }
      },
      { code: 'request.too-large' },
    );
  });
});

describe('a node that looks for the leader', () => {
  class Seeker implements Connector {
    readonly clock = new StillClock();
    readonly manager = 'm1';
    readonly pauses_ms: number[] = [];
    refusal: CofferError | undefined;
    events: ChannelEvents | undefined;
    lost = 0;
    removed = 0;
    #at_ms = 0;
    readonly keeper = new SessionKeeper({
      connector: this,
      facts: () => ({ containers: [] }),
      onRegistered: () => undefined,
      onAssignment: () => undefined,
      onLost: () => (this.lost += 1),
      onRemoved: () => (this.removed += 1),
      clock: this.clock,
      random: () => 1,
      logger: silentLogger,
    });

    async open(events: ChannelEvents): Promise<Channel> {
      this.pauses_ms.push(this.clock.now_ms() - this.#at_ms);
      this.#at_ms = this.clock.now_ms();
      this.events = events;
      if (this.refusal !== undefined) {
        throw this.refusal;
      }
      return { send: () => true, drained: async () => undefined, close: () => undefined };
    }

    /** Lets time pass until so many attempts were made. */
    async attempts(count: number): Promise<readonly number[]> {
      for (let step = 0; this.pauses_ms.length < count && step < 10_000; step += 1) {
        this.clock.advance(25);
        await Promise.resolve();
        await Promise.resolve();
      }
      return this.pauses_ms;
    }

    async registered(): Promise<void> {
      await Promise.resolve();
      this.events?.onMessage(encodeManagerMessage({ kind: 'registered', session: ID, heartbeat_ms: 5_000 }));
    }
  }

  test('asks less and less often, and soon again while a leader is being elected', async () => {
    const seeker = new Seeker();
    seeker.refusal = new CofferError('transport.unreachable', 'nobody is there');
    seeker.keeper.start();
    const pauses = (await seeker.attempts(9)).slice(1);
    assert.ok(pauses.every((pause, place) => place === 0 || pause >= (pauses[place - 1] ?? 0)));
    assert.ok((pauses[0] ?? 0) <= 150 && Math.max(...pauses) >= 2_000 && Math.max(...pauses) <= 2_050);
    assert.equal(seeker.keeper.status.problem?.code, 'transport.unreachable');

    seeker.refusal = new CofferError('cluster.not-leader', 'another one leads');
    const later = (await seeker.attempts(14)).slice(10);
    assert.ok(
      later.every((pause) => pause <= 525),
      later.join(' '),
    );
    seeker.refusal = new CofferError('cluster.rate-limited', 'too often');
    assert.ok(((await seeker.attempts(16)).at(-1) ?? 0) >= 4_000);
    seeker.keeper.stop();
    const { length } = seeker.pauses_ms;
    assert.equal((await seeker.attempts(length)).length, length);
    seeker.clock.advance(100_000);
    assert.equal(seeker.pauses_ms.length, length);
  });

  test('comes back at once after a session that lasted, and says with whom it is', async () => {
    const seeker = new Seeker();
    seeker.keeper.start();
    await seeker.registered();
    assert.deepEqual(seeker.keeper.status, { manager: 'm1', since_ms: 0, problem: undefined });
    seeker.clock.advance(10_000);
    seeker.events?.onClose(new CofferError('cluster.not-leader', 'another one leads'));
    assert.equal(seeker.lost, 1);
    assert.equal(seeker.keeper.status.manager, undefined);
    const at_ms = seeker.clock.now_ms();
    await seeker.attempts(2);
    assert.ok(seeker.clock.now_ms() - at_ms <= 75);
    seeker.keeper.stop();
    assert.equal(seeker.lost, 1);
  });

  test('hears once that it was removed, whether it is cut off by that or refused, and goes on asking', async () => {
    const seeker = new Seeker();
    const removed = new CofferError('cluster.node-removed', 'the node was removed');
    seeker.keeper.start();
    await seeker.registered();
    seeker.refusal = removed;
    seeker.events?.onClose(removed);
    assert.equal(seeker.removed, 1);
    await seeker.attempts(5);
    assert.equal(seeker.removed, 1);
    seeker.keeper.stop();
  });
});

describe('time without a manager', () => {
  test('counts for nothing where secrets are kept for ever', () => {
    const clock = new StillClock();
    const cutOff = new CutOff(undefined, clock, () => assert.fail('nothing is wiped'));
    cutOff.begin();
    clock.advance(1_000 * 24 * 60 * 60 * 1_000);
    assert.equal(cutOff.isCutOff, false);
  });

  test('counts from the last one, and is over once', () => {
    const clock = new StillClock();
    let cuts = 0;
    const cutOff = new CutOff(2 * 60 * 60 * 1_000, clock, () => (cuts += 1));
    const hour = (): void => clock.advance(60 * 60 * 1_000);
    cutOff.begin();
    hour();
    cutOff.begin();
    cutOff.end();
    hour();
    hour();
    assert.equal(cuts, 0);
    cutOff.begin();
    hour();
    assert.equal(cutOff.isCutOff, false);
    hour();
    assert.deepEqual([cuts, cutOff.isCutOff], [1, true]);
    cutOff.begin();
    hour();
    hour();
    assert.equal(cuts, 1);
    cutOff.end();
    assert.equal(cutOff.isCutOff, false);
    cutOff.begin();
    cutOff.stop();
    hour();
    hour();
    assert.equal(cuts, 1);
  });
});

describe('what the engine tells of containers', () => {
  const viewOf = (
    engine: FakeContainers,
    clock: StillClock,
    onListed = (): void => undefined,
  ): ContainerView =>
    new ContainerView({
      source: engine,
      volumes: () => ['app'],
      remembered: [],
      onListed,
      clock,
      logger: silentLogger,
    });

  test('is never overtaken by what it told before', async () => {
    const engine = new FakeContainers();
    let running = 0;
    let most = 0;
    const list = engine.list.bind(engine);
    engine.list = async (volumes) => {
      running += 1;
      most = Math.max(most, running);
      try {
        return await list(volumes);
      } finally {
        running -= 1;
      }
    };
    const view = viewOf(engine, new StillClock());
    const first = view.refresh();
    engine.all.set('web', container('web'));
    const others = [view.refresh(), view.refresh(), view.refresh()];
    await first;
    others.push(view.refresh());
    await Promise.all(others);
    assert.equal(most, 1);
    assert.ok(view.listings <= 3, 'those that wait share a listing');
    assert.deepEqual(view.of('app'), [container('web')]);
    assert.deepEqual(view.of('other'), []);
  });

  test('is asked for until there is an answer, and no longer than the view lives', async () => {
    const engine = new FakeContainers();
    const clock = new StillClock();
    let listed = 0;
    const view = viewOf(engine, clock, () => (listed += 1));
    engine.problem = new CofferError('engine.unreachable', 'away');
    view.start();
    await assert.rejects(view.refresh(), { code: 'engine.unreachable' });
    assert.deepEqual([view.isKnown, view.problem?.code], [false, 'engine.unreachable']);
    engine.problem = undefined;
    clock.advance(2_000);
    await view.refresh();
    assert.ok(listed > 0 && view.isKnown && view.problem === undefined);
    view.stop();
    assert.equal(engine.isWatched, false);
  });
});

describe('a signal', () => {
  test('is one that exists, however it is written', () => {
    assert.deepEqual(['HUP', 'sighup', ' SIGUSR1 ', 'Usr2'].map(signalName), [
      'SIGHUP',
      'SIGHUP',
      'SIGUSR1',
      'SIGUSR2',
    ]);
    const nonsense = ['', 'SIG', 'HANGUP', '1', 'toString', 'SIGHUP; rm', '__proto__'];
    assert.deepEqual(
      nonsense.map(signalName),
      nonsense.map(() => undefined),
    );
  });
});

describe('work in turn', () => {
  test('is done in its order on one thing, whatever fails, and side by side on others', async () => {
    const turns = new Turns();
    const done: string[] = [];
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const first = turns.run('a', async () => {
      await held;
      done.push('a1');
      throw new Error('no');
    });
    const second = turns.run('a', async () => void done.push('a2'));
    await turns.run('b', async () => void done.push('b1'));
    release();
    await assert.rejects(first, /no/);
    await second;
    await turns.settled();
    assert.deepEqual(done, ['b1', 'a1', 'a2']);
  });
});

describe('waiting for a change', () => {
  test('ends with the next one, with one that has been, or in time', async () => {
    const clock = new StillClock();
    const changes = new Changes(clock);
    const { count } = changes;
    const waiting = changes.beyond(count, 1_000);
    changes.notify();
    await waiting;
    await changes.beyond(count, 1_000);
    const late = changes.beyond(changes.count, 1_000);
    clock.advance(1_000);
    await late;
    await changes.beyond(changes.count, 0);
  });
});

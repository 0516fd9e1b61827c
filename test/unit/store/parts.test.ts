// SPDX-License-Identifier: Apache-2.0
// The store's small parts, each by itself.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError, silentLogger } from '../../../src/common/index.ts';
import type { Entry, MsgStorageApply } from '../../../src/raft/index.ts';
import type { RequestOutcome } from '../../../src/secrets/index.ts';
import { DiskWatchdog } from '../../../src/store/replica/disk-watchdog.ts';
import { ApplyQueue } from '../../../src/store/replica/apply-queue.ts';
import { GroupGate } from '../../../src/store/replica/group-gate.ts';
import { type Proposal, ProposalQueue } from '../../../src/store/replica/proposal-queue.ts';
import { ReadRounds } from '../../../src/store/replica/read-rounds.ts';
import { Ticker } from '../../../src/store/replica/ticker.ts';
import { StillClock } from '../../support/still-clock.ts';

describe('the queue of proposals', () => {
  const NOTHING_DONE: RequestOutcome = { kind: 'applied', secret: undefined, effects: [], index: 7 };
  const LOCAL = { at_ms: 0, term: 1, forwarded: false } as const;
  let named = 0;
  const proposal = (size: number, reject: Proposal['reject'] = () => undefined): Proposal => {
    named += 1;
    const timer = { cancel: (): void => undefined };
    return { requestId: String(named), data: Buffer.alloc(size, 1), timer, resolve: () => undefined, reject };
  };
  const idsOf = (group: readonly Proposal[]): readonly string[] => group.map(({ requestId }) => requestId);

  test('is bounded in count and in bytes, and has room again when a proposal is settled', () => {
    const queue = new ProposalQueue();
    const first = proposal(1);
    queue.add(first);
    for (let number = 1; number < 4_096; number += 1) {
      queue.add(proposal(1));
    }
    assert.throws(() => queue.add(proposal(1)), { code: 'store.busy' });
    assert.equal(queue.nextGroup().length, 512);
    queue.proposed(512, LOCAL);
    assert.throws(() => queue.add(proposal(1)), { code: 'store.busy' }, 'what is under way is held too');
    queue.settle(first.requestId, NOTHING_DONE);
    queue.add(proposal(1));
    const large = new ProposalQueue();
    const megabytes = 1024 * 1024;
    for (let number = 0; number < 64; number += 1) {
      large.add(proposal(megabytes));
    }
    assert.throws(() => large.add(proposal(1)), { code: 'store.busy' });
    assert.equal(large.nextGroup().length, 4, 'a group is bounded in bytes too');
  });

  test('gives out groups in order, one at least, however large', () => {
    const queue = new ProposalQueue();
    const all = [proposal(5 * 1024 * 1024), proposal(1), proposal(2)];
    all.forEach((each) => queue.add(each));
    assert.deepEqual(queue.nextGroup(), [all[0]]);
    queue.proposed(1, LOCAL);
    assert.deepEqual(queue.nextGroup(), [all[1], all[2]]);
    queue.proposed(2, LOCAL);
    assert.deepEqual(queue.nextGroup(), []);
    assert.equal(queue.size, 3);
  });

  test('tells the caller what became of the request, once', () => {
    const queue = new ProposalQueue();
    const told: unknown[] = [];
    const waiting = { ...proposal(10), resolve: (proposed: unknown) => told.push(proposed) };
    queue.add(waiting);
    queue.proposed(1, LOCAL);
    queue.settle(waiting.requestId, NOTHING_DONE);
    queue.settle(waiting.requestId, NOTHING_DONE);
    assert.deepEqual(told, [{ secret: undefined, index: 7 }]);
    assert.ok(waiting.data.equals(Buffer.alloc(10)), 'the value is wiped');
    assert.equal(queue.size, 0);
  });

  test('proposes again what the leader of another term may have lost, ahead of what came later', () => {
    const queue = new ProposalQueue();
    const [early, late] = [proposal(1), proposal(1)];
    queue.add(early);
    queue.proposed(1, LOCAL);
    queue.add(late);
    queue.proposeAgain(1e9, 1);
    assert.deepEqual(
      idsOf(queue.nextGroup()),
      [late.requestId],
      'this term has not lost it, however long it takes',
    );
    queue.proposeAgain(0, 2);
    assert.deepEqual(idsOf(queue.nextGroup()), [early.requestId, late.requestId]);
  });

  test('proposes again what was lost on its way to the leader, and waits longer each time', () => {
    const queue = new ProposalQueue();
    queue.add(proposal(1));
    const waits: number[] = [];
    let now_ms = 0;
    for (let attempt = 0; attempt < 4; attempt += 1) {
      queue.proposed(1, { at_ms: now_ms, term: 1, forwarded: true });
      const since_ms = now_ms;
      while (queue.waiting === 0) {
        now_ms += 100;
        queue.proposeAgain(now_ms, 1);
      }
      waits.push(now_ms - since_ms);
    }
    assert.deepEqual(waits, [1_100, 2_100, 4_100, 8_100]);
  });

  test('forgets what nobody waits for', () => {
    const queue = new ProposalQueue();
    const [waiting, underWay] = [proposal(10), proposal(10)];
    queue.add(underWay);
    queue.proposed(1, LOCAL);
    queue.add(waiting);
    queue.abandon(waiting.requestId);
    queue.abandon(underWay.requestId);
    assert.equal(queue.size, 0);
    assert.ok(waiting.data.equals(Buffer.alloc(10)) && underWay.data.equals(Buffer.alloc(10)));
  });

  test('wipes what it rejects, waiting or under way', () => {
    const queue = new ProposalQueue();
    const errors: string[] = [];
    const all = [
      proposal(10, ({ code }) => errors.push(code)),
      proposal(10, ({ code }) => errors.push(code)),
    ];
    all.forEach((each) => queue.add(each));
    queue.proposed(1, LOCAL);
    queue.rejectAll(new CofferError('store.closed', 'closed'));
    assert.deepEqual(errors, ['store.closed', 'store.closed']);
    assert.ok(all.every(({ data }) => data.equals(Buffer.alloc(10))));
    assert.equal(queue.size, 0);
  });
});

describe('what is to be applied', () => {
  const messageOf = (first: number, count: number): MsgStorageApply => {
    const entries = Array.from({ length: count }, (_, offset) => entryAt(first + offset));
    return storageApplyOf(entries);
  };
  const entryAt = (index: number): Entry => ({ index, term: 1, type: 'EntryNormal', data: Buffer.alloc(0) });
  const storageApplyOf = (entries: readonly Entry[]): MsgStorageApply => {
    const local = { to: 1, from: 2, term: 0 };
    const response = { type: 'MsgStorageApplyResp', ...local, entries } as const;
    return { type: 'MsgStorageApply', ...local, entries, responses: [response] };
  };

  test('comes in its order and in parts, and the core hears of each request when all of it was handed out', () => {
    const queue = new ApplyQueue();
    assert.equal(queue.next(16), undefined);
    queue.add(messageOf(1, 5));
    queue.add(messageOf(6, 2));
    const parts: (readonly [indexes: readonly number[], told: number, left: number])[] = [];
    for (let part = queue.next(3); part !== undefined; part = queue.next(3)) {
      const told = part.responses.length;
      parts.push([part.entries.map(({ index }) => index), told, queue.count]);
    }
    assert.deepEqual(parts, [
      [[1, 2, 3], 0, 4],
      [[4, 5], 1, 2],
      [[6, 7], 1, 0],
    ]);
  });
});

describe('the gate of proposals', () => {
  function gateOf(): { clock: StillClock; gate: GroupGate; readonly woken: () => number } {
    const clock = new StillClock();
    let woken = 0;
    return { clock, gate: new GroupGate(clock, () => (woken += 1)), woken: () => woken };
  }

  test('lets one group go at a time, a large one at any time, and nobody wait for long', () => {
    const { clock, gate, woken } = gateOf();
    assert.ok(gate.isOpen(1, true), 'nothing is under way');
    gate.passed(1);
    assert.ok(!gate.isOpen(1, false), 'a group is under way');
    assert.ok(!gate.isOpen(2, false));
    assert.ok(gate.isOpen(256, false), 'there are many');
    clock.advance(11);
    assert.deepEqual([gate.isOpen(2, false), woken()], [false, 0]);
    clock.advance(1);
    assert.deepEqual([gate.isOpen(2, false), woken()], [true, 1]);
    gate.passed(2);
    assert.ok(!gate.isOpen(2, false));
    gate.close();
    clock.advance(20);
    assert.equal(woken(), 1, 'nobody is woken any more');
  });

  test('holds nobody up for long where each group takes long, until one does not', () => {
    const { clock, gate } = gateOf();
    const waited_ms = (): number => {
      let waited_ms = 0;
      for (; !gate.isOpen(2, false); waited_ms += 1) {
        clock.advance(1);
      }
      return waited_ms;
    };
    gate.passed(2);
    for (const expected_ms of [12, 4, 4]) {
      assert.equal(waited_ms(), expected_ms);
      gate.passed(2);
    }
    clock.advance(13);
    assert.ok(!gate.isOpen(0, true));
    gate.passed(2);
    assert.equal(waited_ms(), 4, 'it took longer than twelve milliseconds');
    gate.passed(2);
    clock.advance(3);
    assert.ok(!gate.isOpen(0, true));
    gate.passed(2);
    assert.equal(waited_ms(), 12);
  });

  test('lets a single caller go as soon as the one before it was answered', () => {
    const { gate, woken } = gateOf();
    for (let round = 0; round < 3; round += 1) {
      assert.ok(gate.isOpen(1, true));
      gate.passed(1);
      assert.ok(!gate.isOpen(0, false));
      assert.ok(!gate.isOpen(0, true), 'nobody is there yet');
    }
    assert.equal(woken(), 0);
  });

  test('waits a moment for those that were answered just now, to go along with those that waited meanwhile', () => {
    const { clock, gate, woken } = gateOf();
    gate.passed(8);
    assert.ok(!gate.isOpen(8, false));
    clock.advance(2);
    assert.ok(!gate.isOpen(8, true), 'eight are to come again');
    assert.ok(!gate.isOpen(11, true));
    assert.ok(gate.isOpen(12, true), 'they are there but for a few that are slower');
    gate.passed(12);
    assert.ok(!gate.isOpen(0, true));
    assert.ok(!gate.isOpen(7, true), 'twelve are to come again');
    clock.advance(2);
    assert.equal(woken(), 1, 'the moment has passed');
    assert.ok(gate.isOpen(7, true));
    gate.passed(7);
    assert.ok(!gate.isOpen(0, true));
    assert.ok(!gate.isOpen(5, true), 'more than half of them came: it was not in vain');
  });

  test('does not wait after it has waited in vain, and tries again later', () => {
    const { clock, gate } = gateOf();
    gate.passed(8);
    assert.ok(!gate.isOpen(1, true));
    clock.advance(2);
    assert.ok(gate.isOpen(1, true));
    gate.passed(1);
    for (let group = 0; group < 8; group += 1) {
      assert.ok(gate.isOpen(1, true), `group ${group} goes at once`);
      gate.passed(8);
    }
    assert.ok(!gate.isOpen(1, true));
  });

  test('does not wait for those that were answered long ago', () => {
    const { clock, gate } = gateOf();
    gate.passed(8);
    assert.ok(!gate.isOpen(0, true));
    clock.advance(50);
    assert.ok(gate.isOpen(1, true));
  });
});

describe('read rounds', () => {
  function readRounds(): {
    clock: StillClock;
    rounds: ReadRounds;
    asked: Buffer[];
    readonly apply: (index: number) => void;
  } {
    const clock = new StillClock();
    let appliedIndex = 0;
    const asked: Buffer[] = [];
    const incarnation = Buffer.from('12345678');
    const rounds = new ReadRounds({
      clock,
      incarnation,
      appliedIndex: () => appliedIndex,
      wake: () => undefined,
    });
    return {
      clock,
      rounds,
      asked,
      apply: (index) => {
        appliedIndex = index;
        rounds.applied();
      },
    };
  }

  test('ask once for all who came meanwhile, and let them read when the index is applied', async () => {
    const { rounds, asked, apply } = readRounds();
    const readers = [rounds.wait(1_000), rounds.wait(1_000)];
    rounds.begin((context) => asked.push(context));
    rounds.begin((context) => asked.push(context));
    assert.equal(asked.length, 1);
    rounds.answered({ index: 5, requestCtx: asked[0] ?? Buffer.alloc(0) });
    apply(4);
    let settled = false;
    void readers[0]?.then(() => (settled = true));
    await Promise.resolve();
    assert.equal(settled, false, 'entry 5 is not applied');
    apply(5);
    assert.deepEqual(await Promise.all(readers), [true, true]);
  });

  test('take no answer to a question that was asked before a restart', async () => {
    const { clock, rounds, asked } = readRounds();
    const reader = rounds.wait(1_000);
    rounds.begin((context) => asked.push(context));
    const stale = Buffer.from(asked[0] ?? Buffer.alloc(0));
    stale.write('87654321');
    rounds.answered({ index: 0, requestCtx: stale });
    clock.advance(1_000);
    assert.equal(await reader, false);
  });

  test('ask again what may be lost, and then take no answer to the first question', async () => {
    const { clock, rounds, asked, apply } = readRounds();
    const reader = rounds.wait(1_000);
    rounds.begin((context) => asked.push(context));
    clock.advance(100);
    rounds.askAgain(100);
    rounds.begin((context) => asked.push(context));
    apply(9);
    rounds.answered({ index: 3, requestCtx: asked[0] ?? Buffer.alloc(0) });
    rounds.answered({ index: 9, requestCtx: asked[1] ?? Buffer.alloc(0) });
    assert.equal(await reader, true);
    assert.equal(asked.length, 2);
  });

  test('give up in time', async () => {
    const { clock, rounds, asked } = readRounds();
    const reader = rounds.wait(1_000);
    rounds.begin((context) => asked.push(context));
    clock.advance(999);
    clock.advance(1);
    assert.equal(await reader, false);
  });
});

describe('the disk watchdog', () => {
  test('tells once when a write takes too long, and ends the process when it takes much too long', () => {
    let stalls = 0;
    const watchdog = new DiskWatchdog({
      diskStall_ms: 1_000,
      diskHang_ms: 30_000,
      logger: silentLogger,
      onStall: () => (stalls += 1),
    });
    for (const [writing_ms, stalled] of [
      [0, false],
      [999, false],
      [1_000, true],
      [5_000, true],
      [10, false],
      [2_000, true],
    ] as const) {
      watchdog.watch(writing_ms);
      assert.equal(watchdog.stalled, stalled, `${writing_ms} ms`);
    }
    assert.equal(stalls, 2);
    assert.throws(() => watchdog.watch(30_000), { code: 'store.faulted' });
  });
});

describe('the ticker', () => {
  test('makes up for no missed tick, and lets in what has arrived before a late one', () => {
    const clock = new StillClock();
    const events: string[] = [];
    const deferred: (() => void)[] = [];
    const ticker = new Ticker({
      clock: {
        now_ms: () => clock.now_ms(),
        setTimer: (delay_ms, callback) => clock.setTimer(delay_ms, callback),
        defer: (callback) => deferred.push(callback),
        atTurnEnd: setImmediate,
      },
      tick_ms: 50,
      late_ms: 300,
      onTick: () => events.push('tick'),
    });
    ticker.start();
    clock.advance(50);
    assert.deepEqual(events, ['tick']);
    clock.advance(1_000);
    events.push('input');
    deferred.forEach((callback) => callback());
    assert.deepEqual(events, ['tick', 'input', 'tick']);
    ticker.stop();
    clock.advance(1_000);
    deferred.forEach((callback) => callback());
    assert.equal(events.length, 3);
  });
});

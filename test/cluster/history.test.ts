// SPDX-License-Identifier: Apache-2.0
// The judge of histories, on histories whose verdict is known, and on what clients of a real manager record.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory } from '../support/cleanup.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';
import { Clients } from './clients.ts';
import {
  type Freshness,
  History,
  type HistoryCall,
  type HistoryEntry,
  type HistoryResult,
  readHistory,
  withFreshness,
} from './history.ts';
import { problemsOf } from './judge.ts';

type Span = readonly [start_ms: number, end_ms: number];

function entry(call: HistoryCall, result: HistoryResult, [start_ms, end_ms]: Span): HistoryEntry {
  return { run: 'hand-made', client: 0, manager: 'm1', name: 'apple', call, result, start_ms, end_ms };
}

function write(value: string, version: number, span: Span): HistoryEntry {
  return entry({ kind: 'write', value }, { kind: 'done', version }, span);
}

/** A write that expects a version; answered with the one that it made, or that there was another one. */
function compare(value: string, expect: number, version: number | 'other', span: Span): HistoryEntry {
  const result: HistoryResult =
    version === 'other' ? { kind: 'other', why: 'another version' } : { kind: 'done', version };
  return entry({ kind: 'compare', value, expect }, result, span);
}

function lostWrite(value: string, span: Span): HistoryEntry {
  return entry({ kind: 'write', value }, { kind: 'unknown', why: 'no answer' }, span);
}

function refusedWrite(value: string, span: Span): HistoryEntry {
  return entry({ kind: 'write', value }, { kind: 'refused', why: 'nobody there' }, span);
}

function read(value: string, span: Span, freshness?: Freshness): HistoryEntry {
  const how = freshness === undefined ? {} : { freshness };
  return entry({ kind: 'read', task: `t${span[0]}` }, { kind: 'value', value, ...how }, span);
}

function inspect(version: number, span: Span, freshness: Freshness = 'linearizable'): HistoryEntry {
  return entry({ kind: 'inspect' }, { kind: 'version', version, freshness }, span);
}

function absent(span: Span, freshness?: Freshness): HistoryEntry {
  const how = freshness === undefined ? {} : { freshness };
  return entry({ kind: 'inspect' }, { kind: 'absent', ...how }, span);
}

function accepts(...history: readonly HistoryEntry[]): void {
  assert.deepEqual(problemsOf(history), []);
}

function refuses(problem: RegExp, ...history: readonly HistoryEntry[]): void {
  const problems = problemsOf(history);
  assert.equal(problems.length, 1, problems.join('\n'));
  assert.match(problems[0] ?? '', problem);
}

describe('the judge accepts', () => {
  test('reads that see what was written before them', () => {
    accepts(
      absent([0, 1]),
      write('a', 1, [2, 3]),
      read('a', [4, 5]),
      write('b', 2, [6, 7]),
      inspect(2, [8, 9]),
    );
  });

  test('a read beside a write, whichever of the two values it sees', () => {
    const writes = [write('a', 1, [0, 1]), write('b', 2, [2, 9])];
    accepts(...writes, read('a', [3, 4]), read('b', [5, 6]));
    accepts(...writes, read('a', [3, 4]), read('a', [5, 6]));
  });

  test('a write without an answer that happens later, or never', () => {
    const history = [write('a', 1, [0, 1]), lostWrite('b', [2, 3]), read('a', [4, 5])];
    accepts(...history, read('b', [6, 7]), inspect(2, [8, 9]));
    accepts(...history, read('a', [6, 7]), inspect(1, [8, 9]));
  });

  test('a write whose number shows that one without an answer has happened before it', () => {
    accepts(lostWrite('a', [0, 1]), write('b', 2, [2, 3]), read('b', [4, 5]));
  });

  test('a write that expects the version that is there, and one that is refused for another', () => {
    accepts(compare('a', 0, 1, [0, 1]), compare('b', 0, 'other', [2, 3]), compare('c', 1, 2, [4, 5]));
    accepts(compare('a', 0, 'other', [0, 9]), write('b', 1, [1, 8]), read('b', [10, 11]));
  });

  test('an old value where the manager said that it might be old', () => {
    accepts(
      write('a', 1, [0, 1]),
      write('b', 2, [2, 3]),
      read('a', [4, 5], 'local'),
      inspect(1, [6, 7], 'local'),
      absent([8, 9], 'local'),
    );
  });
});

describe('the judge refuses', () => {
  test('a read of a value that was replaced before it began', () => {
    refuses(/3 operations 2 .* read /, write('a', 1, [0, 1]), write('b', 2, [2, 3]), read('a', [4, 5]));
  });

  test('a write that was acknowledged and is gone', () => {
    refuses(/absent/, write('a', 1, [0, 1]), absent([2, 3]));
    refuses(/"version":1/, write('a', 1, [0, 1]), write('b', 2, [2, 3]), inspect(1, [4, 5]));
  });

  test('two writes that were acknowledged with the same number', () => {
    refuses(/write [ab]/, write('a', 1, [0, 9]), write('b', 1, [1, 8]));
  });

  test('a write that happened though it was refused', () => {
    refuses(/read/, write('a', 1, [0, 1]), refusedWrite('b', [2, 3]), read('b', [4, 5]));
  });

  test('two writes that were made expecting the same version, and one that was refused though it was there', () => {
    refuses(/compare b at 0/, compare('a', 0, 1, [0, 1]), compare('b', 0, 2, [2, 3]));
    refuses(/compare b at 1/, write('a', 1, [0, 1]), compare('b', 1, 'other', [2, 3]));
  });

  test('a write without an answer that happens twice, or is gone again', () => {
    refuses(/"version":2/, lostWrite('a', [0, 1]), inspect(1, [2, 3]), inspect(2, [4, 5]));
    refuses(/read/, write('a', 1, [0, 1]), lostWrite('b', [2, 3]), read('b', [4, 5]), read('a', [6, 7]));
  });

  test('a value that nobody wrote, or only later, even if it may be old', () => {
    refuses(/nobody had written/, write('a', 1, [0, 1]), read('x', [2, 3], 'local'));
    refuses(/nobody had written/, read('a', [0, 1], 'local'), write('a', 1, [2, 3]));
  });

  test('what is wrong under one name among others that are right', () => {
    const right = [write('a', 1, [0, 1]), read('a', [2, 3])].map((made) => ({ ...made, name: 'birch' }));
    refuses(/^hand-made apple: /, ...right, write('a', 1, [0, 1]), inspect(2, [2, 3]));
  });
});

test('the log of a manager tells of a read that it was allowed to be old', () => {
  const stale = [write('a', 1, [0, 1]), write('b', 2, [2, 3]), read('a', [4, 5])];
  const line = (task: string, freshness: Freshness): string =>
    `{"level":"debug","secret":"apple","version":1,"task":"${task}","node":"n","freshness":"${freshness}","message":"delivered a secret"}`;
  assert.equal(problemsOf(withFreshness(stale, [line('t4', 'linearizable'), line('t9', 'local')])).length, 1);
  assert.deepEqual(problemsOf(withFreshness(stale, [`other\n${line('t4', 'local')}\n`])), []);
});

describe('clients of a manager', () => {
  const temporary = temporaryDirectory();
  let manager: ManagerProcess;
  before(async () => {
    manager = await ManagerProcess.start();
    await manager.serving();
  });
  after(async () => {
    await manager?.destroy();
    temporary.remove();
  });

  test('record a history that is right, also where the manager is killed under them', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const file = path.join(temporary.path, 'history');
    const history = new History('one manager', file);
    const clients = Clients.start({ managers: [manager], history, random });
    for (const calls of [150, 300, 450]) {
      await waitFor(() => clients.calls > calls, { what: 'calls to be made' });
      await manager.kill9();
      await manager.start();
    }
    await manager.serving();
    await clients.stop();

    const entries = history.entries;
    assert.equal(entries.length, clients.calls);
    assert.deepEqual(readHistory(file), JSON.parse(JSON.stringify(entries)));
    assert.equal(readFileSync(file, 'utf8').split('\n').length, entries.length + 1);
    const kinds = new Set(entries.map(({ call, result }) => `${call.kind} ${result.kind}`));
    for (const kind of ['write done', 'compare done', 'compare other', 'read value', 'inspect version']) {
      assert.ok(kinds.has(kind), `${kind} is among ${[...kinds].join(', ')}`);
    }
    assert.deepEqual(problemsOf(withFreshness(entries, [manager.log()])), []);
  });

  test('would be caught by the judge if one write was lost', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const history = new History('one manager, spoilt', path.join(temporary.path, 'spoilt'));
    const clients = Clients.start({ managers: [manager], history, random, names: ['dogwood'] });
    await waitFor(() => clients.calls > 50, { what: 'calls to be made' });
    await clients.stop();
    const { entries } = history;
    assert.deepEqual(problemsOf(entries), []);
    const writes = entries.filter(({ result }) => result.kind === 'done');
    const lost = random.pick(writes);
    assert.notDeepEqual(problemsOf(entries.filter((made) => made !== lost)), []);
  });
});

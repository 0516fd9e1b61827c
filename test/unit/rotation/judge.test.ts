// SPDX-License-Identifier: Apache-2.0
// What an engine's description of a service says of the update that was asked of it, as a table.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RollingService, RollingTask, ServiceUpdate } from '../../../src/engine/index.ts';
import { judge } from '../../../src/rotation/judge.ts';

const MARK = { forceUpdate: 2, versionIndex: 10, updateStartedAt: 'before' };

const service = (over: Partial<RollingService> = {}): RollingService => ({
  id: 'id-web',
  name: 'web',
  versionIndex: 20,
  forceUpdate: 2,
  mode: 'replicated',
  replicas: 2,
  update: undefined,
  ...over,
});
const update = (state: ServiceUpdate['state'], startedAt = 'after'): ServiceUpdate => ({
  state,
  startedAt,
  message: '',
});
const task = (over: Partial<RollingTask> = {}): RollingTask => ({
  id: 'task',
  isRunning: true,
  isWanted: true,
  forceUpdate: 2,
  error: '',
  changedAt_ms: 0,
  ...over,
});
const old = task({ forceUpdate: 1 });
const broken = task({ isRunning: false, isWanted: false, error: 'exit (3)', changedAt_ms: 5 });

const CASES: readonly (readonly [
  what: string,
  service: RollingService,
  tasks: readonly RollingTask[],
  expected: string,
])[] = [
  [
    'it is as it was when that was written down',
    service({ versionIndex: 10, forceUpdate: 1 }),
    [old, old],
    'ask',
  ],
  ['somebody else has changed it since', service({ versionIndex: 11, forceUpdate: 1 }), [old, old], 'mark'],
  [
    'the engine has ended a rollback that had begun before',
    service({ forceUpdate: 1, update: update('rollback_completed', 'before') }),
    [old, old],
    'mark',
  ],
  [
    'the engine has put the old spec back',
    service({ forceUpdate: 1, update: update('rollback_completed') }),
    [old, old, broken],
    'failed: the engine has rolled its update back: exit (3)',
  ],
  ['the update has not begun', service(), [old, old], 'wait: 0 of 2 tasks'],
  ['one of two is replaced', service({ update: update('updating') }), [old, task()], 'wait: 1 of 2 tasks'],
  [
    'all are replaced and still watched over',
    service({ update: update('updating') }),
    [task(), task()],
    'wait: 2 of 2 tasks',
  ],
  ['all run', service({ update: update('completed') }), [task(), task()], 'converged'],
  ['one has fallen again', service({ update: update('completed') }), [task(), broken], 'wait: 1 of 2 tasks'],
  [
    'one starts still',
    service({ update: update('completed') }),
    [task(), task({ isRunning: false })],
    'wait: 1 of 2 tasks',
  ],
  ['there are to be none', service({ replicas: 0 }), [], 'converged'],
  [
    'a global service runs on all its nodes',
    service({ mode: 'global', replicas: undefined, update: update('completed') }),
    [task(), task(), task()],
    'converged',
  ],
  [
    'a global service has a node to go',
    service({ mode: 'global', replicas: undefined }),
    [task(), old],
    'wait: 1 of 2 tasks',
  ],
  [
    'its update is paused',
    service({ update: update('paused') }),
    [
      old,
      { ...broken, error: 'older', changedAt_ms: 1 },
      broken,
      { ...broken, forceUpdate: 1, error: 'other' },
    ],
    'failed: its update is paused: exit (3)',
  ],
  [
    'its update was forced by somebody else as well',
    service({ forceUpdate: 3 }),
    [task({ forceUpdate: 3 }), old],
    'wait: 1 of 2 tasks',
  ],
];

for (const [what, found, tasks, expected] of CASES) {
  test(`an update of which ${what}: ${expected}`, () => {
    const judgement = judge(found, tasks, MARK);
    const more = 'text' in judgement ? `: ${judgement.text}` : 'why' in judgement ? `: ${judgement.why}` : '';
    assert.equal(`${judgement.kind}${more}`, expected);
  });
}

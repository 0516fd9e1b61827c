// SPDX-License-Identifier: Apache-2.0
// Who is entitled to what.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodePlan, PlanInput } from '../../../src/distribution/plan-model.ts';
import { plan } from '../../../src/distribution/planner.ts';
import type { EngineTask } from '../../../src/engine/index.ts';
import { container, CONTAINER_ID, grant, mount, node, planInput, REPORTED_MS, swarm, task } from './facts.ts';

const CONTAINER = `container/${CONTAINER_ID}`;

/** `holder: secrets, and what was refused in brackets`, one line each; then the secrets of the node. */
function told(input: PlanInput, nodeId = 'a'): readonly string[] {
  const due = plan(input).get(nodeId);
  assert.ok(due !== undefined, `${nodeId} has a plan`);
  return [...describe(due), `all: ${[...due.secrets.values()].map(({ name }) => name).join(' ')}`.trim()];
}

function describe({ holders }: NodePlan): readonly string[] {
  return [...holders.values()].map(({ key, refused, secrets }) => {
    const names = [
      ...secrets.map(({ name }) => name),
      ...refused.map(({ code, name }) => `[${name}: ${code}]`),
    ];
    return `${key}: ${names.join(' ')}`.trim();
  });
}

const TASKS: readonly (readonly [string, Partial<EngineTask>, readonly string[]])[] = [
  ['runs', {}, ['task/t: db', 'all: db']],
  ['was assigned just now', { state: 'assigned' }, ['task/t: db', 'all: db']],
  ['is preparing', { state: 'preparing' }, ['task/t: db', 'all: db']],
  ['is of a job, and is to complete', { desiredState: 'complete' }, ['task/t: db', 'all: db']],
  ['is to be ready first', { state: 'ready', desiredState: 'ready' }, ['task/t: db', 'all: db']],
  ['waits for a node', { state: 'pending', nodeId: '' }, ['all:']],
  ['is not assigned yet, though a node is named', { state: 'pending' }, ['all:']],
  ['has ended', { state: 'complete' }, ['all:']],
  ['has failed', { state: 'failed' }, ['all:']],
  ['was rejected', { state: 'rejected' }, ['all:']],
  ['was lost with its node', { state: 'orphaned' }, ['all:']],
  ['is to shut down, and still runs', { desiredState: 'shutdown' }, ['all:']],
  ['is to be removed, and still runs', { desiredState: 'remove' }, ['all:']],
  ['is on another node', { nodeId: 'engine-b' }, ['all:']],
  ['is of a service that was removed', { serviceId: 'gone' }, ['all:']],
  ['mounts nothing', { mounts: [] }, ['all:']],
  ['mounts a volume of the engine’s own', { mounts: [mount('db', {}, '')] }, ['all:']],
  ['mounts a volume of another driver', { mounts: [mount('db', {}, 'rclone')] }, ['all:']],
  [
    'names the driver with its tag',
    { mounts: [mount('db', {}, 'coffer:latest')] },
    ['task/t: db', 'all: db'],
  ],
  [
    'mounts two volumes, and one secret in both',
    { mounts: [mount('db'), mount('both', { secrets: 'DB,api' })] },
    ['task/t: db api', 'all: db api'],
  ],
  [
    'mounts a secret that there is not',
    { mounts: [mount('v', { secrets: 'db,missing' })] },
    ['task/t: db [missing: secret.not-found]', 'all: db'],
  ],
  [
    'mounts a volume with options that say nothing',
    { mounts: [mount('db'), mount('v', { mode: '0666' })] },
    ['task/t: db [v: volume.options-invalid]', 'all: db'],
  ],
];

test('a task is due what its service mounts, while the swarm wants it to run', () => {
  for (const [what, rest, expected] of TASKS) {
    assert.deepEqual(told(planInput({ swarm: swarm([task('t', rest)]) })), expected, `a task that ${what}`);
  }
});

test('a refusal has the sentence that says why', () => {
  const mounts = [mount('missing'), mount('v', { mode: 'x' })];
  const due = plan(planInput({ swarm: swarm([task('t', { mounts })]) })).get('a');
  assert.deepEqual(due?.holders.get('task/t')?.refused, [
    { name: 'missing', code: 'secret.not-found', message: 'coffer holds no secret missing' },
    { name: 'v', code: 'volume.options-invalid', message: 'the option mode is not a mode in octal' },
  ]);
});

test('a node that is in no swarm has no tasks, also if there are some without a node', () => {
  const nodes = [node('a', [], { engineNodeId: '' })];
  assert.deepEqual(told(planInput({ nodes, swarm: swarm([task('t', { nodeId: '' })]) })), ['all:']);
});

test('a task’s secrets are due before its container is there', () => {
  const input = planInput({ nodes: [node('a', [])], swarm: swarm([task('t', { state: 'assigned' })]) });
  assert.deepEqual(told(input), ['task/t: db', 'all: db']);
});

const REPORTED: readonly (readonly [string, PlanInput['swarm'], readonly string[]])[] = [
  ['no swarm', undefined, ['task/t:', 'all:']],
  ['the task on this node', swarm([task('t')]), ['task/t: db', 'all: db']],
  ['the task on another node', swarm([task('t', { nodeId: 'engine-b' })]), ['task/t:', 'all:']],
  ['no such task', swarm([]), ['task/t:', 'all:']],
  ['no such task, before the report', swarm([], { begunAt_ms: REPORTED_MS - 1 }), ['all:']],
  ['no such task, just as the report came', swarm([], { begunAt_ms: REPORTED_MS }), ['all:']],
  [
    'the task on another node, before the report',
    swarm([task('t', { nodeId: 'b' })], { begunAt_ms: 0 }),
    ['all:'],
  ],
  [
    'the task on this node, before the report',
    swarm([task('t')], { begunAt_ms: 0 }),
    ['task/t: db', 'all: db'],
  ],
];

test('a task that a node reports is believed if the leader’s own engine has it there, and denied once the engine was asked since', () => {
  for (const [what, snapshot, expected] of REPORTED) {
    const nodes = [node('a', [container({ taskId: 't' })])];
    assert.deepEqual(told(planInput({ nodes, swarm: snapshot })), expected, `the engine shows ${what}`);
  }
});

test('a grant is not for the container of a task', () => {
  const nodes = [node('a', [container({ taskId: 't' })])];
  assert.deepEqual(told(planInput({ nodes, grants: [grant('db')] })), ['task/t:', 'all:']);
});

const GRANTED: readonly (readonly [string, Partial<PlanInput>, readonly string[]])[] = [
  ['nothing granted', {}, [`${CONTAINER}:`, 'all:']],
  ['a grant', { grants: [grant('db')] }, [`${CONTAINER}: db`, 'all: db']],
  ['two grants', { grants: [grant('db'), grant('api')] }, [`${CONTAINER}: db api`, 'all: db api']],
  ['a grant twice', { grants: [grant('db'), grant('DB')] }, [`${CONTAINER}: db`, 'all: db']],
  ['a grant of another node', { grants: [grant('db', { nodeId: 'b' })] }, [`${CONTAINER}:`, 'all:']],
  [
    'a grant by the node’s name in the engine',
    { grants: [grant('db', { nodeId: 'engine-a' })] },
    [`${CONTAINER}:`, 'all:'],
  ],
  [
    'a grant for another container',
    { grants: [grant('db', { container: 'x*' })] },
    [`${CONTAINER}:`, 'all:'],
  ],
  [
    'a grant that matches beside one that does not',
    { grants: [grant('db', { container: 'x*' }), grant('db', { container: 'w*' })] },
    [`${CONTAINER}: db`, 'all: db'],
  ],
  [
    'a grant of a secret that there is not',
    { grants: [grant('missing'), grant('db')] },
    [`${CONTAINER}: db [missing: secret.not-found]`, 'all: db'],
  ],
  [
    'a swarm beside it',
    { grants: [grant('api')], swarm: swarm([task('t')]) },
    ['task/t: db', `${CONTAINER}: api`, 'all: db api'],
  ],
];

test('a container that no service has made is due what grants name for it, and told so if that is nothing', () => {
  for (const [what, rest, expected] of GRANTED) {
    assert.deepEqual(told(planInput({ nodes: [node('a', [container()])], ...rest })), expected, what);
  }
});

test('a grant alone puts nothing on a node', () => {
  assert.deepEqual(told(planInput({ grants: [grant('db')] })), ['all:']);
});

test('of two containers that are told under one id the first one counts', () => {
  const nodes = [node('a', [container({ name: 'x' }), container({ name: 'web' })])];
  const grants = [grant('db', { container: 'web' })];
  assert.deepEqual(told(planInput({ nodes, grants })), [`${CONTAINER}:`, 'all:']);
});

test('a task that mounts more than a message holds is refused the rest, and tells of some refusals only', () => {
  const names = Array.from({ length: 10_300 }, (_, at) => `s${at}`);
  const mounts = Array.from({ length: 103 }, (_, at) =>
    mount(`v${at}`, { secrets: names.slice(at * 100, at * 100 + 100).join(',') }),
  );
  const store = new Map(names.map((name) => [name, { id: `id-${name}`, name, version: 1 }]));
  const due = plan(
    planInput({ swarm: swarm([task('t', { mounts })]), secret: (name) => store.get(name) }),
  ).get('a');
  const holder = due?.holders.get('task/t');
  assert.equal(holder?.secrets.length, 10_000);
  assert.equal(due?.secrets.size, 10_000);
  assert.equal(holder?.refused.length, 200);
  assert.equal(holder?.refused[0]?.code, 'volume.refused');
});

test('an error of the store is no refusal of a secret', () => {
  const broken = (): never => {
    throw new Error('the store is closed');
  };
  assert.throws(() => plan(planInput({ swarm: swarm([task('t')]), secret: broken })), /the store is closed/);
});

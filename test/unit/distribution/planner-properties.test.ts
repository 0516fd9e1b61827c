// SPDX-License-Identifier: Apache-2.0
// What holds of every plan, whatever it is made from.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Plan, PlanInput } from '../../../src/distribution/plan-model.ts';
import { plan } from '../../../src/distribution/planner.ts';
import type { NodeFacts } from '../../../src/distribution/protocol.ts';
import { type EngineService, TASK_STATES } from '../../../src/engine/index.ts';
import { assertProperty } from '../../support/property.ts';
import { container, grant, mount, node, planInput, swarm, task } from './facts.ts';

const RUNS = 1_500;

const names = fc.constantFrom('db', 'api', 'key');
const nodeIds = fc.constantFrom('a', 'b');
const taskIds = fc.constantFrom('t', 'u', 'v');

const mounts = fc.array(
  fc
    .tuple(
      names,
      fc.constantFrom({}, { secrets: 'db,api' }, { mode: 'x' }),
      fc.constantFrom('coffer', '', 'other'),
    )
    .map(([source, options, driver]) => mount(source, options, driver)),
  { maxLength: 3 },
);

const tasks = fc
  .record({
    id: taskIds,
    nodeId: fc.constantFrom('engine-a', 'engine-b', ''),
    serviceId: fc.constantFrom('service', 'gone'),
    state: fc.oneof(fc.constant('running' as const), fc.constantFrom(...TASK_STATES)),
    desiredState: fc.oneof(fc.constant('running' as const), fc.constantFrom(...TASK_STATES)),
    mounts,
  })
  .map(({ id, ...rest }) => task(id, rest));

const containers = fc
  .record({
    id: fc.constantFrom('1'.repeat(64), '2'.repeat(64), '3'.repeat(64)),
    name: fc.constantFrom('web', 'db'),
    taskId: fc.oneof(fc.constant(''), taskIds),
    labels: fc.constantFrom({}, { tier: 'front' }),
  })
  .map((facts) => container(facts));

const grants = fc
  .record({
    secret: names,
    nodeId: nodeIds,
    container: fc.constantFrom('', 'w*', 'x'),
    labels: fc.constantFrom({}, { tier: 'front' }),
  })
  .map(({ secret, ...rest }) => grant(secret, rest));

/** All that a plan is made from, as lists of which anything can be left out. */
interface Facts {
  readonly tasks: readonly ReturnType<typeof task>[];
  readonly services: readonly EngineService[];
  readonly grants: readonly ReturnType<typeof grant>[];
  readonly onA: NodeFacts['containers'];
  readonly onB: NodeFacts['containers'];
  readonly stored: readonly string[];
}

const facts: fc.Arbitrary<Facts> = fc.record({
  tasks: fc.uniqueArray(tasks, { maxLength: 3, selector: ({ id }) => id }),
  services: fc.subarray<EngineService>([
    { id: 'service', name: 'web', labels: {}, image: 'nginx', mounts: [], secrets: [] },
  ]),
  grants: fc.array(grants, { maxLength: 4 }),
  onA: fc.uniqueArray(containers, { maxLength: 3, selector: ({ id }) => id }),
  onB: fc.uniqueArray(containers, { maxLength: 3, selector: ({ id }) => id }),
  stored: fc.subarray(['db', 'api', 'key']),
});

function inputOf(
  { onA, onB, services, stored, tasks: all, grants: granted }: Facts,
  begunAt_ms = 0,
): PlanInput {
  const nodes = [node('a', onA), node('b', onB)];
  return planInput({ nodes, grants: granted, swarm: swarm(all, { services, begunAt_ms }) }, stored);
}

/** `node holder secret` of all that is due. */
function entitled(made: Plan): ReadonlySet<string> {
  const all = [...made].flatMap(([nodeId, { holders }]) =>
    [...holders.values()].flatMap(({ key, secrets }) =>
      secrets.map(({ secretId }) => `${nodeId} ${key} ${secretId}`),
    ),
  );
  return new Set(all);
}

test('each secret of a node is named by a holder, and each that a holder names is there', (t) => {
  assertProperty(
    t,
    RUNS,
    fc.property(facts, fc.nat({ max: 2_000 }), (all, begunAt_ms) => {
      for (const { holders, secrets } of plan(inputOf(all, begunAt_ms)).values()) {
        const named = new Set(
          [...holders.values()].flatMap((holder) => holder.secrets.map(({ secretId }) => secretId)),
        );
        assert.deepEqual([...secrets.keys()].sort(), [...named].sort());
      }
    }),
  );
});

test('a node without tasks and grants has nothing, whatever it reports', (t) => {
  assertProperty(
    t,
    RUNS,
    fc.property(facts, (all) => {
      const elsewhere = {
        ...all,
        tasks: all.tasks.filter(({ nodeId }) => nodeId !== 'engine-a'),
        grants: all.grants.filter(({ nodeId }) => nodeId !== 'a'),
      };
      assert.equal(plan(inputOf(elsewhere)).get('a')?.secrets.size, 0);
    }),
  );
});

test('a fact that goes never gives anybody a secret', (t) => {
  const lists = ['tasks', 'services', 'grants', 'onA', 'onB', 'stored'] as const;
  assertProperty(
    t,
    RUNS,
    fc.property(facts, fc.constantFrom(...lists), fc.nat(), (all, list, at) => {
      const without = { ...all, [list]: all[list].filter((_, place) => place !== at % all[list].length) };
      const before = entitled(plan(inputOf(all)));
      for (const one of entitled(plan(inputOf(without)))) {
        assert.ok(before.has(one), `${one} is new without one of ${list}`);
      }
    }),
  );
});

test('what one node reports changes nothing for another', (t) => {
  assertProperty(
    t,
    RUNS,
    fc.property(facts, facts, (all, other) => {
      assert.deepEqual(plan(inputOf(all)).get('b'), plan(inputOf({ ...all, onA: other.onA })).get('b'));
    }),
  );
});

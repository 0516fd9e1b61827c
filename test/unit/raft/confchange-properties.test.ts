// SPDX-License-Identifier: Apache-2.0
// What holds for any changes to any configuration. The model is as plain as can be: who votes for what is decided, what
// each node is to be, and a stamp for each member by which kept progress is told from new one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { unreachable } from '../../../src/common/index.ts';
import { enterJoint, leaveJoint, restore, simple } from '../../../src/raft/confchange/index.ts';
import { jointVote } from '../../../src/raft/quorum/index.ts';
import {
  confStateOf,
  describeConfig,
  describeProgressMap,
  type ProgressTracker,
  type TrackerConfig,
} from '../../../src/raft/tracker/index.ts';
import { CONF_CHANGE_TYPES, type ConfChangeSingle, type NodeId } from '../../../src/raft/types.ts';
import { emptyTracker } from '../../support/conf-changes.ts';
import { assertProperty } from '../../support/property.ts';

type Step =
  | { readonly kind: 'simple'; readonly changes: readonly ConfChangeSingle[] }
  | { readonly kind: 'joint'; readonly changes: readonly ConfChangeSingle[]; readonly autoLeave: boolean }
  | { readonly kind: 'leave' };

// 0 is nobody; few others, so that they meet.
const anyChange = fc.record({
  type: fc.constantFrom(...CONF_CHANGE_TYPES),
  nodeId: fc.integer({ min: 0, max: 7 }),
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: stepOf('simple', 1) },
  { weight: 1, arbitrary: stepOf('simple', 4) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('joint' as const),
      changes: fc.array(anyChange, { maxLength: 8 }),
      autoLeave: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'leave' as const }) },
);
const anySteps = fc.array(anyStep, { maxLength: 30 });

function stepOf(kind: 'simple', maxLength: number): fc.Arbitrary<Step> {
  return fc.record({ kind: fc.constant(kind), changes: fc.array(anyChange, { minLength: 1, maxLength }) });
}

interface Model {
  readonly roles: ReadonlyMap<NodeId, 'voter' | 'learner'>;
  readonly outgoing: ReadonlySet<NodeId>;
  readonly autoLeave: boolean;
  readonly stamps: ReadonlyMap<NodeId, number>;
}

const NOBODY: Model = { roles: new Map(), outgoing: new Set(), autoLeave: false, stamps: new Map() };

function votersOf(model: Model): readonly NodeId[] {
  return [...model.roles].filter(([, role]) => role === 'voter').map(([id]) => id);
}

/** The model after the step, in which new members bear `stamp`; `undefined` if the step must be refused. */
function modelAfter(model: Model, step: Step, stamp: number): Model | undefined {
  const joint = model.outgoing.size > 0;
  switch (step.kind) {
    case 'simple': {
      const after = withChanges(model, step.changes, stamp);
      const [old, fresh] = [votersOf(model), votersOf(after)];
      const removed = old.filter((id) => !fresh.includes(id)).length;
      const added = fresh.filter((id) => !old.includes(id)).length;
      return joint || fresh.length === 0 || removed + added > 1 ? undefined : after;
    }
    case 'joint': {
      const outgoing = new Set(votersOf(model));
      const after = withChanges({ ...model, outgoing, autoLeave: step.autoLeave }, step.changes, stamp);
      return joint || outgoing.size === 0 || votersOf(after).length === 0 ? undefined : after;
    }
    case 'leave':
      return joint ? withChanges({ ...model, outgoing: new Set(), autoLeave: false }, [], stamp) : undefined;
    default:
      return unreachable(step);
  }
}

function withChanges(model: Model, changes: readonly ConfChangeSingle[], stamp: number): Model {
  const roles = new Map(model.roles);
  const stamps = new Map(model.stamps);
  for (const { type, nodeId } of changes.filter((change) => change.nodeId !== 0)) {
    if (type === 'ConfChangeAddNode' || type === 'ConfChangeAddLearnerNode') {
      roles.set(nodeId, type === 'ConfChangeAddNode' ? 'voter' : 'learner');
      stamps.set(nodeId, stamps.get(nodeId) ?? stamp);
    } else if (type === 'ConfChangeRemoveNode') {
      roles.delete(nodeId);
    }
    forgetStrangers();
  }
  forgetStrangers();
  return { ...model, roles, stamps };

  function forgetStrangers(): void {
    for (const id of stamps.keys()) {
      if (!roles.has(id) && !model.outgoing.has(id)) {
        stamps.delete(id);
      }
    }
  }
}

/** The configuration that the model stands for. */
function configOf({ roles, outgoing, autoLeave }: Model): TrackerConfig {
  const learning = [...roles].filter(([, role]) => role === 'learner').map(([id]) => id);
  return {
    voters: { incoming: new Set([...roles.keys()].filter((id) => roles.get(id) === 'voter')), outgoing },
    autoLeave,
    learners: new Set(learning.filter((id) => !outgoing.has(id))),
    learnersNext: new Set(learning.filter((id) => outgoing.has(id))),
  };
}

/** Takes the step; false if it was refused. New members get the stamp as the index that they have acknowledged. */
function take(tracker: ProgressTracker, step: Step, stamp: number): boolean {
  const state = { tracker, lastIndex: stamp };
  try {
    const { config, progress } =
      step.kind === 'simple'
        ? simple(state, step.changes)
        : step.kind === 'joint'
          ? enterJoint(state, step.autoLeave, step.changes)
          : leaveJoint(state);
    tracker.config = config;
    tracker.progress = progress;
  } catch (error) {
    assert.equal((error as { code?: unknown }).code, 'internal.invariant');
    return false;
  }
  for (const progress of tracker.progress.values()) {
    if (progress.match === 0) {
      progress.maybeUpdate(stamp);
    }
  }
  return true;
}

const printed = (tracker: ProgressTracker): string =>
  `${describeConfig(tracker.config)}\n${describeProgressMap(tracker.progress)}`;

/** A tracker after those of the steps that can be taken. */
function trackerAfter(steps: readonly Step[]): ProgressTracker {
  const tracker = emptyTracker();
  take(tracker, { kind: 'simple', changes: [{ type: 'ConfChangeAddNode', nodeId: 1 }] }, 1);
  steps.forEach((step, place) => take(tracker, step, place + 2));
  return tracker;
}

describe('any changes', () => {
  test('lead where the model says, or are refused where it says, and then change nothing', (t) => {
    let [taken, refused] = [0, 0];
    assertProperty(
      t,
      3_000,
      fc.property(anySteps, (steps) => {
        const tracker = emptyTracker();
        let model = NOBODY;
        steps.forEach((step, place) => {
          const before = printed(tracker);
          const expected = modelAfter(model, step, place + 1);
          assert.equal(take(tracker, step, place + 1), expected !== undefined);
          if (expected === undefined) {
            refused += 1;
            assert.equal(printed(tracker), before);
            return;
          }
          taken += 1;
          model = expected;
          assert.deepEqual(tracker.config, configOf(model));
          const stamps = new Map(Array.from(tracker.progress, ([id, { match }]) => [id, match]));
          assert.deepEqual(stamps, model.stamps);
          for (const [id, { isLearner }] of tracker.progress) {
            assert.equal(isLearner, tracker.config.learners.has(id), `member ${id}`);
          }
        });
      }),
    );
    t.diagnostic(`${taken} steps were taken, ${refused} refused`);
    assert.ok(taken > 1_000 && refused > 1_000, 'both happen often');
  });

  test('never let two groups without a common member decide, one before and one after', (t) => {
    assertProperty(
      t,
      3_000,
      fc.property(anySteps, anyStep, fc.func(fc.boolean()), (steps, step, choose) => {
        const tracker = trackerAfter(steps);
        const before = tracker.config.voters;
        fc.pre(take(tracker, step, 100));
        const after = tracker.config.voters;
        const ids = [1, 2, 3, 4, 5, 6, 7];
        const one = new Map(ids.map((id) => [id, choose(id)]));
        const rest = new Map(ids.map((id) => [id, !choose(id)]));
        assert.ok(jointVote(before, one) !== 'VoteWon' || jointVote(after, rest) !== 'VoteWon');
      }),
    );
  });

  test('made one by one or in a joint step that is left end in the same configuration', (t) => {
    // Voter 1 is left alone, so that no step on the way is without voters.
    const anyChanges = fc.array(anyChange, { maxLength: 10 });
    assertProperty(
      t,
      3_000,
      fc.property(anyChanges, anyChanges, fc.boolean(), (setup, all, autoLeave) => {
        const besides = (changes: readonly ConfChangeSingle[]): readonly ConfChangeSingle[] =>
          changes.filter(({ nodeId }) => nodeId !== 1);
        const oneByOne = (changes: readonly ConfChangeSingle[]): readonly Step[] =>
          besides(changes).map((change) => ({ kind: 'simple', changes: [change] }));
        const simply = trackerAfter([...oneByOne(setup), ...oneByOne(all)]);
        const jointly = trackerAfter([
          ...oneByOne(setup),
          { kind: 'joint', changes: besides(all), autoLeave },
          { kind: 'leave' },
        ]);
        assert.deepEqual(jointly.config, simply.config);
        assert.deepEqual(new Set(jointly.progress.keys()), new Set(simply.progress.keys()));
        assert.equal(jointly.config.autoLeave, false);
      }),
    );
  });

  test('lead to a configuration that comes back from what is stored of it, in any order', (t) => {
    let joint = 0;
    assertProperty(
      t,
      3_000,
      fc.property(anySteps, fc.boolean(), (steps, backwards) => {
        const { config } = trackerAfter(steps);
        joint += config.voters.outgoing.size > 0 ? 1 : 0;
        const stored = confStateOf(config);
        const order = (ids: readonly NodeId[]): readonly NodeId[] => (backwards ? [...ids].reverse() : ids);
        const restored = restore(
          { tracker: emptyTracker(), lastIndex: 3 },
          {
            voters: order(stored.voters),
            learners: order(stored.learners),
            votersOutgoing: order(stored.votersOutgoing),
            learnersNext: order(stored.learnersNext),
            autoLeave: stored.autoLeave,
          },
        );
        assert.deepEqual(restored.config, config);
        assert.deepEqual(confStateOf(restored.config), stored);
      }),
    );
    t.diagnostic(`${joint} of the configurations were joint`);
    assert.ok(joint > 300, 'joint ones are among them');
  });
});

// SPDX-License-Identifier: Apache-2.0
// The rules against a model that is simple enough to be seen to be right.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError, unreachable } from '../../../src/common/index.ts';
import {
  applyCommand,
  type Command,
  DESTROYED_KEPT,
  KEEP_LABEL,
  type PutValue,
  type SecretsView,
  VERSIONS_KEPT,
} from '../../../src/secrets/index.ts';
import { SecretIndex } from '../../../src/store/index.ts';
import { put, State, value } from './rules-harness.ts';

const KINDS = ['create', 'put', 'remove', 'activate', 'set-labels', 'rollback', 'destroy', 'prune'] as const;

/** A step of a random history, in terms of a few names in several letters. */
const step = fc.record({
  kind: fc.constantFrom(...KINDS, 'put', 'put', 'put', 'rollback', 'destroy'),
  name: fc.constantFrom('a', 'A', 'b', 'B', 'Bb', 'bB', 'c.d', 'C.D'),
  text: fc.string({ minLength: 1, maxLength: 5 }),
  version: fc.nat(14),
  keep: fc.constantFrom(1, 2, 3, VERSIONS_KEPT),
  expect: fc.constantFrom<PutValue['expect']>('always', 'always', 'absent', 0, 1, 2, 12),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface ModelSecret {
  readonly id: string;
  /** Ascending by version. */
  readonly values: readonly (readonly [version: number, text: string])[];
  readonly destroyed: readonly number[];
  /** What its label says. */
  readonly keep: number;
}

/** What stands under the name after the step; `refused` where it must be. */
function modelAfter(
  known: ModelSecret | undefined,
  newId: string,
  { expect, keep, kind, text, version }: Step,
): ModelSecret | undefined | 'refused' {
  const before = known ?? { id: newId, values: [], destroyed: [], keep: VERSIONS_KEPT };
  const last = before.values.at(-1)?.[0] ?? 0;
  const old = before.values.find(([number]) => number === version)?.[1];
  const misses = typeof expect === 'number' && expect !== last;
  const withValue = (added: string): ModelSecret => ({
    ...before,
    values: [...before.values, [last + 1, added] as const].slice(-before.keep),
  });
  if (kind === 'create') {
    return known === undefined ? withValue(text) : 'refused';
  }
  if (kind === 'put') {
    return misses ? 'refused' : expect === 'absent' && known !== undefined ? known : withValue(text);
  }
  if (known === undefined) {
    return 'refused';
  }
  if (kind === 'rollback') {
    return misses || old === undefined || version === last ? 'refused' : withValue(old);
  }
  if (kind === 'destroy') {
    if (known.destroyed.includes(version)) {
      return known;
    }
    return old === undefined || version === last
      ? 'refused'
      : {
          ...known,
          values: known.values.filter(([number]) => number !== version),
          destroyed: [...known.destroyed, version].toSorted((a, b) => a - b).slice(-DESTROYED_KEPT),
        };
  }
  switch (kind) {
    case 'remove':
      return undefined;
    case 'prune':
      return { ...known, values: known.values.slice(-keep) };
    case 'set-labels':
      return { ...known, keep };
    case 'activate':
      return known;
    default:
      return unreachable(kind);
  }
}

function commandOf(id: string, newId: string, { expect, keep, kind, name, text, version }: Step): Command {
  switch (kind) {
    case 'create': {
      const [labels, origin, pending] = [{}, 'gateway', true] as const;
      return { kind, id: newId, name, labels, origin, pending, value: value(text), at_ms: 1 };
    }
    case 'put':
      return put(name, text, { id: newId, expect });
    case 'rollback':
      return { kind, id, version, expect: typeof expect === 'number' ? expect : undefined, at_ms: 1 };
    case 'destroy':
      return { kind, id, numbers: [version], at_ms: 1 };
    case 'activate':
      return { kind, id, engine: { secretId: 'e', swarmId: 's' }, at_ms: 1 };
    case 'set-labels':
      return { kind, id, labels: { text, [KEEP_LABEL]: `${keep}` }, expectIndex: undefined, at_ms: 1 };
    case 'prune':
      return { kind, id, keep, at_ms: 1 };
    case 'remove':
      return { kind, id };
    default:
      return unreachable(kind);
  }
}

function assertIsModel(state: State, model: ReadonlyMap<string, ModelSecret>): void {
  const expected = [...model.values()].flatMap(({ id, values }) =>
    values.map(([number, text]) => [`${id}/${number}`, text] as const),
  );
  assert.deepEqual(state.values, new Map(expected));
  const ids = state.index.list().map(({ id }) => id);
  assert.deepEqual(ids.sort(), [...model.values()].map(({ id }) => id).sort());
  for (const [key, { destroyed, id, values }] of model) {
    const secret = state.index.byName(key.toUpperCase());
    assert.equal(secret?.id, id);
    assert.deepEqual(
      [secret.versions.map(({ number }) => number), secret.destroyed.map(({ number }) => number)],
      [values.map(([number]) => number), destroyed],
    );
  }
}

describe('any history', () => {
  test('comes to what a plain map of names to values comes to', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const state = new State();
        const model = new Map<string, ModelSecret>();
        for (const [position, each] of steps.entries()) {
          const key = each.name.toLowerCase();
          const known = model.get(key);
          const newId = `new-${position}`;
          const outcome = state.apply(commandOf(known?.id ?? `none-${position}`, newId, each));
          const after = modelAfter(known, newId, each);
          assert.equal(outcome.kind === 'refused', after === 'refused', `${each.kind} ${each.name}`);
          if (after === undefined) {
            model.delete(key);
          } else if (after !== 'refused') {
            model.set(key, after);
          }
        }
        assertIsModel(state, model);
      }),
      { numRuns: 300 },
    );
  });

  test('throws no error but the refusals', () => {
    const view = new SecretIndex();
    const broken: SecretsView = {
      byName: () => assert.fail('broken'),
      byId: () => undefined,
      deliveriesRecorded: 0,
      requestById: () => undefined,
      requestsApplied: 0,
      cluster: view.cluster,
    };
    assert.throws(() => applyCommand(broken, put('n'), 1), /broken/);
    const outcome = applyCommand(view, { kind: 'remove', id: 'x' }, 1);
    assert.ok(outcome.kind === 'refused' && outcome.error instanceof CofferError);
  });
});

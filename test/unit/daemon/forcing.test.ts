// SPDX-License-Identifier: Apache-2.0
// A survivor goes on alone: once, from the log that was looked at, and as the old member again where it fails.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { CofferError, silentLogger } from '../../../src/common/index.ts';
import type { SurvivorSurvey } from '../../../src/cluster/index.ts';
import { Forcing, type Reopening } from '../../../src/daemon/forcing.ts';
import { ClusterIndex } from '../../../src/membership/index.ts';
import { aNode } from '../../support/cluster-objects.ts';
import { waitFor } from '../../support/wait-for.ts';

const OWN_ENTRY = { term: 3, index: 40 };
const WISH = { told: [], othersAreGone: true };

class FakeKeeper implements Reopening {
  readonly calls: string[] = [];
  reason: CofferError | undefined;
  /** What the next opening ends in. */
  failure: CofferError | undefined;
  readonly index = new ClusterIndex();
  /** Resolves when the store may be open again. */
  gate: Promise<void> = Promise.resolve();

  source(): { readonly cluster: ClusterIndex } {
    if (this.reason !== undefined) {
      throw this.reason;
    }
    return { cluster: this.index };
  }

  async open(): Promise<void> {
    this.calls.push('open');
    this.reason = undefined;
  }

  async reopen(): Promise<void> {
    this.calls.push('reopen');
    await this.gate;
    this.reason = this.failure;
    if (this.failure === undefined) {
      const object = { ...aNode('b', 'manager', 2), id: 'id-b' };
      this.index.apply({ kind: 'delete-object', object });
    }
  }
}

function surveyWith(over: Partial<SurvivorSurvey> = {}): SurvivorSurvey {
  const other = { hostname: 'b', address: 'b:7373', voter: true } as const;
  return {
    managers: [
      { ...other, id: 'id-a', hostname: 'a', self: true, state: 'answers', lastEntry: OWN_ENTRY },
      { ...other, id: 'id-b', self: false, state: 'silent' },
    ],
    lastEntry: OWN_ENTRY,
    alone: false,
    refusal: undefined,
    ...over,
  };
}

describe('a survivor that is to go on alone', () => {
  let keeper: FakeKeeper;
  let surveys: number;
  let survey: SurvivorSurvey;
  let meant: unknown[];
  let forcing: Forcing;

  beforeEach(() => {
    keeper = new FakeKeeper();
    for (const name of ['a', 'b']) {
      keeper.index.put({ ...aNode(name, 'manager', name === 'a' ? 1 : 2), id: `id-${name}` });
    }
    surveys = 0;
    survey = surveyWith();
    meant = [];
    forcing = new Forcing({
      survivors: () => ({
        survey: async () => {
          surveys += 1;
          return survey;
        },
      }),
      goOnAlone: (entry) => void meant.push(entry),
      keeper,
      logger: silentLogger,
    });
  });

  const ended = (phase: 'done' | 'failed'): Promise<unknown> =>
    waitFor(() => forcing.progress().phase === phase, { what: phase });

  test('opens its store again from the log that was looked at, and says who was removed', async () => {
    assert.deepEqual(forcing.progress(), { phase: 'idle', removed: [] });
    const begun = await forcing.begin(WISH);
    const removed = [{ id: 'id-b', hostname: 'b', address: 'b:7373' }];
    assert.deepEqual(begun, { phase: 'reopening', removed, lastEntry: OWN_ENTRY });
    await ended('done');
    assert.deepEqual(forcing.progress(), { phase: 'done', removed, lastEntry: OWN_ENTRY });
    assert.deepEqual([keeper.calls, meant], [['reopen'], [OWN_ENTRY]]);
  });

  test('does it once, however many ask at the same time and while it is under way', async () => {
    let open = (): void => undefined;
    keeper.gate = new Promise((resolve) => {
      open = resolve;
    });
    await Promise.all([forcing.begin(WISH), forcing.begin(WISH)]);
    assert.equal((await forcing.begin(WISH)).phase, 'reopening');
    open();
    await ended('done');
    assert.deepEqual([keeper.calls, surveys], [['reopen'], 1]);
  });

  test('is refused as the managers that answer say, and nothing is closed', async () => {
    const refusal = new CofferError('cluster.not-lost', '2 of 3 managers answer');
    survey = surveyWith({ refusal });
    await assert.rejects(forcing.begin(WISH), refusal);
    assert.deepEqual([keeper.calls, meant, forcing.progress().phase], [[], [], 'idle']);
  });

  test('has nothing to do where it is alone already', async () => {
    survey = surveyWith({ alone: true });
    assert.equal((await forcing.begin(WISH)).phase, 'done');
    assert.deepEqual(keeper.calls, []);
  });

  test('opens its store as it was where the new cluster could not be made, and can be asked again', async () => {
    keeper.failure = new CofferError('cluster.survivor', 'the log has gone on', { hint: 'Look again.' });
    await forcing.begin(WISH);
    await ended('failed');
    assert.deepEqual(forcing.progress().problem, {
      code: 'cluster.survivor',
      message: 'the log has gone on',
      hint: 'Look again.',
    });
    assert.deepEqual([keeper.calls, keeper.reason], [['reopen', 'open'], undefined]);
    keeper.failure = undefined;
    await forcing.begin(WISH);
    await ended('done');
  });

  test('opens nothing once more where the daemon stops meanwhile', async () => {
    keeper.failure = new CofferError('store.closed', 'coffer is stopping');
    await forcing.begin(WISH);
    await ended('failed');
    assert.deepEqual(keeper.calls, ['reopen']);
  });
});

// SPDX-License-Identifier: Apache-2.0
// What a manager finds out about the others when it may have to go on alone.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { ManagerContact } from '../../../src/cluster/identity.ts';
import { BODY, encodeBody } from '../../../src/cluster/rpc-body.ts';
import { type SurvivingReplica, Survivors } from '../../../src/cluster/survivors.ts';
import { CofferError } from '../../../src/common/index.ts';
import type { ConfState } from '../../../src/raft/index.ts';
import { aNode } from '../../support/cluster-objects.ts';
import { refusal, viewOf } from './service-harness.ts';

const CONF_STATE: ConfState = {
  voters: [1, 2, 3],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};
const MANAGERS = ['a', 'b', 'c'].map((name, place) => ({
  ...aNode(name, 'manager', place + 1),
  id: `id-${name}`,
  hostname: name,
}));
const WORKER = { ...aNode('w', 'worker', 0), id: 'id-w', hostname: 'w' };

describe('the survivors of a cluster', () => {
  /** By node id: the body of the answer, or what the call ends in. */
  let answers: Map<string, Buffer | CofferError>;
  let status: ReturnType<SurvivingReplica['status']>;
  let confState: ConfState;
  let known: readonly ManagerContact[];

  beforeEach(() => {
    answers = new Map();
    status = { lastIndex: 40, lastTerm: 3, recoveringTerm: 0 };
    confState = CONF_STATE;
    known = MANAGERS.map(({ address, id, raftId }) => ({ nodeId: id, raftId, address }));
  });

  function survivors(nodeId = 'id-a'): Survivors {
    return new Survivors({
      replica: {
        identity: { raftId: 1 },
        state: { confState, index: { cluster: viewOf(...MANAGERS, WORKER) } },
        status: () => status,
      },
      client: {
        call: async (manager, method) => {
          assert.equal(method, 'position');
          const answer = answers.get(manager.nodeId) ?? new CofferError('transport.unreachable', 'no route');
          if (answer instanceof CofferError) {
            throw answer;
          }
          return answer;
        },
      },
      nodeId,
      managers: () => known,
    });
  }

  const positionOf = (term: number, index: number): Buffer => encodeBody(BODY.position, { term, index });
  const told = (
    node: string,
  ): { readonly node: string; readonly lastEntry: { term: number; index: number } } => ({
    node,
    lastEntry: { term: 3, index: 41 },
  });

  test('are asked, this one first, and each is told with what is known of it', async () => {
    answers.set('id-b', positionOf(3, 39));
    const { alone, lastEntry, managers } = await survivors().survey({ told: [], othersAreGone: true });
    assert.deepEqual([alone, lastEntry], [false, { term: 3, index: 40 }]);
    assert.deepEqual(
      managers.map(({ hostname, lastEntry: entry, problem, self, state, voter }) => ({
        hostname,
        entry,
        problem,
        self,
        state,
        voter,
      })),
      [
        {
          hostname: 'a',
          entry: { term: 3, index: 40 },
          problem: undefined,
          self: true,
          state: 'answers',
          voter: true,
        },
        {
          hostname: 'b',
          entry: { term: 3, index: 39 },
          problem: undefined,
          self: false,
          state: 'answers',
          voter: true,
        },
        { hostname: 'c', entry: undefined, problem: 'no route', self: false, state: 'silent', voter: true },
      ],
    );
  });

  test('that are not heard of are silent, and those that refuse are there', async () => {
    const states = async (error: CofferError): Promise<string | undefined> => {
      answers.set('id-b', error);
      const { managers } = await survivors().survey({ told: [], othersAreGone: true });
      return managers.find(({ id }) => id === 'id-b')?.state;
    };
    assert.equal(await states(new CofferError('transport.timeout', 'late')), 'silent');
    assert.equal(await states(new CofferError('cluster.not-a-manager', 'it is starting')), 'unready');
    assert.equal(await states(new CofferError('pki.certificate-invalid', 'expired')), 'unready');
    answers.set('id-b', Buffer.from('{"term":"three"}'));
    const { managers } = await survivors().survey({ told: [], othersAreGone: true });
    assert.equal(managers[1]?.state, 'unready', 'what it says is not understood');
  });

  test('that the administrator has looked at count as told, and what they say themselves counts more', async () => {
    const states = async (): Promise<readonly (readonly [string, number | undefined])[]> => {
      const wish = { told: [told('b'), told('id-c')], othersAreGone: true };
      const { managers } = await survivors().survey(wish);
      return managers.slice(1).map(({ lastEntry, state }) => [state, lastEntry?.index] as const);
    };
    assert.deepEqual(await states(), [
      ['told', 41],
      ['told', 41],
    ]);
    answers.set('id-b', positionOf(3, 30));
    assert.deepEqual(await states(), [
      ['answers', 30],
      ['told', 41],
    ]);
  });

  test('are managers of this cluster, or nobody is told', async () => {
    const survey = (node: string): Promise<unknown> =>
      survivors().survey({ told: [told(node)], othersAreGone: true });
    await assert.rejects(survey('x'), refusal('cluster.node-not-found'));
    await assert.rejects(survey('w'), refusal('request.invalid', /no manager/));
    await assert.rejects(survey('id-'), refusal('request.invalid', /ambiguous/));
  });

  test('are no majority where one that is in no table any more votes too', async () => {
    answers.set('id-b', positionOf(3, 40));
    known = known.slice(0, 2);
    confState = { ...CONF_STATE, voters: [1, 2, 8, 9] };
    const { refusal: reason } = await survivors().survey({ told: [], othersAreGone: true });
    assert.equal(reason, undefined);
  });

  test('are not led by one that does not vote, recovers, or has not caught up', async () => {
    const reasonWith = async (): Promise<string | undefined> =>
      (await survivors().survey({ told: [], othersAreGone: true })).refusal?.code;
    assert.equal(await reasonWith(), undefined);
    confState = { ...CONF_STATE, voters: [2, 3], learners: [1] };
    assert.equal(await reasonWith(), 'cluster.survivor');
    confState = { ...CONF_STATE, voters: [] };
    assert.equal(await reasonWith(), 'cluster.survivor');
    confState = CONF_STATE;
    status = { ...status, recoveringTerm: 4 };
    assert.equal(await reasonWith(), 'cluster.survivor');
  });

  test('are none where this manager is the only one that votes already, whoever stands in the table still', async () => {
    const isAlone = async (): Promise<boolean> =>
      (await survivors().survey({ told: [], othersAreGone: false })).alone;
    confState = { ...CONF_STATE, voters: [1] };
    assert.equal(await isAlone(), true);
    confState = { ...CONF_STATE, voters: [1], votersOutgoing: [1, 2, 3] };
    assert.equal(await isAlone(), false);
    confState = { ...CONF_STATE, voters: [2] };
    assert.equal(await isAlone(), false);
  });
});

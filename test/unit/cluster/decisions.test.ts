// SPDX-License-Identifier: Apache-2.0
// Who may speak, and what the membership's next step is: pure decisions, held against tables.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PROTOCOL, refusalOf } from '../../../src/cluster/authorize.ts';
import { nextStep } from '../../../src/cluster/membership-keeper.ts';
import { DISPATCH_PROTOCOL } from '../../../src/distribution/index.ts';
import type { ClusterIndex, ClusterObject, NodeObject } from '../../../src/membership/index.ts';
import type { NodeRole } from '../../../src/transport/index.ts';
import { aNode, anAuthority, aRevocation } from '../../support/cluster-objects.ts';
import { viewOf } from './service-harness.ts';

describe('who may speak', () => {
  const view = viewOf(
    anAuthority(),
    aNode('manager', 'manager', 1),
    { ...aNode('leaving', 'manager', 2), leaving: 'removed' },
    aNode('worker'),
    aRevocation('id-removed'),
  );
  const contacts = [{ nodeId: 'id-told', raftId: 9, address: 'told:7373' }];
  const both = ['manager', 'worker'] as const;

  function refusal(
    nodeId: string,
    role: NodeRole,
    protocol: string,
    state = view,
    clusterId = 'cluster',
    notAfter_ms = 1_001,
  ): string {
    return (
      refusalOf({ clusterId, nodeId, role, notAfter_ms, publicKeyFingerprint: 'key' }, protocol, {
        clusterId: 'cluster',
        view: state,
        contacts,
        now_ms: 1_000,
      })?.code ?? 'in'
    );
  }

  /** The node, the role in its certificate, and the answers: of raft and snapshot, and of member. */
  const ROWS: readonly (readonly [string, NodeRole, string, string])[] = [
    ['id-manager', 'manager', 'in', 'in'],
    ['id-manager', 'worker', 'cluster.role', 'in'],
    ['id-leaving', 'manager', 'in', 'in'],
    ['id-worker', 'worker', 'cluster.role', 'in'],
    ['id-worker', 'manager', 'cluster.role', 'in'],
    ['id-removed', 'manager', 'cluster.node-removed', 'cluster.node-removed'],
    ['id-removed', 'worker', 'cluster.role', 'cluster.node-removed'],
    ['id-nobody', 'manager', 'cluster.node-unknown', 'cluster.node-unknown'],
    ['id-told', 'manager', 'cluster.node-unknown', 'cluster.node-unknown'],
    ['', 'manager', 'cluster.node-unknown', 'cluster.node-unknown'],
    ['id-manager', 'unlock', 'cluster.role', 'cluster.role'],
    ['id-removed', 'unlock', 'cluster.role', 'cluster.role'],
  ];
  for (const [nodeId, role, managers, members] of ROWS) {
    test(`${nodeId || 'one without a name'}, as a ${role}`, () => {
      assert.equal(refusal(nodeId, role, PROTOCOL.raft), managers);
      assert.equal(refusal(nodeId, role, PROTOCOL.snapshot), managers);
      assert.equal(refusal(nodeId, role, PROTOCOL.member), members);
      assert.equal(refusal(nodeId, role, DISPATCH_PROTOCOL), members);
    });
  }

  test('nobody whose certificate has expired since the connection was made', () => {
    for (const protocol of [PROTOCOL.raft, PROTOCOL.snapshot, PROTOCOL.member, DISPATCH_PROTOCOL]) {
      const late = refusal('id-manager', 'manager', protocol, view, 'cluster', 1_000);
      assert.equal(late, 'pki.certificate-invalid');
    }
  });

  describe('of those that ask for the unlock key', () => {
    const on: ClusterObject = {
      kind: 'autolock',
      version: 1,
      unlockKey: Buffer.alloc(32, 1),
      peerUnlock: { earlierKeys: [] },
    };
    const known = (name: string, publicKeyFingerprint = 'key'): ClusterObject => ({
      kind: 'peer-unlock',
      nodeId: `id-${name}`,
      publicKeyFingerprint,
      authorityDigest: 'digest',
    });
    const demoted: ClusterObject = { ...aNode('leaving', 'manager', 2), leaving: 'demoted' };
    const stateOf = (...objects: readonly ClusterObject[]): ClusterIndex =>
      viewOf(
        anAuthority(),
        aNode('manager', 'manager', 1),
        aNode('worker'),
        aRevocation('id-removed'),
        ...objects,
      );

    const UNLOCK_ROWS: readonly (readonly [string, string, NodeRole, readonly ClusterObject[], string])[] = [
      ['a manager that is known by this key', 'manager', 'unlock', [on, known('manager')], 'in'],
      [
        'one that is known by another',
        'manager',
        'unlock',
        [on, known('manager', 'old')],
        'unlock.peer-refused',
      ],
      ['one that is not known by any', 'manager', 'unlock', [on, known('other')], 'unlock.peer-refused'],
      ['one while peer unlock is off', 'manager', 'unlock', [known('manager')], 'unlock.peer-refused'],
      ['one that shows what it serves with', 'manager', 'manager', [on, known('manager')], 'cluster.role'],
      ['a worker', 'worker', 'worker', [on, known('worker')], 'cluster.role'],
      ['a worker that was a manager', 'worker', 'unlock', [on, known('worker')], 'cluster.role'],
      ['one that is about to leave', 'leaving', 'unlock', [on, known('leaving'), demoted], 'cluster.role'],
      ['one that was removed', 'removed', 'unlock', [on, known('removed')], 'cluster.node-removed'],
      ['one that nobody knows', 'nobody', 'unlock', [on, known('nobody')], 'cluster.node-unknown'],
    ];
    for (const [who, name, role, objects, answer] of UNLOCK_ROWS) {
      test(who, () =>
        assert.equal(refusal(`id-${name}`, role, PROTOCOL.unlock, stateOf(...objects)), answer),
      );
    }

    test('nobody, by whoever has no state of its own', () => {
      assert.equal(refusal('id-told', 'unlock', PROTOCOL.unlock, viewOf()), 'cluster.node-unknown');
    });

    test('nobody of another cluster, nor after the end of the certificate', () => {
      const state = stateOf(on, known('manager'));
      const ask = (clusterId: string, notAfter_ms: number): string =>
        refusal('id-manager', 'unlock', PROTOCOL.unlock, state, clusterId, notAfter_ms);
      assert.equal(ask('cluster', 1_001), 'in');
      assert.equal(ask('other', 1_001), 'pki.certificate-invalid');
      assert.equal(ask('cluster', 1_000), 'pki.certificate-invalid');
    });
  });

  test('nobody of another cluster, whatever else the certificate says', () => {
    for (const role of both) {
      for (const protocol of Object.values(PROTOCOL)) {
        assert.equal(refusal('id-manager', role, protocol, view, 'other'), 'pki.certificate-invalid');
      }
    }
  });

  test('those that a node was told of when it joined, until it has a state of its own', () => {
    const nothing = viewOf();
    assert.equal(refusal('id-told', 'manager', PROTOCOL.raft, nothing), 'in');
    assert.equal(refusal('id-told', 'worker', PROTOCOL.raft, nothing), 'cluster.role');
    assert.equal(refusal('id-manager', 'manager', PROTOCOL.raft, nothing), 'cluster.node-unknown');
  });
});

describe('the next step of the membership', () => {
  interface Log {
    readonly voters?: readonly number[];
    readonly learners?: readonly number[];
    readonly outgoing?: readonly number[];
    readonly removed?: readonly number[];
    /** How far the others are, behind 1,000; negative: not active. */
    readonly match?: Readonly<Record<number, number>>;
    readonly authority?: boolean;
  }

  function step(nodes: readonly NodeObject[], log: Log): string {
    const { voters = [1], learners = [], outgoing = [], removed = [], match = {} } = log;
    const progress = new Map(
      Object.entries(match).map(([raftId, index]) => [
        Number(raftId),
        { match: Math.abs(index), recentActive: index > 0 },
      ]),
    );
    const objects = log.authority === false ? nodes : [anAuthority(), ...nodes];
    const confState = { voters, learners, votersOutgoing: outgoing, learnersNext: [], autoLeave: false };
    const next = nextStep({
      view: viewOf(...objects),
      confState,
      removed: new Set(removed),
      lastIndex: 1_000,
      progress,
    });
    if (next === undefined) {
      return 'nothing';
    }
    return next.kind === 'retired' ? `retired ${next.node.hostname}` : `${next.change} ${next.raftId}`;
  }

  const manager = (raftId: number, leaving: NodeObject['leaving'] = 'no'): NodeObject => ({
    ...aNode(`m${raftId}`, 'manager', raftId),
    joinedAt_ms: raftId,
    leaving,
  });
  const [m1, m2, m3] = [manager(1), manager(2), manager(3)];

  const ROWS: readonly (readonly [string, readonly NodeObject[], Log, string])[] = [
    ['there is nothing to do', [m1, aNode('w')], {}, 'nothing'],
    ['there is no CA yet', [m1, m2], { authority: false }, 'nothing'],
    ['a change is under way', [m1, m2], { outgoing: [1] }, 'nothing'],
    ['a manager has joined', [m1, m2], {}, 'ConfChangeAddLearnerNode 2'],
    ['two have joined: the first one first', [m3, m1, m2], {}, 'ConfChangeAddLearnerNode 2'],
    ['a learner has not answered yet', [m1, m2], { learners: [2] }, 'nothing'],
    [
      'a learner is taken for active, and has nothing',
      [m1, m2],
      { learners: [2], match: { 2: 0 } },
      'nothing',
    ],
    ['a learner is far behind', [m1, m2], { learners: [2], match: { 2: 743 } }, 'nothing'],
    ['a learner has caught up', [m1, m2], { learners: [2], match: { 2: 744 } }, 'ConfChangeAddNode 2'],
    ['a learner had caught up, and is away', [m1, m2], { learners: [2], match: { 2: -1_000 } }, 'nothing'],
    [
      'one has caught up while another is to go: a vote more comes first',
      [m1, manager(2, 'removed'), m3],
      { voters: [1, 2], learners: [3], match: { 3: 1_000 } },
      'ConfChangeAddNode 3',
    ],
    [
      'one of three is to go',
      [m1, m2, manager(3, 'demoted')],
      { voters: [1, 2, 3] },
      'ConfChangeRemoveNode 3',
    ],
    ['one of two is to go', [m1, manager(2, 'demoted')], { voters: [1, 2] }, 'ConfChangeRemoveNode 2'],
    ['the leader of two is to go', [manager(1, 'demoted'), m2], { voters: [1, 2] }, 'ConfChangeRemoveNode 1'],
    ['the last voter is to go, and stays', [manager(1, 'demoted')], {}, 'nothing'],
    [
      'the last voter is to go, and another has just joined',
      [manager(1, 'removed'), m2],
      {},
      'ConfChangeAddLearnerNode 2',
    ],
    [
      'a learner is to go',
      [m1, manager(2, 'removed')],
      { learners: [2], match: { 2: 1_000 } },
      'ConfChangeRemoveNode 2',
    ],
    ['a member that no node has', [m1], { voters: [1, 7] }, 'ConfChangeRemoveNode 7'],
    ['a learner that no node has', [m1], { learners: [7] }, 'ConfChangeRemoveNode 7'],
    ['a member whose node is a worker', [m1, aNode('w')], { voters: [1, 2] }, 'ConfChangeRemoveNode 2'],
    [
      'one has left the log, and was to be demoted',
      [m1, manager(2, 'demoted')],
      { removed: [2] },
      'retired m2',
    ],
    ['one has left the log, and was to be removed', [m1, manager(2, 'removed')], {}, 'retired m2'],
    ['one was taken out of the log by force: it is removed (A22)', [m1, m2], { removed: [2] }, 'retired m2'],
    [
      'one that was taken out by force goes before another one comes',
      [m1, m2, m3],
      { removed: [2] },
      'retired m2',
    ],
    [
      'one that leaves goes before one that comes',
      [m1, m2, manager(3, 'demoted'), manager(4)],
      { voters: [1, 2, 3] },
      'ConfChangeRemoveNode 3',
    ],
    [
      'the last voter waits to go, and a learner goes before it',
      [manager(1, 'demoted'), manager(2, 'removed'), m3],
      { learners: [2, 3] },
      'ConfChangeRemoveNode 2',
    ],
  ];
  for (const [when, nodes, log, expected] of ROWS) {
    test(`when ${when}`, () => assert.equal(step(nodes, log), expected));
  }
});

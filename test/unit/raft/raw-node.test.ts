// SPDX-License-Identifier: Apache-2.0
// The face of the core towards its driver: what it takes, what it refuses, and what it says of itself.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Message,
  type MessageType,
  type NodeId,
  PEER_MESSAGE_TYPES,
  type RaftConfig,
  RawNode,
} from '../../../src/raft/index.ts';
import { RaftCluster } from '../../support/raft-cluster.ts';
import { RaftMember, TEST_SETTINGS } from '../../support/raft-member.ts';
import { MemoryStorage } from '../../support/raft-memory-storage.ts';

function configOf(overrides: Partial<RaftConfig>): RaftConfig {
  return { ...TEST_SETTINGS, id: 1, storage: new MemoryStorage(), applied: 0, random: () => 0, ...overrides };
}

/** A message of any kind, with all fields that any kind has. */
function anyMessage(type: MessageType, from: NodeId): Message {
  const fields = { index: 0, logTerm: 0, commit: 0, entries: [], reject: true, rejectHint: 0, responses: [] };
  const message = { type, to: 1, from, term: 0, ...fields, context: Buffer.alloc(0), recoveringTerm: 0 };
  return message as unknown as Message;
}

describe('a node refuses', () => {
  const LOCAL: readonly MessageType[] = [
    'MsgHup',
    'MsgBeat',
    'MsgUnreachable',
    'MsgSnapStatus',
    'MsgCheckQuorum',
    'MsgStorageAppend',
    'MsgStorageAppendResp',
    'MsgStorageApply',
    'MsgStorageApplyResp',
  ];
  for (const type of LOCAL) {
    test(`${type} from a peer, since it can only come from within`, () => {
      const { node } = new RaftCluster({ voters: [1, 2] }).member(1);
      assert.equal(node.step(anyMessage(type, 2)), 'local-message');
      assert.equal(
        PEER_MESSAGE_TYPES.some((peer) => peer === type),
        false,
      );
    });
  }

  for (const type of ['MsgAppResp', 'MsgVoteResp', 'MsgHeartbeatResp', 'MsgPreVoteResp'] as const) {
    test(`${type} from a stranger`, () => {
      const { node } = new RaftCluster({ voters: [1, 2] }).member(1);
      assert.equal(node.step(anyMessage(type, 9)), 'peer-not-found');
    });
  }

  test('proposals, where forwarding is switched off, on every node but the leader', () => {
    const cluster = new RaftCluster({ voters: [1, 2], settings: { disableProposalForwarding: true } }).elect(
      1,
    );
    assert.equal(cluster.propose(2, 'a'), 'proposal-dropped');
    assert.equal(cluster.propose(1, 'a'), undefined);
  });
});

describe('a node does not start with', () => {
  const WRONG: readonly (readonly [string, Partial<RaftConfig>])[] = [
    ['no id', { id: 0 }],
    ['the id of its own log writer', { id: Number.MAX_SAFE_INTEGER }],
    ['heartbeats as rare as elections', { heartbeatTick: 3 }],
    ['no heartbeats', { heartbeatTick: 0 }],
    ['a window that lets nothing through', { maxInflightMsgs: 0 }],
    ['a window smaller than a message', { maxSizePerMsg: 100, maxInflightBytes: 99 }],
  ];
  for (const [what, overrides] of WRONG) {
    test(what, () => {
      assert.throws(() => new RawNode(configOf(overrides)), { code: 'internal.invariant' });
    });
  }
});

describe('a node', () => {
  test('that has nothing to do says so', () => {
    const { node } = new RaftMember(1, {});
    assert.equal(node.hasReady(), false);
    const ready = node.ready();
    assert.deepEqual(
      { ...ready, softState: ready.softState, messages: ready.messages.length },
      {
        softState: undefined,
        hardState: undefined,
        readStates: [],
        entries: [],
        snapshot: undefined,
        committedEntries: [],
        messages: 0,
        mustSync: false,
      },
    );
  });

  test('tells of a change of its soft or hard state once', () => {
    const cluster = new RaftCluster({ voters: [1, 2] });
    const { node } = cluster.member(1);
    node.campaign();
    const ready = node.ready();
    assert.deepEqual(ready.softState, { lead: 0, raftState: 'StateCandidate' });
    assert.deepEqual([ready.hardState, ready.mustSync], [{ term: 1, vote: 1, commit: 0 }, true]);
    node.advance();
    assert.equal(node.hasReady(), false);
  });

  test('that is restarted goes on from its state, and hands out only what is not applied', () => {
    const cluster = new RaftCluster({ voters: [1] }).elect(1);
    cluster.propose(1, 'a');
    const before = cluster.member(1).node.basicStatus();
    cluster.crash(1).restart(1);
    const after = cluster.member(1).node.basicStatus();
    assert.deepEqual(
      [after.term, after.vote, after.commit, after.applied, after.lastIndex],
      [before.term, before.vote, before.commit, before.applied, before.lastIndex],
    );
    const { node } = cluster.member(1);
    assert.deepEqual([node.term, node.lastIndex], [after.term, after.lastIndex]);
    assert.equal(node.hasReady(), false);
  });

  test('shows its peers as long as it leads, as copies that change nothing', () => {
    const cluster = new RaftCluster({ voters: [1, 2], learners: [3] }).elect(1);
    const { progress, config } = cluster.member(1).node.status();
    assert.deepEqual([...progress.keys()], [1, 2, 3]);
    assert.equal(progress.get(3)?.isLearner, true);
    assert.deepEqual([...config.voters.incoming], [1, 2]);
    progress.get(2)?.becomeSnapshot(99);
    assert.equal(cluster.member(1).node.status().progress.get(2)?.state, 'StateReplicate');
    assert.equal(cluster.member(2).node.status().progress.size, 0);
  });

  test('puts changes into effect that the driver applies, and answers with the configuration', () => {
    const { node } = new RaftMember(1, {});
    const context = Buffer.alloc(0);
    const confState = node.applyConfChange({ kind: 'v1', type: 'ConfChangeAddNode', nodeId: 1, context });
    assert.deepEqual(confState.voters, [1]);
    const removal = { kind: 'v1', type: 'ConfChangeRemoveNode', nodeId: 1, context } as const;
    assert.throws(() => node.applyConfChange(removal), { code: 'internal.invariant' }, 'the last voter');
  });

  test('tells what happens, where somebody listens', () => {
    const events: string[] = [];
    const cluster = new RaftCluster({ voters: [1], settings: { trace: (event) => events.push(event) } });
    cluster.elect(1);
    assert.ok(
      events.some((event) => event.includes('leads term 1')),
      events.join('; '),
    );
  });
});

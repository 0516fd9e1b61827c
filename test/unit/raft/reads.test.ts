// SPDX-License-Identifier: Apache-2.0
// Reads that see every write which was acknowledged before them: the thesis, section 6.4.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Message, NodeId } from '../../../src/raft/index.ts';
import { outbound } from '../../support/raft-member.ts';
import { RaftCluster } from '../../support/raft-cluster.ts';

const three = { voters: [1, 2, 3] };

/** Asks for a read, and collects the answers that the nodes give to their drivers, as `name@index`. */
class Reads {
  readonly cluster: RaftCluster;
  readonly answers: string[] = [];

  constructor(cluster: RaftCluster) {
    this.cluster = cluster;
    for (const { node } of cluster.members.values()) {
      const take = node.ready.bind(node);
      node.ready = () => {
        const ready = take();
        this.answers.push(
          ...ready.readStates.map(({ index, requestCtx }) => `${requestCtx.toString()}@${index}`),
        );
        return ready;
      };
    }
  }

  ask(id: NodeId, name: string): this {
    this.cluster.member(id).node.readIndex(Buffer.from(name));
    this.cluster.settle();
    return this;
  }
}

const isHeartbeatAnswer = ({ type }: Message) => type === 'MsgHeartbeatResp';

describe('a read', () => {
  test('is answered with the index that was committed when it came, once a quorum has confirmed the leader', () => {
    const cluster = new RaftCluster(three).elect(1);
    cluster.propose(1, 'a');
    const reads = new Reads(cluster);
    cluster.hold(isHeartbeatAnswer);
    reads.ask(1, 'x');
    assert.deepEqual(reads.answers, [], 'nobody has confirmed it yet');
    cluster.propose(1, 'b');
    cluster.release();
    assert.deepEqual(reads.answers, ['x@2']);
  });

  test('at a follower is passed on to the leader, and answered where it was asked', () => {
    const cluster = new RaftCluster(three).elect(1);
    const reads = new Reads(cluster).ask(3, 'x');
    assert.deepEqual(reads.answers, ['x@1']);
  });

  test('at a learner is answered too', () => {
    const cluster = new RaftCluster({ voters: [1, 2], learners: [3] }).elect(1);
    assert.deepEqual(new Reads(cluster).ask(3, 'x').answers, ['x@1']);
  });

  test('costs no round where there is one voter', () => {
    const cluster = new RaftCluster({ voters: [1], learners: [2] }).elect(1);
    const reads = new Reads(cluster);
    cluster.lose(() => true);
    assert.deepEqual(reads.ask(1, 'x').answers, ['x@1']);
  });

  test('is not answered without a round by a leader that is no member any more, though one voter is left', () => {
    const cluster = new RaftCluster({ voters: [1, 2] }).elect(1).change(1, 'r1');
    assert.equal(cluster.state(1), 'StateLeader', 'it has not stepped down');
    const reads = new Reads(cluster);
    cluster.lose(() => true);
    assert.deepEqual(reads.ask(1, 'x').answers, [], 'node 2 may have been elected and have written since');
  });

  test('is not answered by a leader that has been replaced and does not know it', () => {
    const cluster = new RaftCluster(three).elect(1).partition(1);
    cluster.elect(2);
    cluster.propose(2, 'new');
    const reads = new Reads(cluster).ask(1, 'stale');
    cluster.heal().tick(2);
    assert.deepEqual(reads.answers, [], 'whoever asked must ask again');
    assert.deepEqual(reads.ask(1, 'again').answers, ['again@3']);
  });

  test('is not confirmed by learners', () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3], learners: [4, 5] }).elect(1);
    cluster.crash(2).crash(3);
    assert.deepEqual(new Reads(cluster).ask(1, 'x').answers, []);
  });

  test('B16: needs both majorities while the configuration is joint', () => {
    const cluster = new RaftCluster(three);
    cluster.add(4);
    cluster.add(5);
    cluster.elect(1).change(1, 'v4 v5 r2 r3', 'ConfChangeTransitionJointExplicit').tick(2);
    const reads = new Reads(cluster);
    cluster.hold(({ type, from }) => type === 'MsgHeartbeatResp' && from > 3);
    reads.ask(1, 'x');
    assert.deepEqual(reads.answers, []);
    cluster.release();
    assert.equal(reads.answers.length, 1);
  });
});

describe('a leader at the beginning of its term', () => {
  test('B12: answers no read before it has committed an entry of its own', () => {
    const cluster = new RaftCluster(three).elect(1);
    cluster.propose(1, 'a');
    cluster.lose(({ type }) => type === 'MsgApp').campaign(2);
    assert.equal(cluster.leader, 2);
    // It has the entry, but does not know that it is committed. Its heartbeats make it known as the leader.
    cluster.tick(1);
    const reads = new Reads(cluster).ask(2, 'x').ask(3, 'y');
    cluster.tick(2);
    assert.deepEqual(reads.answers, []);
    cluster.heal().tick(2);
    assert.deepEqual(new Set(reads.answers), new Set(['x@3', 'y@3']));
  });

  test('B12: drops the reads that wait for that when it is replaced', () => {
    const cluster = new RaftCluster(three).elect(1);
    cluster.lose(({ type, from }) => type === 'MsgApp' && from === 2).campaign(2);
    const reads = new Reads(cluster).ask(2, 'x');
    cluster.elect(3).heal().elect(2);
    assert.deepEqual(reads.answers, []);
  });
});

describe('many reads', () => {
  test('share a round: the answer to one heartbeat confirms all that came before it', () => {
    const cluster = new RaftCluster(three).elect(1);
    const reads = new Reads(cluster);
    cluster.hold(isHeartbeatAnswer);
    for (let count = 1; count <= 5; count += 1) {
      reads.ask(1, `r${count}`);
    }
    // All answers but the last one are lost.
    cluster.release((messages) => messages.slice(-1));
    assert.deepEqual(reads.answers, ['r1@1', 'r2@1', 'r3@1', 'r4@1', 'r5@1']);
  });

  test('B13: are confirmed by no answer to a heartbeat that left before they came', () => {
    const cluster = new RaftCluster(three).elect(1);
    const reads = new Reads(cluster);
    cluster.hold(isHeartbeatAnswer);
    reads.ask(1, 'first');
    const early = cluster.held.splice(0);
    reads.ask(1, 'second');
    cluster.held = [...early, ...early];
    cluster.release();
    assert.deepEqual(reads.answers, ['first@1']);
  });

  test('B13: of the same name are different reads', () => {
    const cluster = new RaftCluster(three).elect(1);
    const reads = new Reads(cluster);
    cluster.hold(isHeartbeatAnswer);
    reads.ask(1, 'same');
    const early = cluster.held.splice(0);
    cluster.propose(1, 'a');
    reads.ask(1, 'same');
    cluster.held = early;
    cluster.release();
    assert.deepEqual(reads.answers, ['same@1'], 'the second one must see entry 2');
    reads.ask(1, 'same');
    assert.deepEqual(reads.answers, ['same@1', 'same@2', 'same@2']);
  });

  test('B13: that waited in an earlier leadership of the same node are not confirmed in a later one', () => {
    const cluster = new RaftCluster(three).elect(1);
    const reads = new Reads(cluster);
    cluster.hold(isHeartbeatAnswer);
    reads.ask(1, 'A');
    const late = cluster.held.splice(0);
    cluster.partition(1);
    cluster.elect(2);
    cluster.propose(2, 'x');
    // Cut off, it still thinks that it leads; then the late answers arrive.
    reads.ask(1, 'B');
    cluster.heal();
    for (const message of late) {
      cluster.deliver(message);
    }
    assert.deepEqual(
      reads.answers.filter((answer) => answer.startsWith('B')),
      [],
    );
  });

  test('B13: are not confirmed by a position that was never asked for', () => {
    const cluster = new RaftCluster(three).elect(1);
    const reads = new Reads(cluster);
    cluster.hold(isHeartbeatAnswer);
    reads.ask(1, 'r1');
    const context = Buffer.alloc(8, 0xff);
    cluster.held = [{ type: 'MsgHeartbeatResp', to: 1, from: 2, term: 1, context }];
    cluster.release().hold(isHeartbeatAnswer);
    reads.ask(1, 'r2');
    assert.deepEqual(reads.answers, ['r1@1'], 'the next read is confirmed by its own round only');
  });
});

describe('a lease', () => {
  const settings = { checkQuorum: true, readOnlyOption: 'ReadOnlyLeaseBased' } as const;

  test('answers at once, without asking anybody', () => {
    const cluster = new RaftCluster({ ...three, settings }).elect(1);
    const reads = new Reads(cluster);
    cluster.lose(() => true);
    assert.deepEqual(reads.ask(1, 'x').answers, ['x@1']);
  });

  test('holds because nobody is elected while the followers hear the leader', () => {
    const cluster = new RaftCluster({ ...three, settings }).elect(1);
    cluster.campaign(3);
    assert.equal(cluster.leader, undefined, 'node 3 has begun a term that nobody follows it into');
    assert.deepEqual([cluster.state(1), cluster.term(2)], ['StateLeader', 1]);
  });

  test('rests on clocks that run at much the same rate: with a slow one it gives a stale answer', () => {
    const cluster = new RaftCluster({ ...three, settings }).elect(1).partition(1);
    // The leader's clock stands still, while an election timeout passes for the others.
    cluster.tick(30, [2, 3]);
    const leader = [2, 3].find((id) => cluster.state(id) === 'StateLeader') ?? 0;
    cluster.propose(leader, 'new');
    const reads = new Reads(cluster).ask(1, 'x');
    assert.deepEqual(reads.answers, ['x@1'], 'this is why leases are not the default');
  });

  test('ends with the quorum', () => {
    const cluster = new RaftCluster({ ...three, settings }).elect(1).partition(1);
    cluster.tick(20, [1]);
    assert.deepEqual(new Reads(cluster).ask(1, 'x').answers, []);
  });

  test('is refused to a leader that does not check its quorum', () => {
    assert.throws(() => new RaftCluster({ ...three, settings: { ...settings, checkQuorum: false } }), {
      code: 'internal.invariant',
    });
  });
});

test('a round of reads leaves nothing behind', () => {
  const cluster = new RaftCluster(three).elect(1);
  const reads = new Reads(cluster);
  for (let count = 0; count < 10; count += 1) {
    reads.ask(1, 'r');
  }
  assert.equal(reads.answers.length, 10);
  const { raft, node } = cluster.member(1);
  assert.equal(raft.readOnly.heartbeatContext().length, 0, 'no read waits');
  node.tick();
  const heartbeats = outbound(node.ready()).filter(({ type }) => type === 'MsgHeartbeat');
  assert.deepEqual(
    heartbeats.map((message) => 'context' in message && message.context.length),
    [0, 0],
  );
});

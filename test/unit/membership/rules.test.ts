// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import {
  applyClusterCommand,
  type AuthorityObject,
  type BackupScheduleObject,
  type ClusterCommand,
  ClusterIndex,
  MANAGERS_MAX,
} from '../../../src/membership/index.ts';
import {
  aBackupSchedule,
  aDataKeyReport,
  anAuditHead,
  aNode,
  anAuthority,
  aToken,
  DAY_MS,
  HOUR_MS,
} from '../../support/cluster-objects.ts';

describe("the cluster's rules", () => {
  let index: ClusterIndex;

  beforeEach(() => {
    index = new ClusterIndex();
    apply({ kind: 'establish-cluster', authority: anAuthority(), node: aNode('first', 'manager', 1) });
  });

  function apply(command: ClusterCommand): number {
    const effects = applyClusterCommand(index, command);
    effects.forEach((effect) => index.apply(effect));
    return effects.length;
  }

  function refused(command: ClusterCommand, code: string, why: RegExp): void {
    const before = index.size;
    assert.throws(
      () => apply(command),
      (error) => error instanceof CofferError && error.code === code && why.test(error.detail),
    );
    assert.equal(index.size, before, 'a refused command changes nothing');
  }

  function put(token = aToken('one')): void {
    apply({ kind: 'put-token', token, revokeOthers: false });
  }

  const admit = (name: string, tokenId = 'one', at_ms = 10): ClusterCommand => ({
    kind: 'admit-node',
    tokenId,
    node: aNode(name),
    at_ms,
  });

  test('a cluster is established once, by whoever is first', () => {
    const late = { kind: 'establish-cluster', authority: anAuthority('other'), node: aNode('late') } as const;
    assert.equal(apply(late), 0);
    assert.equal(index.authority?.certificate, 'certificate of root');
    assert.deepEqual(
      index.nodes().map(({ id }) => id),
      ['id-first'],
    );
  });

  describe('a join token', () => {
    test('lets as many nodes join as it says, and no more', () => {
      put(aToken('one', 'worker', 2));
      apply(admit('a'));
      apply(admit('b'));
      refused(admit('c'), 'cluster.token-expired', /used as often/);
      assert.equal(index.token('one')?.usesLeft, 0);
    });

    test('is refused from the moment on at which it expires', () => {
      put();
      refused(admit('a', 'one', HOUR_MS), 'cluster.token-expired', /has expired/);
      apply(admit('a', 'one', HOUR_MS - 1));
    });

    test('of a worker admits no manager (A40)', () => {
      put();
      const node = aNode('a', 'manager', 2);
      refused(
        { kind: 'admit-node', tokenId: 'one', node, at_ms: 1 },
        'cluster.token-invalid',
        /does not know/,
      );
    });

    test('that was rotated away or revoked is unknown, and those of the other role stay (A40)', () => {
      put(aToken('one'));
      put(aToken('other', 'manager'));
      apply({ kind: 'put-token', token: aToken('two'), revokeOthers: true });
      refused(admit('a', 'one'), 'cluster.token-invalid', /or no longer/);
      assert.deepEqual(
        index.tokens().map(({ id }) => id),
        ['other', 'two'],
      );
      apply({ kind: 'revoke-token', id: 'two' });
      refused({ kind: 'revoke-token', id: 'two' }, 'cluster.token-invalid', /no join token two/);
    });

    test('is one of a hundred at most', () => {
      for (let number = 0; number < 100; number += 1) {
        put(aToken(`t${number}`));
      }
      const token = aToken('more');
      refused({ kind: 'put-token', token, revokeOthers: false }, 'cluster.rate-limited', /100 join tokens/);
      apply({ kind: 'put-token', token, revokeOthers: true });
      assert.equal(index.tokens().length, 1);
    });
  });

  describe('a node', () => {
    beforeEach(() => put(aToken('one', 'worker', 1_000)));

    test('is never admitted under an id or with a key that was used before', () => {
      apply(admit('a'));
      refused(admit('a'), 'cluster.node-removed', /id of a node is used once/);
      const twin = { ...aNode('b'), certificate: aNode('a').certificate };
      refused(
        { kind: 'admit-node', tokenId: 'one', node: twin, at_ms: 1 },
        'cluster.node-removed',
        /with this key/,
      );
      apply({ kind: 'remove-node', nodeId: 'id-a', at_ms: 5 });
      refused(admit('a'), 'cluster.node-removed', /used once/);
    });

    test('that was removed is refused what it asks for, and told why', () => {
      apply(admit('a'));
      apply({ kind: 'remove-node', nodeId: 'id-a', at_ms: 5 });
      const { certificate } = aNode('a');
      for (const command of [
        { kind: 'renew-certificate', nodeId: 'id-a', role: 'worker', certificate },
        { kind: 'describe-node', nodeId: 'id-a', hostname: 'x', address: 'x', engineNodeId: '' },
        { kind: 'set-role', nodeId: 'id-a', role: 'manager', raftId: 9 },
        { kind: 'remove-node', nodeId: 'id-a', at_ms: 6 },
      ] as const) {
        refused(command, 'cluster.node-removed', /was removed/);
      }
      refused(
        { kind: 'remove-node', nodeId: 'nobody', at_ms: 6 },
        'cluster.node-not-found',
        /no node nobody/,
      );
    });

    test('becomes a manager under a new id in the log, and a worker without one', () => {
      apply(admit('a'));
      apply({ kind: 'set-role', nodeId: 'id-a', role: 'manager', raftId: 7 });
      assert.equal(index.nodeByRaftId(7)?.id, 'id-a');
      assert.equal(apply({ kind: 'set-role', nodeId: 'id-a', role: 'manager', raftId: 8 }), 0);
      apply({ kind: 'set-role', nodeId: 'id-a', role: 'worker', raftId: 0 });
      assert.equal(index.nodeByRaftId(7), undefined);
      assert.equal(index.node('id-a')?.raftId, 0);
    });

    test('gets no certificate for a role that it has no longer', () => {
      apply(admit('a'));
      const { certificate } = aNode('a');
      refused(
        { kind: 'renew-certificate', nodeId: 'id-a', role: 'manager', certificate },
        'cluster.role',
        /is a worker now/,
      );
      apply({
        kind: 'renew-certificate',
        nodeId: 'id-a',
        role: 'worker',
        certificate: { ...certificate, publicKeyFingerprint: 'new key' },
      });
      assert.equal(index.nodeByKey('new key')?.id, 'id-a');
      assert.equal(index.nodeByKey('key of a'), undefined, 'the old key is forgotten');
    });

    test('that describes itself as before changes nothing', () => {
      const same = { nodeId: 'id-first', hostname: 'first', address: 'first:7373', engineNodeId: '' };
      assert.equal(apply({ kind: 'describe-node', ...same }), 0);
      assert.equal(apply({ kind: 'describe-node', ...same, address: 'elsewhere:7373' }), 1);
      assert.equal(index.node('id-first')?.address, 'elsewhere:7373');
    });
  });

  describe('an engine', () => {
    const engineOf = (name: string): string | undefined => index.node(`id-${name}`)?.engineNodeId;
    const claim = (name: string, engineNodeId: string): number =>
      apply({ kind: 'describe-node', nodeId: `id-${name}`, hostname: name, address: '', engineNodeId });
    beforeEach(() => {
      put(aToken('one', 'worker', 1_000));
      ['a', 'b'].forEach((name) => apply(admit(name)));
      claim('a', 'engine-a');
    });

    test('is that of the node that said so first, whatever another one says', () => {
      claim('b', 'engine-a');
      assert.deepEqual([engineOf('a'), engineOf('b')], ['engine-a', '']);
      const node = { ...aNode('c'), engineNodeId: 'engine-a' };
      apply({ kind: 'admit-node', tokenId: 'one', node, at_ms: 10 });
      assert.deepEqual([engineOf('a'), engineOf('c')], ['engine-a', '']);
      assert.equal(claim('a', 'engine-a'), 0, 'and stays so when it says it again');
    });

    test('of another node is not had by giving up the own one', () => {
      claim('b', 'engine-b');
      claim('b', 'engine-a');
      assert.equal(engineOf('b'), '');
      assert.equal(index.nodeByEngine('engine-b'), undefined);
      assert.equal(index.nodeByEngine('engine-a')?.id, 'id-a');
    });

    test('can be taken over when its node is gone, or is beside another one', () => {
      claim('a', 'engine-new');
      claim('b', 'engine-a');
      assert.deepEqual([engineOf('a'), engineOf('b')], ['engine-new', 'engine-a']);
      apply({ kind: 'remove-node', nodeId: 'id-b', at_ms: 5 });
      claim('a', 'engine-a');
      assert.equal(engineOf('a'), 'engine-a');
    });

    test('that two nodes have in an older state is that of the one that joined first', () => {
      const [first, second] = ['x', 'y'].map((name, place) => ({
        ...aNode(name),
        engineNodeId: 'engine-x',
        joinedAt_ms: 2_000 + place,
      }));
      assert.ok(first !== undefined && second !== undefined);
      for (const order of [
        [first, second],
        [second, first],
      ]) {
        order.forEach((object) => index.apply({ kind: 'put-object', object }));
        assert.equal(index.nodeByEngine('engine-x')?.id, 'id-x');
        order.forEach((object) => index.apply({ kind: 'delete-object', object }));
        assert.equal(index.nodeByEngine('engine-x'), undefined);
      }
    });
  });

  test('the last manager is neither demoted nor removed', () => {
    const last = { nodeId: 'id-first' };
    refused(
      { kind: 'set-role', ...last, role: 'worker', raftId: 0 },
      'cluster.quorum',
      /last manager .* demoted/,
    );
    refused({ kind: 'remove-node', ...last, at_ms: 1 }, 'cluster.quorum', /last manager .* removed/);
  });

  test('of two managers that are to leave, the second one has to stay', () => {
    put(aToken('m', 'manager'));
    apply({ kind: 'admit-node', tokenId: 'm', node: aNode('second', 'manager', 2), at_ms: 1 });
    apply({ kind: 'retire-manager', nodeId: 'id-first', leaving: 'removed' });
    assert.equal(index.node('id-first')?.leaving, 'removed');
    refused(
      { kind: 'retire-manager', nodeId: 'id-second', leaving: 'demoted' },
      'cluster.quorum',
      /last manager .* demoted/,
    );
    apply({ kind: 'remove-node', nodeId: 'id-first', at_ms: 1 });
    put(aToken('one'));
    apply(admit('worker'));
    refused(
      { kind: 'retire-manager', nodeId: 'id-worker', leaving: 'removed' },
      'cluster.role',
      /no manager/,
    );
  });

  test('a cluster has fifteen managers at most', () => {
    put(aToken('m', 'manager', 100));
    for (let number = 2; number <= MANAGERS_MAX; number += 1) {
      apply({ kind: 'admit-node', tokenId: 'm', node: aNode(`n${number}`, 'manager', number), at_ms: 1 });
    }
    const more = aNode('more', 'manager', 99);
    refused(
      { kind: 'admit-node', tokenId: 'm', node: more, at_ms: 1 },
      'cluster.quorum',
      /15 managers at most/,
    );
  });

  test("revocations live until the certificate's end and a week, and no longer (A50)", () => {
    put(aToken('one', 'worker', 10));
    const cases = [
      { name: 'a', removedAt_ms: 5, until_ms: 97 * DAY_MS },
      { name: 'b', removedAt_ms: 200 * DAY_MS, until_ms: 207 * DAY_MS },
    ] as const;
    for (const { name, removedAt_ms, until_ms } of cases) {
      apply(admit(name));
      apply({ kind: 'remove-node', nodeId: `id-${name}`, at_ms: removedAt_ms });
      assert.equal(index.revocation(`id-${name}`)?.until_ms, until_ms);
    }
    const kept = (at_ms: number): readonly string[] => {
      apply({ kind: 'forget-expired', at_ms });
      return index.revocations().map(({ nodeId }) => nodeId);
    };
    assert.deepEqual(kept(97 * DAY_MS - 1), ['id-a', 'id-b']);
    assert.deepEqual(kept(97 * DAY_MS), ['id-b']);
    assert.deepEqual(kept(207 * DAY_MS - 1), ['id-b']);
    assert.deepEqual(kept(207 * DAY_MS), []);
    assert.equal(index.token('one'), undefined, 'expired tokens go as well');
  });

  describe('a rotation of the CA', () => {
    const next = (previous = 'certificate of root'): AuthorityObject => ({
      ...anAuthority('next'),
      rotation: { previous, crossSigned: 'cross', startedAt_ms: 1 },
    });

    test('replaces the root, and forgets the old one and all tokens when it ends', () => {
      put();
      apply({ kind: 'begin-rotation', authority: next() });
      assert.equal(index.authority?.certificate, 'certificate of next');
      assert.equal(index.tokens().length, 1);
      apply({ kind: 'finish-rotation', certificate: 'certificate of next' });
      assert.equal(index.authority?.rotation, undefined);
      assert.equal(index.tokens().length, 0, 'they hold the digest of the old root');
    });

    test('is one at a time, and begins from the root that there is (A44)', () => {
      refused({ kind: 'begin-rotation', authority: next('another') }, 'cluster.rotation-running', /meantime/);
      apply({ kind: 'begin-rotation', authority: next() });
      refused({ kind: 'begin-rotation', authority: next() }, 'cluster.rotation-running', /already/);
    });

    test('is not ended by whoever means another one (A44)', () => {
      apply({ kind: 'begin-rotation', authority: next() });
      assert.equal(apply({ kind: 'finish-rotation', certificate: 'certificate of root' }), 0);
      assert.ok(index.authority?.rotation !== undefined);
    });
  });

  test('autolock goes from version to version, so that of two changes at one time one is refused', () => {
    const set = (version: number, fill: number): ClusterCommand => ({
      kind: 'set-autolock',
      autolock: { kind: 'autolock', version, unlockKey: Buffer.alloc(32, fill) },
    });
    assert.equal(index.autolock, undefined);
    refused(set(2, 1), 'cluster.autolock', /in the meantime/);
    apply(set(1, 1));
    refused(set(1, 2), 'cluster.autolock', /in the meantime/);
    apply(set(2, 3));
    assert.deepEqual(index.autolock, { kind: 'autolock', version: 2, unlockKey: Buffer.alloc(32, 3) });
  });

  test('a purge that is asked for again is another one', () => {
    apply({ kind: 'ask-purge', at_ms: 5 });
    apply({ kind: 'ask-purge', at_ms: 5 });
    assert.deepEqual(index.purge, { kind: 'purge', version: 2, askedAt_ms: 5 });
  });

  test('what a manager says of its data key goes with the manager', () => {
    put(aToken('one', 'manager'));
    apply({ kind: 'admit-node', tokenId: 'one', node: aNode('second', 'manager', 2), at_ms: 10 });
    const report = { kind: 'report-data-key', report: aDataKeyReport('second') } as const;
    apply(report);
    assert.equal(index.dataKeyReport('id-second')?.purged, 1);
    apply({ kind: 'set-role', nodeId: 'id-second', role: 'worker', raftId: 0 });
    assert.equal(index.dataKeyReport('id-second'), undefined);
    refused(report, 'cluster.role', /no manager/);
    apply({ kind: 'set-role', nodeId: 'id-second', role: 'manager', raftId: 3 });
    apply(report);
    apply({ kind: 'remove-node', nodeId: 'id-second', at_ms: 11 });
    assert.equal(index.dataKeyReport('id-second'), undefined);
    refused(report, 'cluster.node-not-found', /no node id-second/);
  });

  test('what a manager says of its audit log takes the place of what it said before, and goes with the manager', () => {
    put(aToken('one', 'manager'));
    apply({ kind: 'admit-node', tokenId: 'one', node: aNode('second', 'manager', 2), at_ms: 10 });
    const lost = { chain: 'chain0', seq: 3, hash: 'hash3', at_ms: 1 };
    apply({ kind: 'put-audit-head', head: anAuditHead('second', { lost }) });
    const later = { kind: 'put-audit-head', head: anAuditHead('second', { seq: 8 }) } as const;
    apply(later);
    const head = index.auditHead('id-second');
    assert.deepEqual([head?.seq, head?.lost], [8, lost], 'what was lost stays so');
    apply({ kind: 'set-role', nodeId: 'id-second', role: 'worker', raftId: 0 });
    assert.equal(index.auditHead('id-second'), undefined);
    refused(later, 'cluster.role', /no manager/);
    apply({ kind: 'set-role', nodeId: 'id-second', role: 'manager', raftId: 3 });
    apply(later);
    apply({ kind: 'remove-node', nodeId: 'id-second', at_ms: 11 });
    assert.equal(index.auditHead('id-second'), undefined);
    refused(later, 'cluster.node-removed', /was removed/);
  });

  test('what an audit log has lost is told until just that is acknowledged', () => {
    const lost = { chain: 'chain0', seq: 3, hash: 'hash3', at_ms: 1 };
    const acknowledge = (over: Partial<typeof lost> = {}, nodeId = 'id-first'): ClusterCommand => ({
      kind: 'acknowledge-audit-loss',
      nodeId,
      lost: { ...lost, ...over },
    });
    assert.equal(apply(acknowledge()), 0, 'there is no head yet');
    apply({ kind: 'put-audit-head', head: anAuditHead('first', { lost }) });
    for (const other of [{ chain: 'chain1' }, { seq: 4 }, { hash: 'hash4' }, { at_ms: 2 }]) {
      refused(acknowledge(other), 'audit.not-lost', /record 3 was lost/);
    }
    assert.deepEqual(index.auditHead('id-first')?.lost, lost);
    const before = index.auditHead('id-first');
    assert.equal(apply(acknowledge()), 1);
    assert.deepEqual(index.auditHead('id-first'), { ...before, lost: undefined });
    assert.equal(apply(acknowledge()), 0, 'asked twice, it is done once');
    apply({ kind: 'put-audit-head', head: anAuditHead('first', { seq: 9 }) });
    assert.equal(index.auditHead('id-first')?.lost, undefined, 'it does not come back');
    refused(acknowledge({}, 'id-nobody'), 'cluster.node-not-found', /no node/);
    put(aToken('two'));
    apply({ kind: 'admit-node', tokenId: 'two', node: aNode('worker'), at_ms: 10 });
    refused(acknowledge({}, 'id-worker'), 'cluster.role', /no manager/);
  });

  test('a schedule has times and numbers that can be kept', () => {
    const keys = (every_ms: number): ClusterCommand => ({
      kind: 'set-data-key-schedule',
      schedule: { kind: 'data-key-schedule', every_ms, setAt_ms: 1 },
    });
    refused(keys(59_999), 'cluster.schedule', /a minute at least/);
    refused(keys(3_651 * DAY_MS), 'cluster.schedule', /ten years at most/);
    apply(keys(60_000));
    apply(keys(0));
    assert.equal(index.dataKeySchedule?.every_ms, 0);
    const backups = (over: Partial<BackupScheduleObject>): ClusterCommand => ({
      kind: 'set-backup-schedule',
      schedule: aBackupSchedule(over),
    });
    refused(backups({ every_ms: 1_000 }), 'cluster.schedule', /a minute at least/);
    refused(backups({ offset_ms: DAY_MS }), 'cluster.schedule', /within its period/);
    refused(backups({ recipients: [] }), 'cluster.schedule', /1 to 16 recipients/);
    refused(backups({ keep: 0 }), 'cluster.schedule', /1 to 10000 backups/);
    apply(backups({}));
    assert.deepEqual(index.backupSchedule, aBackupSchedule());
    apply(backups({ every_ms: 0, recipients: [], offset_ms: 7 }));
    assert.equal(index.backupSchedule?.offset_ms, 0);
  });

  test('a certificate lasts an hour at least', () => {
    const change = (certificateLifetime_ms: number): ClusterCommand => ({
      kind: 'change-settings',
      settings: { kind: 'settings', certificateLifetime_ms },
    });
    refused(change(HOUR_MS - 1), 'cluster.lifetime', /an hour at least/);
    apply(change(HOUR_MS));
    assert.equal(index.settings.certificateLifetime_ms, HOUR_MS);
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteReader, ByteWriter, CofferError } from '../../../src/common/index.ts';
import {
  type AutolockObject,
  type ClusterCommand,
  type ClusterObject,
  decodeObject,
  encodeObject,
  isClusterCommand,
  readClusterCommand,
  writeClusterCommand,
} from '../../../src/membership/index.ts';
import {
  aBackupSchedule,
  anAuditHead,
  aDataKeyReport,
  aGrant,
  aNode,
  anAuthority,
  aRevocation,
  aRotatedService,
  aRotation,
  aRule,
  aSealingKey,
  aToken,
} from '../../support/cluster-objects.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const rotating = { ...anAuthority(), rotation: { previous: 'old', crossSigned: 'cross', startedAt_ms: 7 } };

/** With so many earlier keys. */
function autolockOf(version: number, count: number): AutolockObject {
  const earlierKeys = Array.from({ length: count }, (_, index) => Buffer.alloc(32, index));
  return { kind: 'autolock', version, unlockKey: Buffer.alloc(32, 7), peerUnlock: { earlierKeys } };
}

const OBJECTS: readonly ClusterObject[] = [
  anAuthority(),
  rotating,
  { kind: 'settings', certificateLifetime_ms: 3_600_000 },
  { kind: 'autolock', version: 2, unlockKey: Buffer.alloc(32, 7) },
  { kind: 'autolock', version: 3, unlockKey: Buffer.alloc(0) },
  { kind: 'autolock', version: 4, unlockKey: Buffer.alloc(32, 7), peerUnlock: { earlierKeys: [] } },
  autolockOf(5, 8),
  { kind: 'peer-unlock', nodeId: 'one', publicKeyFingerprint: 'print', authorityDigest: 'digest' },
  aToken('one', 'manager', 3),
  aNode('manager', 'manager', 2 ** 47),
  aNode('wörker'),
  aRevocation('gone'),
  { kind: 'purge', version: 3, askedAt_ms: 5 },
  { kind: 'data-key-schedule', every_ms: 86_400_000, setAt_ms: 6 },
  aBackupSchedule(),
  aBackupSchedule({ every_ms: 0, recipients: [] }),
  aDataKeyReport('one'),
  anAuditHead('one'),
  anAuditHead('two', { lost: { chain: 'chain0', seq: 3, hash: 'hash3', at_ms: 1 } }),
  aGrant('one'),
  aGrant('two', { container: 'web-*', labels: { 'com.example.tier': 'wörker', app: '' }, image: 'redis:8' }),
  aRule('one'),
  aRule('two', {
    effect: 'deny',
    secret: 'db-*',
    service: 'shop_?eb',
    stack: 'shop',
    serviceLabels: { tier: 'wörker', a: '' },
    image: 'redis:8',
    node: 'web-1',
    nodeLabels: { zone: 'eu' },
  }),
  { kind: 'policy-default', effect: 'deny', setAt_ms: 8 },
  aSealingKey('one'),
  aSealingKey('two', { active: false, madeAt_ms: 2 ** 45 }),
  aRotation('one'),
  aRotation('two', {
    phase: 'failed',
    restoredVersion: 3,
    problem: 'service wörker is paused',
    services: [
      aRotatedService('a', {
        state: 'reverted',
        forceUpdate: 7,
        versionIndex: 2 ** 40,
        updateStartedAt: '2026-01-01T00:00:00.5Z',
      }),
      aRotatedService('b', { state: 'left-out', note: 'takes version 1' }),
    ],
    endedAt_ms: 9,
    heldAt_ms: 8,
    heldBecause: 'the engine of wörker does not answer',
  }),
];

const COMMANDS: readonly ClusterCommand[] = [
  { kind: 'establish-cluster', authority: anAuthority(), node: aNode('a', 'manager', 1) },
  { kind: 'put-audit-head', head: anAuditHead('one') },
  {
    kind: 'acknowledge-audit-loss',
    nodeId: 'id-one',
    lost: { chain: 'chain0', seq: 3, hash: 'hash3', at_ms: 1 },
  },
  { kind: 'put-token', token: aToken('one'), revokeOthers: true },
  { kind: 'revoke-token', id: 'one' },
  { kind: 'admit-node', tokenId: 'one', node: aNode('b'), at_ms: 5 },
  { kind: 'renew-certificate', nodeId: 'b', role: 'worker', certificate: aNode('b').certificate },
  { kind: 'describe-node', nodeId: 'b', hostname: 'h', address: 'h:1', engineNodeId: 'e' },
  { kind: 'retire-manager', nodeId: 'b', leaving: 'demoted' },
  { kind: 'set-role', nodeId: 'b', role: 'manager', raftId: 9 },
  { kind: 'remove-node', nodeId: 'b', at_ms: 6 },
  { kind: 'begin-rotation', authority: rotating },
  { kind: 'finish-rotation', certificate: 'c' },
  { kind: 'forget-expired', at_ms: 8 },
  { kind: 'change-settings', settings: { kind: 'settings', certificateLifetime_ms: 4_000_000 } },
  { kind: 'ask-purge', at_ms: 9 },
  { kind: 'add-sealing-key', key: aSealingKey('two'), after: 'one' },
  { kind: 'restore-sealing-key', key: aSealingKey('one', { active: false }) },
  { kind: 'forget-sealing-key', id: 'one' },
  {
    kind: 'set-data-key-schedule',
    schedule: { kind: 'data-key-schedule', every_ms: 0, setAt_ms: 6 },
  },
  { kind: 'set-backup-schedule', schedule: aBackupSchedule() },
  { kind: 'report-data-key', report: aDataKeyReport('one') },
  { kind: 'put-grant', grant: aGrant('one', { labels: { a: 'b' } }) },
  { kind: 'remove-grant', id: 'one' },
  { kind: 'put-policy-rule', rule: aRule('one', { serviceLabels: { a: 'b' } }) },
  { kind: 'remove-policy-rule', id: 'one' },
  { kind: 'set-policy-default', policy: { kind: 'policy-default', effect: 'allow', setAt_ms: 9 } },
  {
    kind: 'step-rotation',
    id: 'one',
    serviceId: 'a',
    from: 'waiting',
    to: 'updating',
    mark: { forceUpdate: 3, versionIndex: 12, updateStartedAt: 'then' },
    note: '',
  },
  {
    kind: 'step-rotation',
    id: 'one',
    serviceId: 'a',
    from: 'reverting',
    to: 'failed',
    mark: undefined,
    note: 'it is paused',
  },
  { kind: 'end-rotation', id: 'one', at_ms: 10 },
  { kind: 'hold-rotation', id: 'one', because: 'the engine does not answer', at_ms: 11 },
  { kind: 'set-autolock', autolock: { kind: 'autolock', version: 1, unlockKey: Buffer.alloc(32, 7) } },
  { kind: 'set-autolock', autolock: autolockOf(1, 0) },
  { kind: 'set-peer-unlock', enabled: true },
  { kind: 'set-peer-unlock', enabled: false },
  {
    kind: 'register-peer-unlock',
    registration: {
      kind: 'peer-unlock',
      nodeId: 'b',
      publicKeyFingerprint: 'print',
      authorityDigest: 'digest',
    },
  },
];

function bytesOf(command: ClusterCommand): Buffer {
  return writeClusterCommand(new ByteWriter(), command).finish();
}

function commandOf(bytes: Buffer): ClusterCommand {
  const reader = new ByteReader(bytes, 'a command');
  const command = readClusterCommand(reader);
  reader.finish();
  return command;
}

describe("the cluster's objects and commands as bytes", () => {
  for (const object of OBJECTS) {
    test(`give back a ${object.kind}`, () => assert.deepEqual(decodeObject(encodeObject(object)), object));
  }

  for (const command of COMMANDS) {
    test(`give back ${command.kind}`, () => {
      assert.ok(isClusterCommand(command));
      assert.deepEqual(commandOf(bytesOf(command)), command);
    });
  }

  test('of autolock before peer unlock was known have the bytes that they always had', () => {
    const written = '0106000000000000000200000020' + '07'.repeat(32);
    assert.equal(
      encodeObject({ kind: 'autolock', version: 2, unlockKey: Buffer.alloc(32, 7) }).toString('hex'),
      written,
    );
  });

  test('of a grant are the same in whichever order its labels were typed', () => {
    const [one, other] = [
      { a: '1', b: '2' },
      { b: '2', a: '1' },
    ].map((labels) => aGrant('one', { labels }));
    assert.ok(one !== undefined && other !== undefined);
    assert.deepEqual(encodeObject(one), encodeObject(other));
  });

  test('hold no more labels than a grant may have', () => {
    const labels = Object.fromEntries(Array.from({ length: 17 }, (_, number) => [`label${number}`, '']));
    assert.throws(() => decodeObject(encodeObject(aGrant('one', { labels }))), { code: 'store.damaged' });
  });

  test('of a rule hold no more labels than it may have, and are the same in whichever order those were typed', () => {
    const labels = Object.fromEntries(Array.from({ length: 17 }, (_, number) => [`label${number}`, '']));
    for (const over of [{ serviceLabels: labels }, { nodeLabels: labels }]) {
      assert.throws(() => decodeObject(encodeObject(aRule('one', over))), { code: 'store.damaged' });
    }
    const one = aRule('one', { nodeLabels: { a: '1', b: '2' } });
    assert.deepEqual(encodeObject(one), encodeObject({ ...one, nodeLabels: { b: '2', a: '1' } }));
  });

  test('hold no more unlock keys than are kept', () => {
    assert.throws(() => decodeObject(encodeObject(autolockOf(1, 9))), { code: 'store.damaged' });
  });

  test('that were cut or altered are read as something else, or refused as damaged', () => {
    const random = new SeededRandom(4_711);
    let refusals = 0;
    const attempt = (read: () => unknown): void => {
      try {
        read();
      } catch (thrown) {
        assert.ok(thrown instanceof CofferError && thrown.code === 'store.damaged', String(thrown));
        refusals += 1;
      }
    };
    for (const [bytes, read] of [
      ...OBJECTS.map((object) => [encodeObject(object), decodeObject] as const),
      ...COMMANDS.map((command) => [bytesOf(command), commandOf] as const),
    ]) {
      for (let length = 0; length < bytes.length; length += 1) {
        attempt(() => read(bytes.subarray(0, length)));
      }
      for (let round = 0; round < 500; round += 1) {
        const altered = Buffer.from(bytes);
        altered.writeUInt8(random.below(256), random.below(altered.length));
        attempt(() => read(altered));
      }
    }
    assert.ok(refusals > 1_000);
  });

  test('name secrets’ commands as none of theirs', () => {
    assert.ok(!isClusterCommand({ kind: 'put' }));
    assert.ok(!isClusterCommand({ kind: 'toString' }));
  });
});

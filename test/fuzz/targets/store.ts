// SPDX-License-Identifier: Apache-2.0
// What stands in the log and in the database, and travels between managers as a snapshot.
import { createHash } from 'node:crypto';
import { SecretValue } from '../../../src/common/index.ts';
import {
  type ClusterCommand,
  type ClusterObject,
  decodeObject,
  encodeObject,
} from '../../../src/membership/index.ts';
import {
  type Command,
  decodeCommand,
  decodeRequest,
  encodeCommand,
  encodeRequest,
  type Request,
  type Secret,
} from '../../../src/secrets/index.ts';
import { Keyring } from '../../../src/crypto/index.ts';
import {
  encodeEnd,
  encodeSnapshotHeader,
  noCounts,
  RECORD_BYTES_MAX,
  RECORD_HEAD_BYTES,
  recordHead,
  recordKind,
  type SnapshotCounts,
} from '../../../src/store/snapshot/snapshot-format.ts';
import { StateStage } from '../../../src/store/snapshot/snapshot-import.ts';
import {
  decodePage,
  decodeSecret,
  decodeSecretName,
  DELIVERY_PAGES,
  encodePage,
  encodeSecret,
  encodeSecretName,
  REQUEST_PAGES,
} from '../../../src/store/state/record-codec.ts';
import * as objects from '../../support/cluster-objects.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { CANARY } from '../canary.ts';
import { codes, type FuzzTarget, stable } from '../target.ts';
import { SEED } from './seed.ts';

const value = (): SecretValue => SecretValue.copyOf(Buffer.from(CANARY));
const ID = 'i'.repeat(25);
const at_ms = 1_700_000_000_000;
const origin = 'control';
const labels = { 'coffer.expires': '90d', tier: 'wörker' };
const destroyed = [{ number: 1, createdAt_ms: 5, size: 7, destroyedAt_ms: at_ms }];
const delivery = { taskId: ID, secretId: ID, name: 'db', version: 3, pinned: false, at_ms };

const OBJECTS: readonly ClusterObject[] = [
  { ...objects.anAuthority(), privateKey: Buffer.from(CANARY) },
  { ...objects.anAuthority(), rotation: { previous: 'old', crossSigned: 'cross', startedAt_ms: 7 } },
  { kind: 'settings', certificateLifetime_ms: 3_600_000 },
  {
    kind: 'autolock',
    version: 5,
    unlockKey: Buffer.from(CANARY.repeat(2)),
    peerUnlock: { earlierKeys: [Buffer.from(CANARY.repeat(2))] },
  },
  { kind: 'peer-unlock', nodeId: 'one', publicKeyFingerprint: 'print', authorityDigest: 'digest' },
  objects.aToken('one', 'manager', 3),
  objects.aNode('manager', 'manager', 2 ** 47),
  objects.aRevocation('gone'),
  { kind: 'purge', version: 3, askedAt_ms: 5 },
  { kind: 'data-key-schedule', every_ms: 86_400_000, setAt_ms: 6 },
  objects.aBackupSchedule(),
  objects.aDataKeyReport('one'),
  objects.anAuditHead('two', { lost: { chain: 'chain0', seq: 3, hash: 'hash3', at_ms: 1 } }),
  objects.aGrant('two', { container: 'web-*', labels: { tier: 'wörker', app: '' }, image: 'redis:8' }),
  objects.aRule('two', { effect: 'deny', serviceLabels: { a: '' }, nodeLabels: { zone: 'eu' } }),
  { kind: 'policy-default', effect: 'deny', setAt_ms: 8 },
  { ...objects.aSealingKey('one'), secretKey: Buffer.from(CANARY.repeat(2)) },
  objects.aRotation('one', { services: [objects.aRotatedService('a'), objects.aRotatedService('b')] }),
];

const CLUSTER_COMMANDS: readonly ClusterCommand[] = [
  { kind: 'establish-cluster', authority: objects.anAuthority(), node: objects.aNode('a', 'manager', 1) },
  { kind: 'put-audit-head', head: objects.anAuditHead('one') },
  { kind: 'put-token', token: objects.aToken('one'), revokeOthers: true },
  { kind: 'admit-node', tokenId: 'one', node: objects.aNode('b'), at_ms: 5 },
  { kind: 'retire-manager', nodeId: 'b', leaving: 'demoted' },
  { kind: 'add-sealing-key', key: objects.aSealingKey('two'), after: 'one' },
  { kind: 'put-grant', grant: objects.aGrant('one', { labels: { a: 'b' } }) },
  { kind: 'put-policy-rule', rule: objects.aRule('one', { serviceLabels: { a: 'b' } }) },
  { kind: 'set-autolock', autolock: { kind: 'autolock', version: 1, unlockKey: Buffer.alloc(32, 7) } },
  {
    kind: 'step-rotation',
    id: 'one',
    serviceId: 'a',
    from: 'waiting',
    to: 'updating',
    mark: { forceUpdate: 3, versionIndex: 12, updateStartedAt: 'then' },
    note: '',
  },
];

function commands(): readonly Command[] {
  return [
    { kind: 'create', id: ID, name: 'db', labels, origin, pending: true, value: value(), at_ms },
    { kind: 'activate', id: ID, engine: { secretId: ID, swarmId: ID }, at_ms },
    { kind: 'put', id: ID, name: 'db', labels, origin, expect: 'absent', value: value(), at_ms },
    { kind: 'put', id: ID, name: 'db', labels: undefined, origin, expect: 7, value: value(), at_ms },
    { kind: 'set-labels', id: ID, labels, expectIndex: 4, at_ms },
    { kind: 'remove', id: ID },
    { kind: 'record-deliveries', deliveries: [delivery, { ...delivery, pinned: true }] },
    { kind: 'rollback', id: ID, version: 3, expect: undefined, at_ms },
    { kind: 'destroy', id: ID, numbers: [1, 2, 3], at_ms },
    { kind: 'prune', id: ID, keep: 2, at_ms },
    {
      kind: 'rotate',
      id: ID,
      rotationId: ID,
      expect: 3,
      services: [objects.aRotatedService('a')],
      timeout_ms: 60_000,
      value: value(),
      at_ms,
    },
    { kind: 'revert-rotation', id: ID, restore: true, problem: 'it is paused', at_ms },
    {
      kind: 'restore',
      id: ID,
      name: 'db',
      labels,
      origin,
      existing: 'refuse',
      createdAt_ms: 1,
      updatedAt_ms: 2,
      versions: [{ number: 2, createdAt_ms: 1, value: value() }],
      destroyed,
    },
    { kind: 'restore-versions', id: ID, versions: [{ number: 2, createdAt_ms: 1, value: value() }] },
    ...CLUSTER_COMMANDS,
  ];
}

function requestOf(command: Command): Request {
  return { id: 'ab'.repeat(16), baseIndex: 7, proposer: 2 ** 40, command };
}

function aSecret(name: string): Secret {
  return {
    id: `${name}-id`,
    name,
    labels,
    origin,
    pending: false,
    engine: { secretId: ID, swarmId: ID },
    versions: [
      { number: 2, createdAt_ms: 5, size: CANARY.length },
      { number: 4, createdAt_ms: 6, size: CANARY.length, copyOf: 2 },
    ],
    destroyed,
    createdAt_ms: 4,
    updatedAt_ms: 6,
    modifiedIndex: 99,
  };
}

const DELIVERIES = { page: 0, held: [delivery, { ...delivery, pinned: true }] };
const REQUESTS = {
  page: 0,
  held: [
    { id: 'cd'.repeat(16), index: 4, secretId: ID, refusal: undefined },
    { id: 'ef'.repeat(16), index: 5, secretId: undefined, refusal: 'secret.exists' as const },
  ],
};

function snapshot(): Buffer {
  const header = encodeSnapshotHeader({
    appliedIndex: 100,
    confState: { voters: [1, 2], learners: [3], votersOutgoing: [], learnersNext: [], autoLeave: false },
    removedNodes: new Set([7, 8]),
    deliveriesRecorded: DELIVERIES.held.length,
    requestsApplied: REQUESTS.held.length,
  });
  const secrets = ['db', 'web'].flatMap((name) => {
    const secret = aSecret(name);
    const values = secret.versions.map(() => ['value', Buffer.from(CANARY)] as const);
    return [['secret', encodeSecret(secret)] as const, ...values];
  });
  const records = [
    ['header', header] as const,
    ...OBJECTS.slice(1, 9).map((object) => ['object', encodeObject(object)] as const),
    ...secrets,
    ['delivery', encodePage(DELIVERY_PAGES, DELIVERIES)] as const,
    ['request', encodePage(REQUEST_PAGES, REQUESTS)] as const,
  ];
  return Buffer.concat(records.flatMap(([kind, body]) => [recordHead(kind, body.length), body]));
}

/** How many records of which kind there are, as far as they can be told. */
function countsOf(records: Buffer): SnapshotCounts {
  const counts = noCounts();
  for (let at = 0; at + RECORD_HEAD_BYTES <= records.length; ) {
    const kind = recordKind(records.readUInt8(at));
    if (kind !== 'header' && kind !== 'end') {
      counts[kind] += 1;
    }
    at += RECORD_HEAD_BYTES + records.readUInt32BE(at + 1);
  }
  return counts;
}

const keyring = Keyring.generate((size) => new SeededRandom(SEED).bytes(size));

/** A hostile manager puts the right digest behind whatever it sends; so it is put there anew. */
function importSnapshot(records: Buffer): void {
  const stage = new StateStage(keyring, 2);
  const end = encodeEnd(countsOf(records), createHash('sha256').update(records).digest());
  const stream = Buffer.concat([records, recordHead('end', end.length), end]);
  const middle = Math.floor(stream.length / 2);
  for (const [number, piece] of [stream.subarray(0, middle), stream.subarray(middle)].entries()) {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(number);
    stage.add(Buffer.concat([head, piece]));
  }
  stage.finish();
}

const damaged = codes('store.damaged');

export const storeTargets: readonly FuzzTarget[] = [
  {
    name: 'secrets/requests',
    seeds: () => commands().map((command) => encodeRequest(requestOf(command))),
    refuses: damaged,
    run: stable(
      (bytes) => decodeRequest(bytes),
      (request) => encodeRequest(request),
    ),
  },
  {
    name: 'secrets/commands',
    seeds: () => commands().map(encodeCommand),
    refuses: damaged,
    run: stable((bytes) => decodeCommand(bytes), encodeCommand),
  },
  {
    name: 'membership/objects',
    seeds: () => OBJECTS.map(encodeObject),
    refuses: damaged,
    run: stable(decodeObject, encodeObject),
  },
  {
    name: 'store/secrets',
    seeds: () => [encodeSecret(aSecret('db'))],
    refuses: damaged,
    run: stable(decodeSecret, encodeSecret),
  },
  {
    name: 'store/names',
    seeds: () => [encodeSecretName(aSecret('Db'))],
    refuses: damaged,
    run: decodeSecretName,
  },
  {
    name: 'store/deliveries',
    seeds: () => [encodePage(DELIVERY_PAGES, DELIVERIES)],
    refuses: damaged,
    run: stable(
      (bytes) => decodePage(DELIVERY_PAGES, bytes),
      (page) => encodePage(DELIVERY_PAGES, page),
    ),
  },
  {
    name: 'store/applied-requests',
    seeds: () => [encodePage(REQUEST_PAGES, REQUESTS)],
    refuses: damaged,
    run: stable(
      (bytes) => decodePage(REQUEST_PAGES, bytes),
      (page) => encodePage(REQUEST_PAGES, page),
    ),
  },
  {
    name: 'store/snapshots',
    seeds: () => [snapshot()],
    refuses: damaged,
    run: importSnapshot,
    cost: 10,
    // A record of the largest size may be announced.
    memory_bytes: RECORD_BYTES_MAX + 1024 * 1024,
  },
];

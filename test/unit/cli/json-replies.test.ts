// SPDX-License-Identifier: Apache-2.0
// What the command line reads of the daemon's replies is what the schemas in docs/schema say that it prints: a key that is added
// to one of them stands in the other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as audit from '../../../src/cli/audit-replies.ts';
import * as cluster from '../../../src/cli/cluster-replies.ts';
import * as force from '../../../src/cli/force-replies.ts';
import * as grants from '../../../src/cli/grant-replies.ts';
import * as imports from '../../../src/cli/import-client.ts';
import * as ledger from '../../../src/cli/ledger-replies.ts';
import * as policy from '../../../src/cli/policy-replies.ts';
import * as replies from '../../../src/cli/replies.ts';
import * as rotation from '../../../src/cli/rotation-replies.ts';
import * as sealing from '../../../src/cli/sealing-client.ts';
import { whyReply } from '../../../src/cli/why-reply.ts';
import { partOf, type Shape, shapeOfFile, shapeOfReply } from '../../support/shapes.ts';

/** A file of docs/schema or one of its definitions, what is read, and what the command adds to that. */
const PRINTED: readonly (readonly [
  place: string,
  schema: object,
  added?: Readonly<Record<string, Shape>>,
])[] = [
  ['ls', partOf(replies.secretsReply, 'secrets')],
  ['grant', partOf(grants.grantReply, 'grant')],
  ['policy-add', partOf(policy.ruleReply, 'rule')],
  ['policy-default', policy.defaultReply],
  ['policy-test', partOf(policy.testReply, 'results')],
  ['ps', partOf(ledger.ledgerReply, 'entries')],
  ['rotate', partOf(rotation.rotateReply, 'rotation')],
  ['cluster', cluster.clusterDescription],
  ['node-ls', partOf(cluster.nodesReply, 'nodes')],
  ['join-token', cluster.tokenReply],
  ['join-token-revoke', cluster.tokenRevokedReply],
  ['ca', cluster.authorityDescription],
  ['autolock', cluster.autolockDescription, { 'UnlockKey?': 'string' }],
  ['unlock', replies.unlockReply],
  ['data-key#dataKey', cluster.dataKeyDescription],
  ['common/cluster#purge', cluster.purgeDescription],
  ['common/cluster#schedules', cluster.schedules],
  ['backup-ls#scheduled', replies.scheduledBackupsReply],
  ['restore#restored', replies.restoreReply],
  ['force-new-cluster#survey', force.survivorsReply],
  ['force-new-cluster#progress', force.forceProgress],
  ['status', replies.daemonStatus],
  ['doctor', partOf(replies.doctorReply, 'checks')],
  ['why', whyReply],
  [
    'audit-verify',
    audit.auditVerifyReply,
    { 'WholeTo?': 'time', 'Acknowledged?': { Seq: 'integer', At: 'time' }, Whole: 'boolean' },
  ],
  ['rebuild', cluster.rebuildDescription],
  ['sealing-key', sealing.sealingKeyReply],
  ['import-swarm', partOf(imports.swarmImportReply, 'secrets')],
];

for (const [place, schema, added] of PRINTED) {
  test(`${place} has every key of the reply, and no other`, () => {
    const [file = '', definition] = place.split('#');
    const printed = shapeOfReply(schema);
    const whole = added === undefined ? printed : Object.assign({}, printed, added);
    assert.deepEqual(shapeOfFile(file, definition), whole);
  });
}

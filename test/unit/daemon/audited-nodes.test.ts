// SPDX-License-Identifier: Apache-2.0
// What a node writes down of others, by what it has seen of them before and now.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesOfNodes, knownNodes, type KnownNodes } from '../../../src/daemon/audited-nodes.ts';
import { type AuditHeadObject, ClusterIndex, type NodeObject } from '../../../src/membership/index.ts';
import { anAuditHead, aNode } from '../../support/cluster-objects.ts';

const LOST = { chain: 'chain0', seq: 3, hash: 'hash3', at_ms: 1 };
const MANAGER = aNode('one', 'manager', 1);
const told = anAuditHead('one', { lost: LOST });

function seen(...objects: readonly (NodeObject | AuditHeadObject)[]): KnownNodes {
  const index = new ClusterIndex();
  objects.forEach((object) => index.put(object));
  return knownNodes(index);
}

/** As another node sees it. */
function changes(before: KnownNodes, now: KnownNodes, selfId = 'id-other'): readonly string[] {
  return changesOfNodes(before, now, selfId).map(({ event, fields }) =>
    [event, fields.to, fields.detail].join(' '),
  );
}

test('nodes that join, change their role and go are written down', () => {
  assert.deepEqual(changes(seen(), seen(MANAGER)), ['join id-one manager one']);
  assert.deepEqual(changes(seen(MANAGER), seen(aNode('one'))), ['set-role id-one worker one']);
  assert.deepEqual(changes(seen(MANAGER), seen()), ['remove-node id-one manager one']);
  assert.deepEqual(changes(seen(MANAGER), seen(MANAGER)), []);
});

test('that a loss was acknowledged is written down by the others, who still have a log that was not lost', () => {
  const before = seen(MANAGER, told);
  const after = seen(MANAGER, anAuditHead('one'));
  assert.deepEqual(changes(before, after), ['acknowledge id-one record 3 of one is known to be lost']);
  assert.deepEqual(changes(before, after, 'id-one'), [], 'it has one of its own');
  assert.deepEqual(changes(after, before), [], 'that something was lost is told elsewhere');
  assert.deepEqual(changes(before, seen(MANAGER)), [], 'a head that is gone has said nothing');
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError } from '../../../src/common/index.ts';
import {
  applyClusterCommand,
  type ClusterCommand,
  ClusterIndex,
  decodeObject,
  encodeObject,
  type GrantObject,
  GRANTS_MAX,
  sameGrant,
} from '../../../src/membership/index.ts';
import { aGrant, aNode, anAuthority, aToken } from '../../support/cluster-objects.ts';
import { assertProperty } from '../../support/property.ts';

function clusterOf(...workers: readonly string[]): ClusterIndex {
  const index = new ClusterIndex();
  const node = aNode('first', 'manager', 1);
  apply(index, { kind: 'establish-cluster', authority: anAuthority(), node });
  apply(index, { kind: 'put-token', token: aToken('one', 'worker', 100), revokeOthers: false });
  for (const name of workers) {
    apply(index, { kind: 'admit-node', tokenId: 'one', node: aNode(name), at_ms: 10 });
  }
  return index;
}

/** How many objects the command has changed. */
function apply(index: ClusterIndex, command: ClusterCommand): number {
  const effects = applyClusterCommand(index, command);
  effects.forEach((effect) => index.apply(effect));
  return effects.length;
}

const idsOf = (grants: readonly GrantObject[]): readonly string[] => grants.map(({ id }) => id);

describe('a grant', () => {
  let index: ClusterIndex;

  beforeEach(() => {
    index = clusterOf('second');
  });

  const put = (id: string, over: Partial<GrantObject> = {}): number =>
    apply(index, { kind: 'put-grant', grant: aGrant(id, over) });

  function refused(command: ClusterCommand, code: string, why: RegExp): void {
    const before = index.size;
    assert.throws(
      () => apply(index, command),
      (error) => error instanceof CofferError && error.code === code && why.test(error.detail),
    );
    assert.equal(index.size, before, 'a refused command changes nothing');
  }

  function invalid(over: Partial<GrantObject>, why: RegExp): void {
    refused({ kind: 'put-grant', grant: aGrant('new', over) }, 'grant.invalid', why);
  }

  test('is found by its node, and in the order in which all were granted', () => {
    put('b', { grantedAt_ms: 5, nodeId: 'id-second' });
    put('c', { grantedAt_ms: 4, secret: 'other' });
    put('a', { grantedAt_ms: 4 });
    assert.deepEqual(idsOf(index.grants()), ['a', 'c', 'b']);
    assert.deepEqual(idsOf(index.grantsOf('id-first')), ['a', 'c']);
    assert.deepEqual(idsOf(index.grantsOf('id-nobody')), []);
    assert.deepEqual(
      [index.grant('b')?.nodeId, index.grant('x'), index.grantCount],
      ['id-second', undefined, 3],
    );
  });

  test('that grants the same again changes nothing, whatever its id, its time and the case of the name', () => {
    const labels = { app: 'web', tier: '' };
    put('one', { labels, container: 'web-*' });
    assert.equal(put('two', { labels: { tier: '', app: 'web' }, container: 'web-*', grantedAt_ms: 9 }), 0);
    assert.equal(put('two', { labels, container: 'web-*', secret: 'DB' }), 0);
    for (const [place, other] of [
      { labels, container: 'web-?' },
      { labels: { app: 'web' }, container: 'web-*' },
      { labels: { app: 'web', other: '' }, container: 'web-*' },
      { labels, container: 'web-*', image: 'redis' },
      { labels, container: 'web-*', nodeId: 'id-second' },
      { labels, container: 'web-*', secret: 'db2' },
    ].entries()) {
      assert.equal(put(`other${place}`, other), 1);
    }
  });

  test('is for a node of the cluster, and goes with it in the same change', () => {
    put('one', { nodeId: 'id-second' });
    put('two', { nodeId: 'id-second', secret: 'other' });
    put('three');
    const nobody = aGrant('four', { nodeId: 'id-nobody' });
    refused({ kind: 'put-grant', grant: nobody }, 'cluster.node-not-found', /no node id-nobody/);
    apply(index, { kind: 'remove-node', nodeId: 'id-second', at_ms: 11 });
    assert.deepEqual(idsOf(index.grants()), ['three']);
    const gone = aGrant('four', { nodeId: 'id-second' });
    refused({ kind: 'put-grant', grant: gone }, 'cluster.node-removed', /was removed/);
  });

  test('is revoked by its id, once', () => {
    put('one');
    apply(index, { kind: 'remove-grant', id: 'one' });
    refused({ kind: 'remove-grant', id: 'one' }, 'grant.not-found', /no grant one/);
    assert.equal(index.grantCount, 0);
  });

  test('names what a container can be named, and nothing that none can', () => {
    for (const container of ['^web', 'web.*$', 'web|db', '/web', 'web 1', 'a', '?', '-web', '.web', 'wéb']) {
      invalid({ container }, /no container can be named "/);
    }
    invalid({ container: 'a'.repeat(513) }, /has 512 bytes at most/);
    for (const [place, container] of ['web', 'web-*', '*', '??', '*_db.1', '?-a'].entries()) {
      assert.equal(put(`id${place}`, { container }), 1, container);
    }
  });

  test('names an image as docker run does, or by its whole id', () => {
    for (const image of ['redis:*', 'redis latest', 'sha256:abc', ':latest', 'a'.repeat(513)]) {
      invalid({ image }, /no image can be named "|512 bytes/);
    }
    const images = [
      'redis',
      'redis:8-alpine',
      'r.example:5000/a/b@sha256:ab',
      '[::1]:5000/x',
      `sha256:${'0'.repeat(64)}`,
    ];
    for (const [place, image] of images.entries()) {
      assert.equal(put(`id${place}`, { image }), 1, image);
    }
  });

  test('takes labels as data, sixteen at most, and each with a key', () => {
    assert.equal(put('one', { labels: { 'a.*': '^$', ['__proto__']: 'x' } }), 1);
    invalid({ labels: { '': 'x' } }, /a label has a key/);
    invalid({ labels: { a: 'b'.repeat(513) } }, /512 bytes at most/);
    const labels = Object.fromEntries(Array.from({ length: 17 }, (_, number) => [`l${number}`, '']));
    invalid({ labels }, /16 labels at most/);
  });

  test("has a secret's name, of which there need be none yet", () => {
    for (const secret of ['', 'a'.repeat(65), '-a', 'a b']) {
      invalid({ secret }, /the secret's name is invalid/);
    }
  });

  test('is one of ten thousand at most, and its id is used once', () => {
    for (let number = 0; number < GRANTS_MAX; number += 1) {
      index.apply({
        kind: 'put-object',
        object: aGrant(`id${number}`, { secret: `s${number}`, nodeId: 'elsewhere' }),
      });
    }
    invalid({}, /10000 grants already/);
    refused({ kind: 'put-grant', grant: aGrant('id1') }, 'grant.invalid', /used once/);
  });
});

const text = fc.constantFrom('', 'web', 'web-*', 'db');
const aCommand: fc.Arbitrary<ClusterCommand> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        id: fc.nat(30).map((number) => `g${number}`),
        secret: fc.constantFrom('db', 'DB', 'api'),
        nodeId: fc.constantFrom('id-a', 'id-b', 'id-c', 'id-nobody'),
        container: text,
        labels: fc.dictionary(fc.constantFrom('x', 'y', '__proto__'), fc.constantFrom('', '1'), {
          noNullPrototype: true,
        }),
        image: text,
        grantedAt_ms: fc.nat(5),
      })
      .map((over): ClusterCommand => ({ kind: 'put-grant', grant: aGrant(over.id, over) })),
  },
  {
    weight: 3,
    arbitrary: fc.nat(30).map((number): ClusterCommand => ({ kind: 'remove-grant', id: `g${number}` })),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('id-a', 'id-b')
      .map((nodeId): ClusterCommand => ({ kind: 'remove-node', nodeId, at_ms: 20 })),
  },
);

/** All that an index holds, as the bytes from which a start or a snapshot makes it anew. */
function reread(index: ClusterIndex): ClusterIndex {
  const copy = new ClusterIndex();
  const objects = [...index.nodes(), ...index.grants(), ...index.revocations(), ...index.tokens()];
  objects.toReversed().forEach((object) => copy.put(decodeObject(encodeObject(object))));
  return copy;
}

test('grants: no two grant the same, each is for a node that is there, and a manager that reads them anew goes on alike', (t) => {
  assertProperty(
    t,
    300,
    fc.property(fc.array(aCommand, { maxLength: 60 }), fc.nat(60), (commands, restartAt) => {
      const index = clusterOf('a', 'b', 'c');
      let other = clusterOf('a', 'b', 'c');
      for (const [place, command] of commands.entries()) {
        other = place === restartAt ? reread(other) : other;
        assert.equal(attempt(other, command), attempt(index, command));
        assert.deepEqual(other.grants(), index.grants());
        checkTable(index);
      }
    }),
  );
});

function attempt(index: ClusterIndex, command: ClusterCommand): string {
  try {
    return `changed ${apply(index, command)}`;
  } catch (thrown) {
    assert.ok(thrown instanceof CofferError, String(thrown));
    return thrown.message;
  }
}

function checkTable(index: ClusterIndex): void {
  const grants = index.grants();
  assert.equal(index.grantCount, grants.length);
  for (const grant of grants) {
    assert.ok(index.node(grant.nodeId) !== undefined, 'a grant goes with its node');
    assert.deepEqual(index.grant(grant.id), grant);
    assert.equal(grants.filter((one) => sameGrant(one, grant)).length, 1);
  }
  const byNode = ['id-a', 'id-b', 'id-c'].flatMap((nodeId) => index.grantsOf(nodeId));
  assert.deepEqual(new Set(byNode), new Set(grants));
}

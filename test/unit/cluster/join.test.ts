// SPDX-License-Identifier: Apache-2.0
// Joining, against managers that are not what they should be: nothing secret is told to them, nothing wrong taken from them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { joinThrough, verifiedIdentity } from '../../../src/cluster/join.ts';
import { BODY, encodeBody, type IssuedIdentity } from '../../../src/cluster/rpc-body.ts';
import { CofferError } from '../../../src/common/index.ts';
import {
  type Authority,
  authorityDigest,
  createAuthority,
  generateKey,
  issueCertificate,
  type JoinToken,
  publicKeyOfRequest,
} from '../../../src/pki/index.ts';
import type { RpcMethod } from '../../../src/transport/index.ts';
import { DAY_MS } from '../../support/cluster-objects.ts';
import { CLUSTER_ID, fakeManager, type FakeManager, issueFrom as issue } from './fake-manager.ts';

const OTHER_ID = 'd'.repeat(25);
const NODE_ID = 'n'.repeat(25);

const rootOf = (clusterId: string): Authority => createAuthority({ clusterId, now_ms: Date.now() });
const ROOT = rootOf(CLUSTER_ID);

function tokenFor(authority: Authority): JoinToken {
  const secret = Buffer.from('sixteen secrets!');
  return {
    role: 'worker',
    tokenId: 'tokentok',
    secret,
    authorityDigest: authorityDigest(authority.certificate),
  };
}

const authorityMethod =
  (...roots: readonly string[]): RpcMethod =>
  async () =>
    encodeBody(BODY.authority, { roots: [...roots] });

/** Issues by `authority` to whoever asks. */
function joinMethod(authority: Authority, change: Partial<IssuedIdentity> = {}): RpcMethod {
  return async (body) => {
    const { request } = JSON.parse(body.toString()) as { readonly request: string };
    const certificate = issueCertificate({
      authority,
      publicKey: publicKeyOfRequest(request),
      subject: { clusterId: CLUSTER_ID, nodeId: NODE_ID, role: 'worker' },
      now_ms: Date.now(),
      lifetime_ms: DAY_MS,
    });
    return encodeBody(BODY.identity, {
      clusterId: CLUSTER_ID,
      nodeId: NODE_ID,
      role: 'worker',
      raftId: 0,
      certificates: [certificate],
      roots: [authority.certificate],
      managers: [],
      ...change,
    });
  };
}

function join(manager: FakeManager): ReturnType<typeof joinThrough> {
  return joinThrough({
    token: tokenFor(ROOT),
    manager: manager.address,
    key: generateKey(),
    address: '127.0.0.1:1',
    engineNodeId: '',
    now_ms: Date.now(),
  });
}

async function refused(joining: Promise<unknown>, code: string, sentence: RegExp): Promise<void> {
  await assert.rejects(joining, (error) => {
    assert.ok(error instanceof CofferError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.detail, sentence);
    return true;
  });
}

describe('a node that joins', () => {
  test('takes what the manager of the right cluster has issued', async (t) => {
    const manager = await fakeManager(t, issue(ROOT, {}), {
      authority: authorityMethod(ROOT.certificate),
      join: joinMethod(ROOT),
    });
    const identity = await join(manager);
    assert.equal(identity.nodeId, NODE_ID);
    assert.deepEqual(
      manager.calls.map(({ method, body }) => [method, body.includes('secret')]),
      [
        ['authority', false],
        ['join', true],
      ],
    );
  });

  test('tells another cluster nothing (A41)', async (t) => {
    const other = rootOf(CLUSTER_ID);
    for (const roots of [[other.certificate], [other.certificate, rootOf(OTHER_ID).certificate]]) {
      const manager = await fakeManager(t, issue(other, {}), {
        authority: authorityMethod(...roots),
        join: joinMethod(other),
      });
      await refused(
        join(manager),
        'cluster.digest-mismatch',
        /is not the cluster that the join token is for/,
      );
      assert.deepEqual(manager.calls, [{ method: 'authority', body: '{}' }]);
    }
  });

  test('tells nothing to one who shows the right root, and has not its key (A46)', async (t) => {
    const other = rootOf(CLUSTER_ID);
    const impostors = {
      'the right names, of another CA': issue(other, {}),
      'a worker of the cluster': issue(ROOT, { role: 'worker' }),
    };
    for (const [who, credentials] of Object.entries(impostors)) {
      const manager = await fakeManager(t, credentials, {
        authority: authorityMethod(other.certificate, ROOT.certificate),
        join: joinMethod(ROOT),
      });
      const refusal = await join(manager).catch((thrown: unknown) => CofferError.from(thrown));
      assert.ok(refusal instanceof CofferError, who);
      assert.match(refusal.code, /^(pki\.certificate-invalid|cluster\.role)$/, `${who}: ${refusal.message}`);
      assert.deepEqual(manager.calls, [{ method: 'authority', body: '{}' }], who);
    }
  });

  const ROOTS_THAT_ARE_NONE = [['x'], [`${ROOT.certificate}${ROOT.certificate}`], [], ['x'.repeat(20_000)]];
  test('is not confused by roots that are none', async (t) => {
    for (const roots of ROOTS_THAT_ARE_NONE) {
      const manager = await fakeManager(t, issue(ROOT, {}), {
        authority: async () => Buffer.from(JSON.stringify({ roots })),
        join: joinMethod(ROOT),
      });
      await assert.rejects(join(manager), (error) => error instanceof CofferError);
      assert.deepEqual(
        manager.calls.map(({ method }) => method),
        ['authority'],
      );
    }
  });

  test('passes on why it was not let in, in the words of the manager', async (t) => {
    const manager = await fakeManager(t, issue(ROOT, {}), {
      authority: authorityMethod(ROOT.certificate),
      join: async () => {
        throw new CofferError('cluster.token-expired', 'the join token has expired', { hint: 'A new one.' });
      },
    });
    await refused(join(manager), 'cluster.token-expired', /the join token has expired/);
  });
});

const issuedTo = async (
  key = generateKey(),
): Promise<{ issued: IssuedIdentity; key: ReturnType<typeof generateKey> }> => {
  const { certificate } = issue(ROOT, { nodeId: NODE_ID, role: 'worker' }, key);
  const issued: IssuedIdentity = {
    clusterId: CLUSTER_ID,
    nodeId: NODE_ID,
    role: 'worker',
    raftId: 0,
    certificates: [certificate],
    roots: [ROOT.certificate],
    managers: [],
  };
  return { issued, key };
};

const LIES: readonly (readonly [string, Partial<IssuedIdentity>, RegExp])[] = [
  ['another node', { nodeId: OTHER_ID }, /is for node/],
  ['another cluster', { clusterId: OTHER_ID }, /is for cluster/],
  ['another role', { role: 'manager', raftId: 7 }, /is for a worker/],
  ['a place in the log for a worker', { raftId: 7 }, /contradicts itself/],
  [
    'a certificate of another CA',
    { certificates: [issue(rootOf(CLUSTER_ID), {}).certificate] },
    /no trusted root/,
  ],
  ['a root for a certificate', { certificates: [ROOT.certificate] }, /self-signed/],
  ['text for a certificate', { certificates: ['x'] }, /no certificate in PEM/],
];

describe('what a manager has issued', () => {
  test('is taken as it is if it is right', async () => {
    const { issued, key } = await issuedTo();
    const identity = verifiedIdentity(issued, key, [ROOT.certificate], Date.now());
    const { nodeId, role, storeMade } = identity;
    assert.deepEqual({ nodeId, role, storeMade }, { nodeId: NODE_ID, role: 'worker', storeMade: false });
  });

  for (const [what, lie, sentence] of LIES) {
    test(`is not taken with ${what}`, async () => {
      const { issued, key } = await issuedTo();
      const take = (): unknown =>
        verifiedIdentity({ ...issued, ...lie }, key, [ROOT.certificate], Date.now());
      assert.throws(
        take,
        (error) =>
          error instanceof CofferError &&
          error.code === 'pki.certificate-invalid' &&
          sentence.test(error.detail),
      );
    });
  }

  test('is not taken for another key, nor before or after its time, nor by trust in its own root', async () => {
    const { issued, key } = await issuedTo();
    const roots = [ROOT.certificate];
    assert.throws(() => verifiedIdentity(issued, generateKey(), roots, Date.now()), /for another key/);
    assert.throws(() => verifiedIdentity(issued, key, roots, Date.now() + 2 * DAY_MS), /expired/);
    assert.throws(() => verifiedIdentity(issued, key, roots, Date.now() - DAY_MS), /not valid before/);
    const stranger = [rootOf(CLUSTER_ID).certificate];
    assert.throws(() => verifiedIdentity(issued, key, stranger, Date.now()), /no trusted root/);
  });
});

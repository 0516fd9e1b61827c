// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { PROTOCOL } from '../../../src/cluster/authorize.ts';
import { MemberClient } from '../../../src/cluster/member-client.ts';
import { CofferError } from '../../../src/common/index.ts';
import { createAuthority } from '../../../src/pki/index.ts';
import { CredentialsSource, type RpcMethod } from '../../../src/transport/index.ts';
import { waitFor } from '../../support/wait-for.ts';
import { CLUSTER_ID, fakeManager, type FakeManager, issueFrom as issue, MANAGER_ID } from './fake-manager.ts';

const NODE_ID = 'n'.repeat(25);
const ROOT = createAuthority({ clusterId: CLUSTER_ID, now_ms: Date.now() });

describe('the calls of a node to its managers', () => {
  async function slowManager(t: TestContext): Promise<{ manager: FakeManager; answer: () => void }> {
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const slow: RpcMethod = async (body) => {
      await answered;
      return body;
    };
    const quick: RpcMethod = async (body) => body;
    return { manager: await fakeManager(t, issue(ROOT, {}), { slow, quick }, PROTOCOL.member), answer };
  }

  function clientOf(t: TestContext, ...addresses: readonly string[]): MemberClient {
    const client = new MemberClient({
      clusterId: CLUSTER_ID,
      nodeId: NODE_ID,
      credentials: new CredentialsSource(issue(ROOT, { nodeId: NODE_ID, role: 'worker' })),
      managers: () => addresses.map((address) => ({ nodeId: MANAGER_ID, raftId: 1, address })),
    });
    t.after(() => client.close());
    return client;
  }

  test('are answered although the certificate is replaced meanwhile', async (t) => {
    const { answer, manager } = await slowManager(t);
    const client = clientOf(t, manager.address);
    const slow = client.callAny('slow', Buffer.from('1'));
    await waitFor(() => manager.calls.length === 1, { what: 'the call to arrive', interval_ms: 5 });
    client.reset();
    assert.equal((await client.callAny('quick', Buffer.from('2'))).toString(), '2');
    answer();
    assert.equal((await slow).toString(), '1');
  });

  test('end when the node stops', async (t) => {
    const { manager } = await slowManager(t);
    const client = clientOf(t, manager.address);
    const calls = [client.callAny('slow', Buffer.from('1'))];
    await waitFor(() => manager.calls.length === 1, { what: 'the call to arrive', interval_ms: 5 });
    client.reset();
    calls.push(client.callAny('slow', Buffer.from('2')));
    await waitFor(() => manager.calls.length === 2, { what: 'the call to arrive', interval_ms: 5 });
    client.close();
    const ends = await Promise.allSettled(calls);
    assert.deepEqual(
      ends.map((end) => (end.status === 'rejected' ? CofferError.from(end.reason).code : 'answered')),
      ['transport.unreachable', 'transport.unreachable'],
    );
  });

  test('end with the word that the node was removed, whoever else cannot be reached', async (t) => {
    const gone: RpcMethod = async () => {
      throw new CofferError('cluster.node-removed', 'the node was removed');
    };
    const manager = await fakeManager(t, issue(ROOT, {}), { gone }, PROTOCOL.member);
    for (const order of [
      [manager.address, '127.0.0.1:1'],
      ['127.0.0.1:1', manager.address],
    ]) {
      await assert.rejects(clientOf(t, ...order).callAny('gone', Buffer.alloc(0)), {
        code: 'cluster.node-removed',
      });
    }
  });

  test('go to one manager after the other, and without any are refused at once', async (t) => {
    const { manager } = await slowManager(t);
    const client = clientOf(t, '127.0.0.1:1', manager.address);
    assert.equal((await client.callAny('quick', Buffer.from('x'))).toString(), 'x');
    await assert.rejects(clientOf(t).callAny('quick', Buffer.alloc(0)), { code: 'store.unavailable' });
    await assert.rejects(clientOf(t, '127.0.0.1:1').callAny('quick', Buffer.alloc(0)), {
      code: 'transport.unreachable',
    });
  });
});

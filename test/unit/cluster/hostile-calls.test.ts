// SPDX-License-Identifier: Apache-2.0
// What those may do who were let in, over connections as they would make them, at the leader and at a follower.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PROTOCOL } from '../../../src/cluster/authorize.ts';
import { BODY, decodeBody, encodeBody } from '../../../src/cluster/rpc-body.ts';
import { CofferError } from '../../../src/common/index.ts';
import type { NodeObject } from '../../../src/membership/index.ts';
import { createCertificateRequest, generateKey } from '../../../src/pki/index.ts';
import { CredentialsSource, RpcClient, type TlsCredentials } from '../../../src/transport/index.ts';
import { waitFor } from '../../support/wait-for.ts';
import { RawPeer } from '../transport/transport-harness.ts';
import { present, type TestNode } from './cluster-harness.ts';
import { type PortCluster, startPortCluster } from './port-cluster.ts';

describe('the calls on the port of a manager', () => {
  let cluster: PortCluster;
  let leader: TestNode;
  let follower: TestNode;
  let valid: NodeObject;
  let worker: NodeObject;

  before(async () => {
    cluster = await startPortCluster();
    ({ leader, follower, valid, worker } = cluster);
  });
  after(async () => cluster?.destroy());

  const asManager = (nodeId: string): TlsCredentials => leader.issue({ nodeId, role: 'manager' });

  test('the connections of a node are cut everywhere when it is removed, and its calls are refused at once (gap A)', async (t) => {
    const node = await leader.admit('manager');
    await waitFor(() => follower.store.cluster.node(node.id), { what: 'the follower to know the node' });
    const credentials = asManager(node.id);
    const open: RawPeer[] = [];
    for (const { port } of [leader, follower]) {
      for (const protocol of [PROTOCOL.raft, PROTOCOL.snapshot, PROTOCOL.member]) {
        open.push(await RawPeer.member(t, port, protocol, credentials).accepted());
      }
    }
    const client = memberClient(follower, credentials);
    t.after(() => client.close());
    await client.call('hello', HELLO);
    await leader.admin.remove(node.id, true);
    await Promise.all(open.map((peer) => peer.over()));
    await assert.rejects(client.call('hello', HELLO), isRefusal('cluster.node-removed'));
    await assert.rejects(client.call('renew', renewal()), isRefusal('cluster.node-removed'));
    await assert.rejects(client.call('admin', admin('nodes')), isRefusal('cluster.node-removed'));
    assert.equal(leader.store.cluster.node(node.id), undefined);
  });

  test('a demoted manager loses its connections to the log, and may still ask for the certificate of a worker (A48)', async (t) => {
    const node = await leader.admit('manager');
    await waitFor(() => follower.store.cluster.node(node.id), { what: 'the follower to know the node' });
    const credentials = asManager(node.id);
    const raft = await RawPeer.member(t, follower.port, PROTOCOL.raft, credentials).accepted();
    await leader.admin.setRole(node.id, 'worker', true);
    await raft.over();
    const client = memberClient(follower, credentials);
    t.after(() => client.close());
    const welcome = decodeBody(BODY.welcome, await client.call('hello', HELLO));
    assert.equal(welcome.role, 'worker');
    await assert.rejects(client.call('admin', admin('nodes')), isRefusal('cluster.role'));
    const issued = decodeBody(BODY.identity, await client.call('renew', renewal()));
    assert.equal(issued.role, 'worker');
  });

  test('the administration is for managers, by certificate and by record', async (t) => {
    const promoted = await leader.admit('worker');
    const callers = [
      leader.issue({ nodeId: worker.id, role: 'worker' }),
      asManager(worker.id),
      leader.issue({ nodeId: promoted.id, role: 'worker' }),
    ];
    await leader.admin.setRole(promoted.id, 'manager', false);
    for (const credentials of callers) {
      const client = memberClient(leader, credentials);
      t.after(() => client.close());
      for (const call of ['nodes', 'remove', 'setRole', 'rotateAuthority', 'nothing']) {
        await assert.rejects(client.call('admin', admin(call, valid.id)), isRefusal('cluster.role'));
      }
    }
    await leader.admin.remove(promoted.id, true);
  });

  test('a manager administers through the leader alone, and with sense', async (t) => {
    const call = async (at: TestNode, body: Buffer): Promise<Buffer> => {
      const client = memberClient(at, asManager(valid.id));
      t.after(() => client.close());
      return client.call('admin', body);
    };
    const { result } = decodeBody(BODY.adminReply, await call(leader, admin('nodes')));
    assert.ok(Array.isArray(result) && result.length >= 4);
    await assert.rejects(call(follower, admin('nodes')), isRefusal('store.unavailable'));
    await assert.rejects(call(leader, admin('revokeToken', 'tokentok')), isRefusal('request.not-found'));
    await assert.rejects(call(leader, admin('constructor')), isRefusal('request.not-found'));
    await assert.rejects(call(leader, admin('nodes', 'more')), isRefusal('request.invalid'));
    await assert.rejects(call(leader, admin('remove', valid.id, 'yes')), isRefusal('request.invalid'));
    await assert.rejects(call(leader, admin('node', 'x'.repeat(600))), isRefusal('request.invalid'));
    await assert.rejects(call(leader, Buffer.from('{"call":')), isRefusal('request.invalid'));
    await assert.rejects(call(leader, Buffer.alloc(0)), isRefusal('request.invalid'));
    assert.ok(leader.store.cluster.node(valid.id) !== undefined);
  });

  test('on the protocol of strangers nothing but its three calls is to be had', async (t) => {
    const client = new RpcClient({
      address: () => leader.address,
      protocol: PROTOCOL.join,
      credentials: new CredentialsSource(asManager(valid.id)),
      verification: { kind: 'none' },
    });
    t.after(() => client.close());
    for (const method of ['hello', 'renew', 'admin', 'position', 'constructor', '__proto__', '']) {
      await assert.rejects(client.call(method, admin('nodes')), (error) => error instanceof CofferError);
    }
    const { roots } = decodeBody(
      BODY.authority,
      await client.call('authority', encodeBody(BODY.nothing, {})),
    );
    assert.deepEqual(roots, [leader.authority.certificate]);
  });

  test('none of this has hurt the cluster', async () => {
    await leader.store.propose({ kind: 'forget-expired', at_ms: 0 });
    for (const node of [leader, follower]) {
      assert.equal(node.keeper.state, 'serving');
      assert.equal(present(node.store.cluster.node(valid.id), 'the node is there').role, 'manager');
    }
  });
});

const HELLO = encodeBody(BODY.hello, { hostname: 'h', address: '127.0.0.1:1', engineNodeId: '' });

function renewal(): Buffer {
  return encodeBody(BODY.renew, { request: createCertificateRequest(generateKey()) });
}

function admin(call: string, ...given: readonly unknown[]): Buffer {
  return encodeBody(BODY.admin, { call, arguments: [...given] });
}

function memberClient(node: TestNode, credentials: TlsCredentials): RpcClient {
  return new RpcClient({
    address: () => node.address,
    protocol: PROTOCOL.member,
    credentials: new CredentialsSource(credentials),
    verification: { kind: 'member', expect: { nodeId: node.id, role: 'manager' } },
  });
}

function isRefusal(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof CofferError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

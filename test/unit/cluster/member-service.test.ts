// SPDX-License-Identifier: Apache-2.0
// What a manager answers to the nodes of its cluster: who a node is, its certificate says, and what it may, the state.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { verifiedIdentity } from '../../../src/cluster/join.ts';
import { MemberService } from '../../../src/cluster/member-service.ts';
import type { ManagerReport } from '../../../src/cluster/report-model.ts';
import { BODY, decodeBody, encodeBody, type Hello } from '../../../src/cluster/rpc-body.ts';
import { CofferError, type LogFields, silentLogger } from '../../../src/common/index.ts';
import { createCertificateRequest, generateKey } from '../../../src/pki/index.ts';
import type { Command } from '../../../src/secrets/index.ts';
import type { PeerIdentity } from '../../../src/transport/index.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import {
  admitted,
  authorityOf,
  CLUSTER_ID,
  contextOf,
  establishedStore,
  peerOf,
  refusal,
} from './service-harness.ts';

const REASON = { at_ms: 5, code: 'secret.not-found', message: 'coffer holds no secret db', count: 3 };
const REPORT: ManagerReport = {
  now_ms: 7,
  driverName: 'coffer',
  auditProblem: 'no space',
  refusals: [
    { kind: 'secret', service: 'web', serviceId: 's1', task: 'web.1.x', secret: 'db', ...REASON },
    { kind: 'volume', volume: 'v', users: ['shop'], ...REASON, hint: 'put it' },
  ],
};
const UNAVAILABLE = new CofferError('store.unavailable', 'the quorum is lost');

describe('the service for nodes', () => {
  let now_ms: number;
  let store: MemoryStore;
  let service: MemberService;
  let heard: string[];
  let administered: unknown[];
  let warned: LogFields[];
  let reports: number;

  beforeEach(async () => {
    now_ms = Date.now();
    heard = [];
    administered = [];
    warned = [];
    reports = 0;
    store = await establishedStore(now_ms);
    service = new MemberService({
      clusterId: CLUSTER_ID,
      store: () => store,
      leader: () => 'id-first',
      lastEntry: () => ({ term: 3, index: 40 }),
      administer: async (...call) => {
        administered.push(call);
        return { done: true };
      },
      report: () => {
        reports += 1;
        return REPORT;
      },
      onContact: (id, _address, key) => void heard.push(`${id} ${key}`),
      now_ms: () => now_ms,
      logger: { ...silentLogger, warn: (_, fields = {}) => void warned.push(fields) },
    });
  });

  async function call(method: string, peer: PeerIdentity | undefined, body: Buffer): Promise<Buffer> {
    const answer = service.methods[method];
    assert.ok(answer !== undefined, method);
    return answer(body, contextOf('10.0.0.9', peer));
  }

  const hello = (change: Partial<Hello> = {}): Buffer =>
    encodeBody(BODY.hello, {
      hostname: 'renamed',
      address: '10.0.0.9:7373',
      engineNodeId: 'engine',
      ...change,
    });
  const renew = (key = generateKey()): Buffer =>
    encodeBody(BODY.renew, { request: createCertificateRequest(key) });
  const admin = (name = 'nodes', ...given: readonly unknown[]): Buffer =>
    encodeBody(BODY.admin, { call: name, arguments: [...given] });

  describe('a greeting', () => {
    test('is answered with what the node should be, whom to trust and whom to call', async () => {
      const { id } = await admitted(store, 'worker');
      const welcome = decodeBody(BODY.welcome, await call('hello', peerOf(id, 'worker'), hello()));
      assert.deepEqual(welcome, {
        role: 'worker',
        raftId: 0,
        roots: [authorityOf(store).certificate],
        managers: [{ nodeId: 'id-first', raftId: 1, address: 'first:7373' }],
        leader: 'id-first',
      });
      assert.deepEqual(heard, [`${id} key-of-${id}`]);
    });

    test('is written down where it says something new; the address only of a manager', async () => {
      const [worker, manager] = [await admitted(store, 'worker'), await admitted(store, 'manager')];
      for (const { id, role } of [worker, manager]) {
        const said = `engine-${role}`;
        await call('hello', peerOf(id, role), hello({ engineNodeId: said }));
        const { address, engineNodeId, hostname } = store.cluster.node(id) ?? {};
        const expected = { address: role === 'manager' ? '10.0.0.9:7373' : '', engineNodeId: said };
        assert.deepEqual({ address, engineNodeId, hostname }, { ...expected, hostname: 'renamed' });
      }
      store.proposeError = UNAVAILABLE;
      await call('hello', peerOf(worker.id, 'worker'), hello({ engineNodeId: 'engine-worker' }));
    });

    test('gives nobody the engine of another node, and does not write that down again and again', async () => {
      const [honest, other] = [await admitted(store, 'worker'), await admitted(store, 'worker')];
      await call('hello', peerOf(honest.id, 'worker'), hello());
      await call('hello', peerOf(other.id, 'worker'), hello());
      assert.equal(store.cluster.node(honest.id)?.engineNodeId, 'engine');
      assert.equal(store.cluster.node(other.id)?.engineNodeId, '');
      assert.deepEqual(
        warned.map(({ node }) => node),
        [other.id],
      );
      const { appliedIndex } = store.status();
      await call('hello', peerOf(other.id, 'worker'), hello());
      assert.equal(store.status().appliedIndex, appliedIndex);
      assert.equal(warned.length, 1, 'it is told once');
      await store.propose({ kind: 'remove-node', nodeId: honest.id, at_ms: 1 });
      await call('hello', peerOf(other.id, 'worker'), hello());
      assert.equal(store.cluster.node(other.id)?.engineNodeId, 'engine');
    });

    test('of a node whose engine has not answered yet leaves it beside that engine', async () => {
      const { id } = await admitted(store, 'worker');
      await call('hello', peerOf(id, 'worker'), hello());
      const silent = encodeBody(BODY.hello, { hostname: 'renamed again', address: '' });
      await call('hello', peerOf(id, 'worker'), silent);
      assert.equal(store.cluster.node(id)?.hostname, 'renamed again');
      assert.equal(store.cluster.node(id)?.engineNodeId, 'engine');
      await call('hello', peerOf(id, 'worker'), hello({ engineNodeId: '' }));
      assert.equal(store.cluster.node(id)?.engineNodeId, '', 'it has left its swarm');
    });

    test('is answered also while nothing can be written down', async () => {
      const { id } = await admitted(store, 'worker');
      store.proposeError = UNAVAILABLE;
      assert.ok((await call('hello', peerOf(id, 'worker'), hello())).length > 0);
    });

    test('tells a demoted manager that it is a worker, and one that is promoted its new place', async () => {
      const [demoted, promoted] = [await admitted(store, 'manager'), await admitted(store, 'worker')];
      await store.propose({ kind: 'set-role', nodeId: demoted.id, role: 'worker', raftId: 0 });
      await store.propose({ kind: 'set-role', nodeId: promoted.id, role: 'manager', raftId: 99 });
      const told = async (id: string, role: 'manager' | 'worker'): Promise<unknown> => {
        const welcome = decodeBody(BODY.welcome, await call('hello', peerOf(id, role), hello()));
        return [welcome.role, welcome.raftId];
      };
      assert.deepEqual(await told(demoted.id, 'manager'), ['worker', 0]);
      assert.deepEqual(await told(promoted.id, 'worker'), ['manager', 99]);
    });

    test('that comes too often is refused, for that node alone', async () => {
      const [one, other] = [await admitted(store, 'worker'), await admitted(store, 'worker')];
      for (let count = 0; count < 20; count += 1) {
        await call('hello', peerOf(one.id, 'worker'), hello());
      }
      await assert.rejects(call('hello', peerOf(one.id, 'worker'), hello()), refusal('cluster.rate-limited'));
      await call('hello', peerOf(other.id, 'worker'), hello());
      now_ms += 500;
      await call('hello', peerOf(one.id, 'worker'), hello());
    });
  });

  describe('a renewal', () => {
    test('needs no token: the certificate says who asks (A42)', async () => {
      const { id } = await admitted(store, 'worker');
      const key = generateKey();
      const issued = decodeBody(BODY.identity, await call('renew', peerOf(id, 'worker'), renew(key)));
      const identity = verifiedIdentity(issued, key, [authorityOf(store).certificate], now_ms);
      assert.deepEqual([identity.nodeId, identity.role], [id, 'worker']);
      assert.equal(store.cluster.node(id)?.certificate.certificate, identity.certificates[0]);
    });

    test('is for the role that the node has now, not for that in its certificate', async () => {
      const [demoted, promoted] = [await admitted(store, 'manager'), await admitted(store, 'worker')];
      await store.propose({ kind: 'set-role', nodeId: demoted.id, role: 'worker', raftId: 0 });
      await store.propose({ kind: 'set-role', nodeId: promoted.id, role: 'manager', raftId: 99 });
      const first = decodeBody(BODY.identity, await call('renew', peerOf(demoted.id, 'manager'), renew()));
      assert.deepEqual([first.role, first.raftId], ['worker', 0]);
      const second = decodeBody(BODY.identity, await call('renew', peerOf(promoted.id, 'worker'), renew()));
      assert.deepEqual([second.role, second.raftId], ['manager', 99]);
    });

    test('is refused without a proper request, and is not for nothing if it cannot be written down', async () => {
      const { certificate, id } = await admitted(store, 'worker');
      for (const body of [Buffer.from('{}'), Buffer.from('{"request":"x","more":1}'), Buffer.alloc(0)]) {
        await assert.rejects(call('renew', peerOf(id, 'worker'), body), refusal('request.invalid'));
      }
      const nothing = encodeBody(BODY.renew, { request: 'x' });
      await assert.rejects(call('renew', peerOf(id, 'worker'), nothing), refusal('pki.csr-invalid'));
      now_ms += 60_000;
      store.proposeError = UNAVAILABLE;
      await assert.rejects(call('renew', peerOf(id, 'worker'), renew()), refusal('store.unavailable'));
      assert.deepEqual(store.cluster.node(id)?.certificate, certificate);
    });

    test('says what the node is once the log has it, whatever this manager knew before', async (t) => {
      const { id } = await admitted(store, 'manager');
      const propose = store.propose.bind(store);
      let meanwhile: readonly (readonly ['manager' | 'worker', number])[] = [];
      t.mock.method(store, 'propose', async (command: Command) => {
        for (const [role, raftId] of meanwhile) {
          await propose({ kind: 'set-role', nodeId: id, role, raftId });
        }
        return propose(command);
      });
      meanwhile = [
        ['worker', 0],
        ['manager', 77],
      ];
      const issued = decodeBody(BODY.identity, await call('renew', peerOf(id, 'manager'), renew()));
      assert.equal(issued.raftId, 77);
      meanwhile = [['worker', 0]];
      await assert.rejects(call('renew', peerOf(id, 'manager'), renew()), refusal('cluster.role'));
    });

    test('that comes too often is refused', async () => {
      const { id } = await admitted(store, 'worker');
      for (let count = 0; count < 5; count += 1) {
        await call('renew', peerOf(id, 'worker'), renew());
      }
      await assert.rejects(call('renew', peerOf(id, 'worker'), renew()), refusal('cluster.rate-limited'));
    });
  });

  test('a node that was removed is refused every call, whatever its certificate says (A43)', async () => {
    for (const role of ['worker', 'manager'] as const) {
      const { id } = await admitted(store, role);
      await store.propose({ kind: 'remove-node', nodeId: id, at_ms: now_ms });
      for (const [method, body] of [
        ['hello', hello()],
        ['renew', renew()],
        ['admin', admin()],
        ['position', encodeBody(BODY.nothing, {})],
        ['report', encodeBody(BODY.nothing, {})],
      ] as const) {
        await assert.rejects(call(method, peerOf(id, role), body), refusal('cluster.node-removed'), method);
      }
    }
    for (const method of ['hello', 'renew', 'admin', 'position', 'report']) {
      await assert.rejects(call(method, undefined, hello()), refusal('cluster.node-removed'));
    }
    assert.deepEqual([heard, administered], [[], []], 'it does not even count as heard from');
  });

  test('a manager that has not heard of a removal yet cannot renew for the removed node: the log refuses it (gap A)', async () => {
    const { certificate, id } = await admitted(store, 'worker');
    store.proposeError = new CofferError('cluster.node-removed', 'the node was removed');
    await assert.rejects(call('renew', peerOf(id, 'worker'), renew()), refusal('cluster.node-removed'));
    assert.deepEqual(store.cluster.node(id)?.certificate, certificate);
  });

  test('what others were refused is told to managers alone, by certificate and by record', async () => {
    const [worker, manager] = [await admitted(store, 'worker'), await admitted(store, 'manager')];
    const body = encodeBody(BODY.nothing, {});
    for (const peer of [
      peerOf(worker.id, 'worker'),
      peerOf(worker.id, 'manager'),
      peerOf(manager.id, 'worker'),
    ]) {
      await assert.rejects(call('report', peer, body), refusal('cluster.role'));
    }
    assert.equal(reports, 0);
    const peer = peerOf(manager.id, 'manager');
    assert.deepEqual(decodeBody(BODY.reportReply, await call('report', peer, body)), REPORT);
    assert.equal(reports, 1);
    await assert.rejects(call('report', peer, Buffer.from('{"all":true}')), refusal('request.invalid'));
  });

  test('the administration needs a manager, by certificate and by record', async () => {
    const [worker, manager] = [await admitted(store, 'worker'), await admitted(store, 'manager')];
    for (const peer of [
      peerOf(worker.id, 'worker'),
      peerOf(worker.id, 'manager'),
      peerOf(manager.id, 'worker'),
    ]) {
      await assert.rejects(call('admin', peer, admin()), refusal('cluster.role'));
    }
    assert.deepEqual(administered, []);
    const reply = await call('admin', peerOf(manager.id, 'manager'), admin('node', 'x'));
    assert.deepEqual(decodeBody(BODY.adminReply, reply), { result: { done: true } });
    assert.deepEqual(administered, [['node', ['x'], manager.id]]);
    const much = admin('node', 1, 2, 3, 4, 5);
    await assert.rejects(call('admin', peerOf(manager.id, 'manager'), much), refusal('request.invalid'));
  });

  test('a manager is told where the log ends here, without a leader, and a worker is not', async () => {
    const [worker, manager] = [await admitted(store, 'worker'), await admitted(store, 'manager')];
    store.proposeError = UNAVAILABLE;
    const ask = (peer: PeerIdentity): Promise<Buffer> => call('position', peer, encodeBody(BODY.nothing, {}));
    for (const peer of [
      peerOf(worker.id, 'worker'),
      peerOf(worker.id, 'manager'),
      peerOf(manager.id, 'worker'),
    ]) {
      await assert.rejects(ask(peer), refusal('cluster.role'));
    }
    const reply = await ask(peerOf(manager.id, 'manager'));
    assert.deepEqual(decodeBody(BODY.position, reply), { term: 3, index: 40 });
    const strange = call('position', peerOf(manager.id, 'manager'), admin());
    await assert.rejects(strange, refusal('request.invalid'));
  });
});

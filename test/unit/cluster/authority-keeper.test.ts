// SPDX-License-Identifier: Apache-2.0
// When the leader ends a rotation of the CA, on a clock that the test moves: whom it waits for, and for how long.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { AuthorityKeeper } from '../../../src/cluster/authority-keeper.ts';
import { digestOf, nextAuthority } from '../../../src/cluster/certificates.ts';
import { silentLogger } from '../../../src/common/index.ts';
import type { NodeRole } from '../../../src/membership/index.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { present } from '../../support/present.ts';
import { admitted, authorityOf, CLUSTER_ID, establishedStore } from './service-harness.ts';

const STEP_MS = 1_000;
/** How long a rotation lasts at least, and how long somebody is to be silent until he is left behind. */
const HALF_MINUTE_MS = 30_000;
const OWN = { clusterId: CLUSTER_ID, nodeId: 'id-first', raftId: 1 };

/** A leader and another node, a manager unless said, in a rotation that has just begun. */
class Rotation {
  readonly replica = { ended: undefined, leader: OWN.raftId, identity: OWN };
  readonly other: string;
  readonly #store: MemoryStore;
  readonly #t: TestContext;
  isOtherSilent = false;
  hasOtherShown = false;
  #now_ms: number;

  private constructor(t: TestContext, store: MemoryStore, at_ms: number, other: string) {
    this.#now_ms = at_ms;
    this.#t = t;
    this.#store = store;
    this.other = other;
  }

  static async begin(t: TestContext, role: NodeRole = 'manager'): Promise<Rotation> {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const at_ms = Date.now();
    const store = await establishedStore(at_ms);
    const rotation = new Rotation(t, store, at_ms, (await admitted(store, role)).id);
    const keeper = new AuthorityKeeper({
      replica: rotation.replica,
      store,
      isReachable: ({ id }) => id !== rotation.other || !rotation.isOtherSilent,
      hasShown: () => rotation.hasOtherShown,
      now_ms: () => rotation.#now_ms,
      monotonic_ms: () => rotation.#now_ms,
      logger: silentLogger,
    });
    await store.propose({
      kind: 'begin-rotation',
      authority: nextAuthority(authorityOf(store), CLUSTER_ID, at_ms),
    });
    t.after(() => keeper.stop());
    keeper.start();
    return rotation;
  }

  get hasEnded(): boolean {
    return authorityOf(this.#store).rotation === undefined;
  }

  async renewed(nodeId: string): Promise<void> {
    const { certificate, role } = present(this.#store.cluster.node(nodeId), 'there is such a node');
    const authorityDigest = digestOf(authorityOf(this.#store));
    await this.#store.propose({
      kind: 'renew-certificate',
      nodeId,
      role,
      certificate: { ...certificate, authorityDigest },
    });
  }

  async pass(time_ms: number): Promise<void> {
    for (let passed_ms = 0; passed_ms < time_ms; passed_ms += STEP_MS) {
      this.#now_ms += STEP_MS;
      this.#t.mock.timers.tick(STEP_MS);
      await setImmediate();
    }
  }
}

describe('a rotation of the CA', () => {
  test('ends when all have renewed, after half a minute at least', async (t) => {
    const rotation = await Rotation.begin(t);
    await rotation.renewed(OWN.nodeId);
    await rotation.renewed(rotation.other);
    await rotation.pass(HALF_MINUTE_MS - STEP_MS);
    assert.equal(rotation.hasEnded, false);
    await rotation.pass(STEP_MS);
    assert.equal(rotation.hasEnded, true);
  });

  test('waits for whoever is there and has not renewed', async (t) => {
    const rotation = await Rotation.begin(t);
    await rotation.renewed(OWN.nodeId);
    await rotation.pass(10 * HALF_MINUTE_MS);
    assert.equal(rotation.hasEnded, false);
    await rotation.renewed(rotation.other);
    await rotation.pass(STEP_MS);
    assert.equal(rotation.hasEnded, true);
  });

  test('leaves behind who is silent for half a minute', async (t) => {
    const rotation = await Rotation.begin(t);
    await rotation.renewed(OWN.nodeId);
    rotation.isOtherSilent = true;
    await rotation.pass(HALF_MINUTE_MS + STEP_MS);
    assert.equal(rotation.hasEnded, true);
  });

  test('waits for a worker until it has come with its new certificate: the answer may have got lost', async (t) => {
    const rotation = await Rotation.begin(t, 'worker');
    await rotation.renewed(OWN.nodeId);
    await rotation.renewed(rotation.other);
    await rotation.pass(10 * HALF_MINUTE_MS);
    assert.equal(rotation.hasEnded, false);
    rotation.hasOtherShown = true;
    await rotation.pass(STEP_MS);
    assert.equal(rotation.hasEnded, true);
  });

  test('leaves a worker behind that has not come for half a minute', async (t) => {
    const rotation = await Rotation.begin(t, 'worker');
    await rotation.renewed(OWN.nodeId);
    await rotation.renewed(rotation.other);
    rotation.isOtherSilent = true;
    await rotation.pass(HALF_MINUTE_MS + STEP_MS);
    assert.equal(rotation.hasEnded, true);
  });

  test('waits for who is started again, however long it has lasted', async (t) => {
    const rotation = await Rotation.begin(t);
    await rotation.renewed(OWN.nodeId);
    await rotation.pass(2 * HALF_MINUTE_MS);
    for (let start = 0; start < 3; start += 1) {
      rotation.isOtherSilent = true;
      await rotation.pass(HALF_MINUTE_MS - STEP_MS);
      rotation.isOtherSilent = false;
      await rotation.pass(STEP_MS);
    }
    assert.equal(rotation.hasEnded, false);
  });

  test('waits for who is silent to a leader that leads anew', async (t) => {
    const rotation = await Rotation.begin(t);
    await rotation.renewed(OWN.nodeId);
    rotation.isOtherSilent = true;
    await rotation.pass(HALF_MINUTE_MS - STEP_MS);
    rotation.replica.leader = 2;
    await rotation.pass(HALF_MINUTE_MS);
    rotation.replica.leader = OWN.raftId;
    await rotation.pass(HALF_MINUTE_MS - STEP_MS);
    assert.equal(rotation.hasEnded, false);
    await rotation.pass(2 * STEP_MS);
    assert.equal(rotation.hasEnded, true);
  });
});

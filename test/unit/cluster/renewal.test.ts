// SPDX-License-Identifier: Apache-2.0
// When a certificate is renewed, on a clock that the test moves.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newAuthority, nextAuthority } from '../../../src/cluster/certificates.ts';
import type { NodeIdentityFile } from '../../../src/cluster/identity.ts';
import { isOutdated, Renewal } from '../../../src/cluster/renewal.ts';
import { CofferError, silentLogger } from '../../../src/common/index.ts';
import { aNode } from '../../support/cluster-objects.ts';
import { StillClock } from '../../support/still-clock.ts';
import { DAY_MS } from '../../support/cluster-objects.ts';
import { issueBy } from './cluster-harness.ts';
import { viewOf } from './service-harness.ts';

const CLUSTER_ID = 'c'.repeat(25);
const NODE_ID = 'n'.repeat(25);
const LIFETIME_MS = 90 * DAY_MS;
const START_MS = Math.floor(Date.now() / 1_000) * 1_000;
const AUTHORITY = newAuthority(CLUSTER_ID, START_MS);

function identityOf(now_ms: number): NodeIdentityFile {
  const subject = { clusterId: CLUSTER_ID, nodeId: NODE_ID, role: 'manager' } as const;
  const { certificate, roots } = issueBy(AUTHORITY, subject, now_ms, LIFETIME_MS);
  const key = Buffer.alloc(0);
  return { ...subject, raftId: 1, storeMade: true, certificates: [certificate], key, roots, managers: [] };
}

class Renewing {
  readonly clock = new StillClock();
  readonly renewals_ms: number[] = [];
  readonly renewal: Renewal;
  outdated = false;
  failing = false;
  #identity = identityOf(START_MS);

  constructor(random = 0.5) {
    this.renewal = new Renewal({
      identity: () => this.#identity,
      isOutdated: () => this.outdated,
      renew: () => this.#renew(),
      now_ms: () => START_MS + this.clock.now_ms(),
      random: () => random,
      timers: this.clock,
      logger: silentLogger,
    });
  }

  /** In steps of `step_ms`, letting what was begun end in between. */
  async pass(time_ms: number, step_ms: number): Promise<void> {
    for (let passed_ms = 0; passed_ms < time_ms; passed_ms += step_ms) {
      this.clock.advance(step_ms);
      await settle();
    }
  }

  async #renew(): Promise<void> {
    this.renewals_ms.push(this.clock.now_ms());
    await Promise.resolve();
    if (this.failing) {
      throw new CofferError('transport.unreachable', 'nobody is there');
    }
    this.outdated = false;
    this.#identity = identityOf(START_MS + this.clock.now_ms());
  }
}

async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

describe('a certificate', () => {
  for (const [random, part] of [
    [0, 0.5],
    [0.5, 0.65],
    [0.999, 0.7997],
  ] as const) {
    test(`is renewed after ${part} of its life, and the next one likewise, where chance says ${random}`, async () => {
      const it = new Renewing(random);
      it.renewal.start();
      await it.pass(2 * part * LIFETIME_MS - DAY_MS, DAY_MS / 2);
      assert.equal(it.renewals_ms.length, 1);
      assert.ok(Math.abs((it.renewals_ms[0] ?? 0) - part * LIFETIME_MS) <= DAY_MS, String(it.renewals_ms));
      await it.pass(2 * DAY_MS, DAY_MS / 2);
      assert.equal(it.renewals_ms.length, 2);
      it.renewal.stop();
    });
  }

  test('is renewed at once when it is outdated, and not again', async () => {
    const it = new Renewing();
    it.renewal.start();
    await settle();
    assert.deepEqual(it.renewals_ms, []);
    it.outdated = true;
    it.renewal.wake();
    it.renewal.wake();
    await settle();
    it.renewal.wake();
    await settle();
    assert.deepEqual(it.renewals_ms, [0]);
    it.renewal.stop();
  });

  test('is renewed at once by a node that was away too long', async () => {
    const it = new Renewing();
    it.clock.advance(LIFETIME_MS);
    it.renewal.start();
    await settle();
    assert.equal(it.renewals_ms.length, 1);
    it.renewal.stop();
  });

  test('is asked for again after a failure, ever less often, until it is had', async () => {
    const it = new Renewing();
    it.failing = true;
    it.outdated = true;
    it.renewal.start();
    await settle();
    it.renewal.wake();
    await settle();
    assert.equal(it.renewals_ms.length, 1, 'whoever wakes it does not make it hurry');
    await it.pass(400_000, 250);
    const pauses_ms = it.renewals_ms.slice(1).map((at_ms, index) => at_ms - (it.renewals_ms[index] ?? 0));
    assert.deepEqual(pauses_ms.slice(0, 8), [750, 1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000]);
    it.failing = false;
    await it.pass(60_000, 1_000);
    const count = it.renewals_ms.length;
    await it.pass(DAY_MS, DAY_MS / 24);
    assert.equal(it.renewals_ms.length, count, 'then it is quiet');
    it.renewal.stop();
  });

  test('is not renewed after the end', async () => {
    const it = new Renewing();
    it.renewal.start();
    it.renewal.stop();
    it.outdated = true;
    it.renewal.wake();
    await it.pass(LIFETIME_MS, DAY_MS);
    assert.deepEqual(it.renewals_ms, []);
  });
});

test("a manager's certificate is outdated when another root issues, the state names another, or it is of the future", () => {
  const identity = identityOf(START_MS);
  const [certificate = ''] = identity.certificates;
  const plain = aNode('n', 'manager', 1);
  const node = { ...plain, id: NODE_ID, certificate: { ...plain.certificate, certificate } };
  const next = nextAuthority(AUTHORITY, CLUSTER_ID, START_MS);
  assert.equal(isOutdated(identity, viewOf(AUTHORITY, node), START_MS), false);
  assert.equal(isOutdated(identity, viewOf(next, node), START_MS), true);
  const otherNode = { ...node, certificate: plain.certificate };
  assert.equal(isOutdated(identity, viewOf(AUTHORITY, otherNode), START_MS), true);
  assert.equal(isOutdated(identity, viewOf(AUTHORITY, node), START_MS - DAY_MS), true);
  assert.equal(
    isOutdated(identity, viewOf(AUTHORITY), START_MS),
    false,
    'a node that was removed renews nothing',
  );
  assert.equal(isOutdated(identity, viewOf(), START_MS), false);
});

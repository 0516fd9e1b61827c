// SPDX-License-Identifier: Apache-2.0
// A35: the CA of three managers is rotated 30 times, under load and with restarts in between. In this process, where a rotation
// may end as soon as all have renewed; whoever is being started again is waited for as ever.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { IdentityStore } from '../../src/cluster/identity.ts';
import { authorityDigest } from '../../src/pki/index.ts';
import { OldKeys } from '../support/old-keys.ts';
import { present } from '../support/present.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { putValue } from '../support/test-store.ts';
import { waitFor } from '../support/wait-for.ts';
import { TestNode } from '../unit/cluster/cluster-harness.ts';

const ROTATIONS = 30;
const RESTART_EVERY = 6;
const QUICK = { rotation: { min_ms: 0 } } as const;
/** What the writer rests after each change. */
const REST_MS = 20;
const NAMES = 100;
/** Where the private key itself stands in its PKCS#8 form, whose beginning is the same for all. */
const KEY_FROM = 36;
const KEY_TO = 68;

describe('A35 three managers under load', () => {
  let nodes: readonly TestNode[];
  const random = new SeededRandom();
  const old = new OldKeys();
  const acknowledged = new Map<string, Buffer>();
  /** The key of each node's certificate. */
  const nodeKeys = new Map<TestNode, Buffer>();

  before(async () => {
    const first = await TestNode.start(QUICK);
    nodes = [first];
    for (let number = 0; number < 2; number += 1) {
      nodes = [...nodes, await first.joined('manager', QUICK)];
    }
  });
  after(async () => {
    await Promise.all((nodes ?? []).map((node) => node.destroy()));
  });

  async function write(stopped: AbortSignal): Promise<void> {
    for (let number = 0; !stopped.aborted; number += 1) {
      const [name, value] = [`name-${number % NAMES}`, random.bytes(1 + random.below(300))];
      try {
        await putValue(present(nodes[number % 3], 'there are three').store, name, value);
        acknowledged.set(name, value);
      } catch {
        // It is being started again, or nobody leads just now: whether it was stored is not known.
        acknowledged.delete(name);
      }
      await delay(REST_MS);
    }
  }

  /** No rotation runs, and every node has a certificate of this root and trusts no other. */
  async function settled(digest: string): Promise<void> {
    await waitFor(
      () =>
        nodes.every((node) => {
          const { authority, cluster } = { authority: node.authority, cluster: node.store.cluster };
          return (
            authority.rotation === undefined &&
            authorityDigest(authority.certificate).toString('hex') === digest &&
            cluster.nodes().every(({ certificate }) => certificate.authorityDigest === digest) &&
            node.roots.join() === authority.certificate
          );
        }),
      { what: 'the rotation to end', timeout_ms: 60_000 },
    );
  }

  /** What is in use now; what was before is old. */
  async function noteNodeKeys(): Promise<void> {
    for (const [number, node] of nodes.entries()) {
      const identity = present(await new IdentityStore(node.stateDirectory).read(), 'there is an identity');
      const key = identity.key.subarray(KEY_FROM, KEY_TO);
      const before = nodeKeys.get(node);
      if (before !== undefined && !before.equals(key)) {
        old.addKey(`key ${old.count} of node ${number}`, before);
      }
      nodeKeys.set(node, key);
    }
  }

  async function rotateOnce(restart: boolean): Promise<void> {
    const { certificate, privateKey } = present(nodes[0], 'there is one').authority;
    old.addKey(`CA key ${old.count}`, Buffer.from(privateKey.subarray(KEY_FROM, KEY_TO)));
    old.addId(authorityDigest(certificate).toString('hex'));
    const { digest } = await waitFor(
      () =>
        random
          .pick(nodes)
          .admin.rotateAuthority()
          .catch(() => undefined),
      { what: 'a rotation to begin', timeout_ms: 30_000 },
    );
    if (restart) {
      const node = random.pick(nodes);
      await node.stop();
      await node.start(QUICK);
      await node.serving();
    }
    await settled(digest);
    await noteNodeKeys();
  }

  test(`rotate their CA ${ROTATIONS} times, with restarts in between, and lose nothing`, async (t) => {
    t.diagnostic(random.description);
    const load = new AbortController();
    const writing = write(load.signal);
    await noteNodeKeys();
    try {
      for (let rotation = 1; rotation <= ROTATIONS; rotation += 1) {
        await rotateOnce(rotation % RESTART_EVERY === 0);
      }
    } finally {
      load.abort();
      await writing;
    }
    t.diagnostic(`${old.count} keys went out of use`);
    assert.ok(old.count >= ROTATIONS * 2, 'those of the CA, and those of the nodes');
    for (const node of nodes) {
      assert.equal(await node.store.readBarrier(10_000), 'linearizable');
      for (const [name, value] of acknowledged) {
        const secret = present(node.store.byName(name), `${name} is there`);
        const { number } = present(secret.versions.at(-1), `${name} has a version`);
        assert.ok(node.store.readValue(secret.id, number).expose().equals(value), name);
      }
    }
  });

  test('have nothing of an old CA or of an old key on their disks', async (t) => {
    for (const node of nodes) {
      await node.stop();
      assert.equal(old.foundIn(node.stateDirectory), '');
    }
    t.diagnostic(`${old.count} old keys were looked for in ${old.scanned_bytes} bytes`);
  });
});

// SPDX-License-Identifier: Apache-2.0
// Peer unlock in a cluster of real nodes: a locked manager is unlocked by the others if it is one of them, and only then.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PROTOCOL } from '../../../src/cluster/authorize.ts';
import type { NodeIdentityFile } from '../../../src/cluster/identity.ts';
import { PeerUnlock } from '../../../src/cluster/index.ts';
import { type PeerUnlockContent, unlockCredentials } from '../../../src/cluster/peer-unlock-file.ts';
import type { SecretValue } from '../../../src/common/index.ts';
import { formatUnlockKey, parseUnlockKey } from '../../../src/crypto/index.ts';
import { Unlocking } from '../../../src/daemon/unlocking.ts';
import { authorityKeyId, createAuthority, describeCertificate, exportKey } from '../../../src/pki/index.ts';
import { newSecretId } from '../../../src/secrets/index.ts';
import { waitFor } from '../../support/wait-for.ts';
import { issueBy, present, TestNode } from './cluster-harness.ts';
import { attempt } from './port-attempt.ts';

const OTHER_PROTOCOLS = [PROTOCOL.raft, PROTOCOL.snapshot, PROTOCOL.member] as const;

/** A rotation of the CA ends as soon as nobody is waited for. */
const NO_DELAY = { rotation: { min_ms: 0 } } as const;

async function keyOf(node: TestNode): Promise<SecretValue> {
  const { unlockKey } = await node.admin.autolock.unlockKey({});
  return parseUnlockKey(Buffer.from(present(unlockKey, 'autolock is on')));
}

function fileOf(node: TestNode): string {
  return path.join(node.stateDirectory, 'peer-unlock.json');
}

function contentOf(node: TestNode): PeerUnlockContent {
  return JSON.parse(readFileSync(fileOf(node), 'utf8')) as PeerUnlockContent;
}

/** Whether its identity is of the present root, and believes no other. */
function isRenewed(node: TestNode): boolean {
  const { certificates, roots } = JSON.parse(readFileSync(node.identityFile, 'utf8')) as NodeIdentityFile;
  const { certificate } = node.authority;
  const issuer = describeCertificate(certificates[0] ?? '').issuerKeyId;
  return roots.join('') === certificate && issuer === authorityKeyId(certificate);
}

/** As the daemon has it. */
function peersOf(
  node: TestNode,
  isLocked = (): boolean => node.keeper.reason?.code === 'store.locked',
): PeerUnlock {
  const record = (sentence: string, fields: object = {}): void =>
    void node.lines.push(JSON.stringify({ sentence, ...fields }));
  const logger = { debug: record, info: record, warn: record, error: record };
  const { stateDirectory, unlockKey } = node;
  const open = (): ReturnType<TestNode['cluster']['open']> => node.cluster.open();
  const unlocking = new Unlocking({ stateDirectory, places: [], unlockKey, open, logger });
  return new PeerUnlock({
    stateDirectory,
    isLocked,
    unlock: (key) => unlocking.unlockWith(key, node.keeper),
    random: () => 0.5,
    logger,
  });
}

/** The refusal that a locked node hears, as it goes on asking. */
async function refusalTo(node: TestNode, code: string): Promise<void> {
  const peers = peersOf(node);
  const asked = peers.start();
  try {
    await waitFor(() => peers.state.problem?.code === code, {
      what: `a refusal ${code} (${node.lines.slice(-3).join('; ')})`,
      timeout_ms: 30_000,
    });
    assert.equal(node.keeper.reason?.code, 'store.locked');
  } finally {
    peers.stop();
    await asked;
  }
}

async function known(nodes: readonly TestNode[]): Promise<void> {
  for (const node of nodes) {
    await waitFor(() => nodes.every(({ id }) => node.store.cluster.peerUnlock(id) !== undefined), {
      what: 'all managers to be known',
      timeout_ms: 30_000,
    });
  }
}

describe('three managers that unlock one another', () => {
  let nodes: readonly [TestNode, TestNode, TestNode];
  let first: TestNode;
  let second: TestNode;
  let third: TestNode;

  before(async () => {
    first = await TestNode.start(NO_DELAY);
    second = await first.joined('manager', NO_DELAY);
    third = await first.joined('manager', NO_DELAY);
    nodes = [first, second, third];
    const on = await second.admin.autolock.set(true, true);
    assert.equal(on.peerUnlock?.knownHere, true, 'the one that was told is known at once');
    await known(nodes);
  });
  after(async () => {
    await Promise.all([first, second, third].map(async (node) => node?.destroy()));
  });

  async function lock(node: TestNode): Promise<void> {
    await node.stop();
    await node.start(NO_DELAY);
    assert.equal(node.keeper.reason?.code, 'store.locked');
  }

  async function unlockedByPeers(node: TestNode): Promise<void> {
    const peers = peersOf(node);
    await peers.start();
    assert.equal(node.keeper.state, 'serving', node.lines.slice(-3).join('; '));
    assert.ok(nodes.some(({ address }) => address === peers.state.unlockedBy));
  }

  test('tell it, and of each the others', async () => {
    const { peerUnlock } = await first.admin.autolock.describe();
    assert.deepEqual(peerUnlock, { managers: 3, known: 3, knownHere: true });
    assert.deepEqual(contentOf(first).managers.toSorted(), [second.address, third.address].toSorted());
  });

  test('unlock one that starts again; nobody types anything', async () => {
    await lock(third);
    await unlockedByPeers(third);
    const given = [first, second].flatMap(({ lines }) => lines).filter((line) => line.includes('was given'));
    assert.equal(given.length, 1);
    assert.ok(given[0]?.includes(third.id));
  });

  test('unlock one whose files are sealed by an earlier key', async () => {
    await third.stop();
    const before = contentOf(third);
    await first.admin.autolock.unlockKey({ rotate: true });
    await second.admin.autolock.unlockKey({ rotate: true });
    await third.start(NO_DELAY);
    await unlockedByPeers(third);
    assert.equal(contentOf(third).key, before.key);
    await waitFor(
      () => third.store.status().dataKeySealed && third.lines.some((line) => line.includes('"version":3')),
      {
        what: 'the present key to seal its files',
      },
    );
    await lock(third);
    await unlockedByPeers(third);
  });

  test('unlock one another without a quorum, once one was given the key', async () => {
    const key = await keyOf(first);
    await Promise.all(nodes.map((node) => node.stop()));
    await first.start(NO_DELAY);
    await second.start(NO_DELAY);
    const peers = peersOf(second);
    const asked = peers.start();
    await waitFor(() => peers.state.problem !== undefined, { what: 'nobody to answer' });
    assert.equal(second.keeper.reason?.code, 'store.locked');
    first.unlockKey.hold(key);
    await first.keeper.open();
    await asked;
    assert.equal(second.keeper.state, 'serving');
    await third.start(NO_DELAY);
    await unlockedByPeers(third);
    await known(nodes);
  });

  test('show what they are unlocked by on its own protocol, and are refused with it on every other', async (t) => {
    const credentials = unlockCredentials(contentOf(third));
    for (const { port } of [first, second]) {
      assert.equal(await attempt(t, port, PROTOCOL.unlock, credentials), 'accepted');
      for (const protocol of OTHER_PROTOCOLS) {
        assert.match(await attempt(t, port, protocol, credentials), /^cluster\.role: /, protocol);
      }
    }
  });

  test('refuse all others on that protocol', async (t) => {
    const { port } = first;
    const clusterId = first.store.status().clusterId;
    const { id: worker } = await first.admit('worker');
    const { id: manager } = await first.admit('manager');
    const other = createAuthority({ clusterId, now_ms: Date.now() });
    const foreign = { certificate: other.certificate, privateKey: exportKey(other.privateKey) };
    const otherId = newSecretId();
    const strangers = createAuthority({ clusterId: otherId, now_ms: Date.now() });
    const subject = { nodeId: third.id, role: 'unlock', clusterId } as const;
    const answers: readonly (readonly [string, Parameters<typeof attempt>[3], RegExp])[] = [
      ['nobody', undefined, /^transport\.refused: .*no certificate/],
      ['a manager', first.issue({ nodeId: third.id, role: 'manager' }), /^cluster\.role: .* is a manager/],
      ['a worker', first.issue({ nodeId: worker, role: 'worker' }), /^cluster\.role: .* is a worker/],
      [
        'a worker with such a certificate',
        first.issue({ nodeId: worker, role: 'unlock' }),
        /^cluster\.role: .*no longer/,
      ],
      [
        'a manager that never told a key',
        first.issue({ nodeId: manager, role: 'unlock' }),
        /^unlock\.peer-refused/,
      ],
      ['another key', first.issue({ nodeId: third.id, role: 'unlock' }), /^unlock\.peer-refused/],
      [
        'another CA',
        issueBy(foreign, subject),
        /^pki\.certificate-invalid: .*(SELF_SIGNED|UNABLE_TO|SIGNATURE)/,
      ],
      [
        'another cluster',
        issueBy(
          { certificate: strangers.certificate, privateKey: exportKey(strangers.privateKey) },
          { ...subject, clusterId: otherId },
        ),
        /^pki\.certificate-invalid: .*(SELF_SIGNED|UNABLE_TO|SIGNATURE)/,
      ],
    ];
    for (const [who, credentials, answer] of answers) {
      assert.match(await attempt(t, port, PROTOCOL.unlock, credentials), answer, who);
    }
    await first.admin.remove(manager, true);
    await first.admin.remove(worker, true);
  });

  test('keep their keys when the CA is rotated, which waits for the certificates of these as well', async () => {
    const before = nodes.map(contentOf);
    await first.admin.rotateAuthority();
    await waitFor(() => first.authority.rotation === undefined, {
      what: 'the rotation to end',
      timeout_ms: 60_000,
    });
    for (const [index, node] of nodes.entries()) {
      await waitFor(() => isRenewed(node), { what: 'its own certificate on its disk' });
      await waitFor(() => contentOf(node).roots.length === 1, { what: 'the old root to be forgotten' });
      const content = contentOf(node);
      assert.equal(content.key, before[index]?.key);
      assert.notDeepEqual(content.certificates, before[index]?.certificates);
      assert.deepEqual(content.roots, [first.authority.certificate]);
    }
    await lock(second);
    await unlockedByPeers(second);
  });

  test('unlock nobody while peer unlock is off, and nobody by what was known before', async () => {
    await third.stop();
    const before = contentOf(third);
    await first.admin.autolock.setPeerUnlock(false);
    await waitFor(() => !existsSync(fileOf(first)) && !existsSync(fileOf(second)), {
      what: 'the files to go',
    });
    await third.start(NO_DELAY);
    await refusalTo(third, 'unlock.peer-refused');
    await first.admin.autolock.setPeerUnlock(true);
    await refusalTo(third, 'unlock.peer-refused');
    third.unlockKey.hold(await keyOf(first));
    await third.keeper.open();
    await known(nodes);
    await waitFor(() => contentOf(third).key !== before.key, { what: 'a new key' });
    await lock(third);
    await unlockedByPeers(third);
  });

  test('refuse whoever asks in the name of one that runs', async () => {
    const thief = peersOf(third, () => true);
    const asked = thief.start();
    await waitFor(() => /somebody else asks in its name/.test(thief.state.problem?.detail ?? ''), {
      what: 'a refusal',
      timeout_ms: 30_000,
    });
    thief.stop();
    await asked;
    assert.ok([first, second].some(({ lines }) => lines.some((line) => line.includes('asks in its name'))));
  });

  test('write the unlock key down nowhere', async () => {
    const key = await keyOf(first);
    const forms = [
      ...(['hex', 'base64', 'latin1'] as const).map((form) => key.expose().toString(form)),
      formatUnlockKey(key).toString(),
    ];
    for (const node of nodes) {
      const texts = [...node.lines, readFileSync(fileOf(node), 'latin1')];
      assert.ok(!texts.some((text) => forms.some((form) => text.includes(form))));
    }
  });

  test('refuse one that was removed while it was down, however often it asks', async () => {
    const { id } = third;
    await third.stop();
    await first.admin.remove(id, true);
    await waitFor(() => second.store.cluster.revocation(id) !== undefined, { what: 'all to know it' });
    await third.start(NO_DELAY);
    await refusalTo(third, 'cluster.node-removed');
    await refusalTo(third, 'cluster.node-removed');
    assert.equal(first.store.cluster.peerUnlock(id), undefined);
  });

  test('let one that was demoted know nothing, and delete what it was known by', async () => {
    const late = await first.joined('manager', NO_DELAY);
    try {
      await known([first, late]);
      const content = contentOf(late);
      await first.admin.setRole(late.id, 'worker', true);
      await waitFor(() => late.cluster.place.role === 'worker' && !existsSync(fileOf(late)), {
        what: 'it to be a worker',
        timeout_ms: 30_000,
      });
      assert.equal(first.store.cluster.peerUnlock(late.id), undefined);
      assert.ok(content.key.length > 0);
    } finally {
      await late.destroy();
    }
  });
});

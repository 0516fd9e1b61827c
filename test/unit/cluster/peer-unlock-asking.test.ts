// SPDX-License-Identifier: Apache-2.0
// A locked manager that asks the others: how often, whom it believes, and when it leaves off.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { PeerUnlock } from '../../../src/cluster/index.ts';
import { PeerUnlockFile } from '../../../src/cluster/peer-unlock-file.ts';
import { silentLogger } from '../../../src/common/index.ts';
import { createAuthority, exportKey, importKey } from '../../../src/pki/index.ts';
import { newSecretId } from '../../../src/secrets/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { issueBy, TestNode } from './cluster-harness.ts';

/** Nobody listens there. */
const NOBODY = '127.0.0.1:1';

describe('a locked manager that asks the others', () => {
  let directory: TemporaryDirectory;
  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => directory.remove());

  /** As a manager of some cluster has it. */
  async function write(managers: readonly string[]): Promise<void> {
    const clusterId = newSecretId();
    const nodeId = newSecretId();
    const { certificate, privateKey } = createAuthority({ clusterId, now_ms: Date.now() });
    const authority = { certificate, privateKey: exportKey(privateKey) };
    const issued = issueBy(authority, { clusterId, nodeId, role: 'unlock' });
    await new PeerUnlockFile(directory.path).write({
      clusterId,
      nodeId,
      certificates: [issued.certificate],
      key: derOf(String(issued.key)).toString('base64'),
      roots: [certificate],
      managers: [...managers],
    });
  }

  /** Asks for as long as `isLocked` says; the pauses that it made, which pass at once. */
  async function ask(
    isLocked: (pauses: readonly number[]) => boolean,
  ): Promise<[PeerUnlock, readonly number[]]> {
    const pauses: number[] = [];
    const random = new SeededRandom(1_234);
    const peers = new PeerUnlock({
      stateDirectory: directory.path,
      isLocked: () => isLocked(pauses),
      unlock: async () => assert.fail('nobody tells it a key'),
      random: () => random.below(1_000) / 1_000,
      timers: {
        setTimer: (delay_ms, callback) => {
          pauses.push(delay_ms);
          setImmediate(callback);
          return { cancel: () => undefined };
        },
      },
      logger: silentLogger,
    });
    await peers.start();
    return [peers, pauses];
  }

  test('does so less and less often, and ten seconds apart at the most, until somebody has unlocked it', async () => {
    await write([NOBODY]);
    const [peers, pauses] = await ask((so) => so.length < 12);
    assert.equal(pauses.length, 12);
    for (const [round, pause_ms] of pauses.entries()) {
      const most_ms = Math.min(10_000, 500 * 2 ** round);
      assert.ok(pause_ms >= most_ms / 2 && pause_ms <= most_ms, `${pause_ms} after round ${round}`);
    }
    assert.deepEqual(peers.state, { asking: false, problem: undefined, unlockedBy: undefined });
  });

  test('tells what came of it while it asks', async () => {
    await write([NOBODY]);
    let seen: PeerUnlock['state'] | undefined;
    const peers = new PeerUnlock({
      stateDirectory: directory.path,
      isLocked: () => true,
      unlock: async () => undefined,
      random: () => 0,
      timers: {
        setTimer: () => {
          seen = peers.state;
          peers.stop();
          return { cancel: () => undefined };
        },
      },
      logger: silentLogger,
    });
    await peers.start();
    assert.equal(seen?.asking, true);
    assert.equal(seen.problem?.code, 'transport.unreachable');
    await peers.start();
    assert.equal(peers.state.asking, false, 'it was stopped for good');
  });

  test('asks nobody where the others do not know it, or what they know it by is damaged', async () => {
    assert.deepEqual((await ask(() => true))[1], []);
    writeFileSync(path.join(directory.path, 'peer-unlock.json'), '{"format": 1}');
    assert.deepEqual((await ask(() => true))[1], []);
    await write([]);
    assert.deepEqual((await ask(() => true))[1], []);
  });

  test('believes no manager of another cluster', async (t) => {
    const stranger = await TestNode.start();
    t.after(() => stranger.destroy());
    await write([stranger.address]);
    let heard: string | undefined;
    const peers = new PeerUnlock({
      stateDirectory: directory.path,
      isLocked: () => true,
      unlock: async () => assert.fail('nobody tells it a key'),
      random: () => 0,
      timers: {
        setTimer: () => {
          heard = peers.state.problem?.code;
          peers.stop();
          return { cancel: () => undefined };
        },
      },
      logger: silentLogger,
    });
    await peers.start();
    assert.equal(heard, 'pki.certificate-invalid');
  });
});

/** The PKCS#8 in a PEM text. */
function derOf(pem: string): Buffer {
  return exportKey(importKey(Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64')));
}

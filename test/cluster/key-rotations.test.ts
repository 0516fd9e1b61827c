// SPDX-License-Identifier: Apache-2.0
// A35: every key of three managers is rotated 30 times, under load and with restarts in between. Nothing is lost, and no disk has
// anything left of an old key.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { UnlockKeyReply } from '../../src/control/index.ts';
import { type DataKey, parseUnlockKey, unlockKeyId } from '../../src/crypto/index.ts';
import { readKeyFile, readKeySeal } from '../../src/storage/index.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { acceptedBody } from '../support/manager-refusal.ts';
import { OldKeys } from '../support/old-keys.ts';
import { present } from '../support/present.ts';
import { inParallel } from '../support/secret-calls.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { requestOverSocket } from '../support/socket-request.ts';
import { waitFor } from '../support/wait-for.ts';

const ROTATIONS = 30;
/** After so many rotations one manager is started again. */
const RESTART_EVERY = 5;
const WIDTH = 8;
/** What a writer rests after each change: a load that leaves room for what is tried here. */
const REST_MS = 20;
const NAMES = 100;

describe('A35 three managers under load', () => {
  let cluster: ManagerCluster;
  const random = new SeededRandom();
  const old = new OldKeys();
  /** The text of each unlock key, by its id. */
  const unlockKeys = new Map<string, string>();
  const dataKeys = new Map<ManagerProcess, DataKey>();
  const acknowledged = new Map<string, Buffer>();
  let changes = 0;

  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    await cluster.at(0).cli(['autolock', 'on']);
  });
  after(async () => cluster?.destroy());

  const keysOf = (manager: ManagerProcess): string => path.join(manager.stateDirectory, 'keys.json');

  /** The unlock key as it is from now on; that of before is an old one. */
  function nowUnlockedBy(text: string): string {
    const [id, before] = [unlockKeyId(parseUnlockKey(Buffer.from(text))), [...unlockKeys].at(-1)];
    if (before !== undefined) {
      const [oldId, oldText] = before;
      old.addKey(`unlock key ${unlockKeys.size}`, Buffer.from(parseUnlockKey(Buffer.from(oldText)).expose()));
      old.addKey(`text of unlock key ${unlockKeys.size}`, Buffer.from(oldText));
      old.addId(oldId);
    }
    unlockKeys.set(id, text);
    return id;
  }

  async function unlockKeyAt(manager: ManagerProcess, rotate: boolean): Promise<string> {
    const request = { method: 'POST', path: '/v1/unlock-key', headers: { host: 'coffer' }, body: { rotate } };
    const reply = await requestOverSocket(manager.controlSocket, { ...request, timeout_ms: 30_000 });
    return present((acceptedBody(reply) as UnlockKeyReply).unlockKey, 'autolock is on');
  }

  /** Resolves when the manager's files are sealed by this unlock key and it has one data key; that of before is an old one. */
  async function settled(manager: ManagerProcess, id: string): Promise<void> {
    const active = await waitFor(
      async () => {
        if ((await readKeySeal(keysOf(manager)))?.unlockKeyId !== id) {
          return undefined;
        }
        const text = present(unlockKeys.get(id), 'the key is known');
        const { keyring } = present(
          await readKeyFile(keysOf(manager), parseUnlockKey(Buffer.from(text))),
          'there are keys',
        );
        return keyring.all().length === 1 ? keyring.active : undefined;
      },
      { what: `${manager.name} to have rotated its keys`, interval_ms: 20, timeout_ms: 30_000 },
    );
    const before = dataKeys.get(manager);
    assert.notDeepEqual(before, active, 'each unlock key comes with a new data key');
    if (before !== undefined) {
      old.addKey(`data key ${old.count} of ${manager.name}`, before.bytes);
      old.addId(before.id.toString('hex'));
    }
    dataKeys.set(manager, active);
  }

  async function startAgain(manager: ManagerProcess, suddenly: boolean): Promise<void> {
    await (suddenly ? manager.kill9() : manager.stop());
    const { unlockKeyId: id = '' } = present(await readKeySeal(keysOf(manager)), 'there are keys');
    await manager.start();
    await manager.cli(['unlock'], { input: present(unlockKeys.get(id), 'it was sealed by a known key') });
    await manager.serving();
  }

  async function write(writer: number, stopped: AbortSignal): Promise<void> {
    for (let number = 0; !stopped.aborted; number += 1) {
      const manager = cluster.at((writer + number) % 3);
      const [name, value] = [`w${writer}-${number % NAMES}`, random.bytes(1 + random.below(400))];
      try {
        await manager.put(name, value);
        acknowledged.set(name, value);
        changes += 1;
      } catch {
        // It is being started again, or nobody leads just now: whether it was stored is not known.
        acknowledged.delete(name);
      }
      await delay(REST_MS);
    }
  }

  async function rotateAgainAndAgain(): Promise<void> {
    let id = nowUnlockedBy(await unlockKeyAt(cluster.at(0), false));
    await Promise.all(cluster.managers.map((manager) => settled(manager, id)));
    for (let rotation = 1; rotation <= ROTATIONS; rotation += 1) {
      id = nowUnlockedBy(await unlockKeyAt(cluster.at(random.below(3)), true));
      if (rotation % RESTART_EVERY === 0) {
        // While the others, and perhaps this one, seal everything anew.
        await startAgain(random.pick(cluster.managers), random.below(2) === 0);
        await cluster.whole();
      }
      await Promise.all(cluster.managers.map((manager) => settled(manager, id)));
    }
  }

  test(`rotate their unlock key and data keys ${ROTATIONS} times, with restarts in between, and lose nothing`, async (t) => {
    t.diagnostic(random.description);
    const load = new AbortController();
    const writing = Promise.all([0, 1].map((writer) => write(writer, load.signal)));
    try {
      await rotateAgainAndAgain();
    } finally {
      load.abort();
      await writing;
    }
    t.diagnostic(`${changes} changes were made meanwhile, and ${old.count} keys went out of use`);
    assert.ok(acknowledged.size > NAMES);
    assert.equal(unlockKeys.size, ROTATIONS + 1);
    await cluster.whole();
    await inParallel([...acknowledged], WIDTH, async ([name, value]) => {
      const manager = random.pick(cluster.managers);
      assert.ok((await manager.deliver(name)).equals(value), `${name} at ${manager.name}`);
    });
  });

  test('have nothing of an old key on their disks, and open with the last one', async (t) => {
    const [, last = ''] = [...unlockKeys].at(-1) ?? [];
    await Promise.all(cluster.managers.map((manager) => manager.stop()));
    for (const manager of cluster.managers) {
      assert.equal(old.foundIn(manager.stateDirectory), '', manager.name);
    }
    t.diagnostic(`${old.count} old keys were looked for in ${old.scanned_bytes} bytes`);
    await Promise.all(cluster.managers.map((manager) => manager.start()));
    for (const manager of cluster.managers) {
      await manager.cli(['unlock'], { input: last });
    }
    await cluster.whole();
    const [name, value] = present([...acknowledged].at(-1), 'something was stored');
    for (const manager of cluster.managers) {
      assert.ok((await manager.deliver(name)).equals(value));
    }
  });
});

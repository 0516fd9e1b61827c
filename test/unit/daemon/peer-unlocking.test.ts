// SPDX-License-Identifier: Apache-2.0
// A locked store and a key that came from another manager; and what doctor says of peer unlock.
import assert from 'node:assert/strict';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CofferError, SecretValue, silentLogger } from '../../../src/common/index.ts';
import { formatUnlockKey, newUnlockKey, UnlockKeyHolder } from '../../../src/crypto/index.ts';
import { peerUnlockChecks } from '../../../src/daemon/doctor-peer-unlock.ts';
import { StoreKeeper } from '../../../src/daemon/store-keeper.ts';
import { Unlocking } from '../../../src/daemon/unlocking.ts';
import { openStore, type ReplicatedStore } from '../../../src/store/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { aNode, anAuthority } from '../../support/cluster-objects.ts';

describe('a locked store that other managers may unlock', () => {
  let temporary: TemporaryDirectory;
  let stateDirectory: string;
  let key: SecretValue;
  let keeper: StoreKeeper;
  let unlocking: Unlocking;
  let refusals: string[];

  async function openWith(holder: UnlockKeyHolder): Promise<ReplicatedStore> {
    return openStore({
      stateDirectory,
      logger: silentLogger,
      onFault: (error) => assert.fail(error),
      monotonic_ms: () => performance.now(),
      unlockKey: () => holder.current,
    });
  }

  async function start(): Promise<void> {
    const unlockKey = new UnlockKeyHolder();
    const open = (): Promise<ReplicatedStore> => openWith(unlockKey);
    unlocking = new Unlocking({ stateDirectory, places: [], unlockKey, open, logger: silentLogger });
    refusals = [];
    keeper = new StoreKeeper({
      open: unlocking.open,
      onRefused: ({ code }) => void refusals.push(`${code}, and ${keeper.reason?.code ?? 'it serves'}`),
      logger: silentLogger,
    });
    await keeper.open();
  }

  beforeEach(async () => {
    temporary = temporaryDirectory();
    stateDirectory = path.join(temporary.path, 'state');
    key = newUnlockKey();
    const store = await openWith(new UnlockKeyHolder());
    await store.seal.change({ version: 1, unlockKey: key });
    await store.close();
    await start();
  });
  afterEach(async () => {
    await keeper.close();
    temporary.remove();
  });

  test('tells that it is locked once it says so itself', () => {
    assert.deepEqual(refusals, ['store.locked, and store.locked']);
  });

  test('opens with the key, which it keeps; a wrong one is wiped, and one that comes late as well', async () => {
    const wrong = newUnlockKey();
    await assert.rejects(unlocking.unlockWith(wrong, keeper), { code: 'unlock.wrong-key' });
    assert.ok(wrong.expose().every((byte) => byte === 0));
    assert.equal(keeper.reason?.code, 'store.locked');
    const given = SecretValue.copyOf(key.expose());
    await unlocking.unlockWith(given, keeper);
    assert.equal(keeper.reason, undefined);
    assert.ok(given.equals(key));
    const late = SecretValue.copyOf(key.expose());
    await assert.rejects(unlocking.unlockWith(late, keeper), { code: 'unlock.not-locked' });
    assert.ok(late.expose().every((byte) => byte === 0));
  });

  test('is opened once by a manager and a person who come together', async () => {
    const [first, second] = await Promise.allSettled([
      unlocking.unlockWith(SecretValue.copyOf(key.expose()), keeper),
      unlocking.unlock(formatUnlockKey(key), keeper),
    ]);
    assert.equal(first.status, 'fulfilled');
    assert.ok(second.status === 'rejected');
    assert.equal(CofferError.from(second.reason).code, 'unlock.not-locked');
  });

  test('has doctor say that the others are asked, and afterwards what peer unlock means', async () => {
    const asking = { asking: true, problem: undefined, unlockedBy: undefined };
    const said = (state = asking): string =>
      peerUnlockChecks(keeper, state)
        .map(({ level, message, mend = '' }) => `${level}: ${message} ${mend}`)
        .join('\n');
    assert.match(
      said(),
      /^warning: the other managers are asked .*; none has answered yet Unlock one of them/,
    );
    const problem = new CofferError('transport.unreachable', 'nobody listens there');
    assert.match(
      peerUnlockChecks(keeper, { ...asking, problem })[0]?.message ?? '',
      /the last answer: nobody listens there$/,
    );
    assert.deepEqual(peerUnlockChecks(keeper, { ...asking, asking: false }), []);
    await unlocking.unlockWith(SecretValue.copyOf(key.expose()), keeper);
    const store = keeper.source();
    const own = { ...aNode('own', 'manager', 1), id: store.status().nodeId };
    assert.equal(said(), '');
    await store.propose({ kind: 'establish-cluster', authority: anAuthority(), node: own });
    const peerUnlock = { earlierKeys: [] };
    const autolock = { kind: 'autolock', version: 1, unlockKey: key.expose(), peerUnlock } as const;
    await store.propose({ kind: 'set-autolock', autolock });
    assert.match(said(), /^warning: .* do not know this manager yet .* docker coffer node ls$/);
    const known = {
      kind: 'peer-unlock',
      nodeId: own.id,
      publicKeyFingerprint: 'k',
      authorityDigest: 'd',
    } as const;
    await store.propose({ kind: 'register-peer-unlock', registration: known });
    assert.match(said(), /^warning: .* no other manager that could unlock this one .*join-token manager$/);
  });
});

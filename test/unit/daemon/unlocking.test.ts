// SPDX-License-Identifier: Apache-2.0
// A locked store: what is told of it, what opens it, and what does not.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger, type SecretValue } from '../../../src/common/index.ts';
import { formatUnlockKey, newUnlockKey, splitUnlockKey, UnlockKeyHolder } from '../../../src/crypto/index.ts';
import { examine } from '../../../src/daemon/doctor.ts';
import type { UnlockKeyPlace } from '../../../src/daemon/settings.ts';
import { StoreKeeper } from '../../../src/daemon/store-keeper.ts';
import { Unlocking } from '../../../src/daemon/unlocking.ts';
import { EngineClient } from '../../../src/engine/index.ts';
import { openStore, type ReplicatedStore } from '../../../src/store/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { FakeCluster } from '../../support/fake-cluster.ts';

describe('a locked store', () => {
  let temporary: TemporaryDirectory;
  let stateDirectory: string;
  let key: SecretValue;
  let keeper: StoreKeeper;
  let unlocking: Unlocking;

  async function openWith(holder: UnlockKeyHolder): Promise<ReplicatedStore> {
    return openStore({
      stateDirectory,
      logger: silentLogger,
      onFault: (error) => assert.fail(error),
      monotonic_ms: () => performance.now(),
      unlockKey: () => holder.current,
    });
  }

  async function start(...places: readonly UnlockKeyPlace[]): Promise<void> {
    const holder = new UnlockKeyHolder();
    const open = (): Promise<ReplicatedStore> => openWith(holder);
    unlocking = new Unlocking({ stateDirectory, places, unlockKey: holder, open, logger: silentLogger });
    keeper = new StoreKeeper({ open: unlocking.open, logger: silentLogger });
    await keeper.open();
  }

  const keyText = (): Buffer => formatUnlockKey(key);
  const inside = (name: string): string => path.join(temporary.path, name);
  const setting = (file: string): UnlockKeyPlace => ({
    name: 'COFFER_UNLOCK_KEY_FILE',
    file,
    isOptional: false,
  });
  const credential = (file: string): UnlockKeyPlace => ({ name: 'the credential', file, isOptional: true });

  async function dataKeyCheck(): Promise<string> {
    const checks = await examine({
      keeper,
      unlockKeySource: () => unlocking.source,
      engine: new EngineClient({ socketPath: '/nowhere', timeout_ms: 1_000 }),
      driverName: () => 'coffer',
      place: () => ({
        role: undefined,
        nodeId: undefined,
        address: undefined,
        problem: undefined,
        certificate: undefined,
      }),
      backups: async () => ({ directory: '/backups', running: false, files: [] }),
      staleUnlockKeys: async () => [],
      admin: () => new FakeCluster(),
    });
    const check = checks.find(({ name }) => name === 'data key');
    return check === undefined ? 'none' : `${check.level}: ${check.message}`;
  }

  beforeEach(async () => {
    temporary = temporaryDirectory();
    stateDirectory = inside('state');
    key = newUnlockKey();
    await start();
    assert.match(
      await dataKeyCheck(),
      /^ok: autolock is off: the data key lies in the clear beside the data/,
    );
    await keeper.close();
    const store = await openWith(new UnlockKeyHolder());
    await store.seal.change({ version: 1, unlockKey: key });
    await store.close();
  });
  afterEach(async () => {
    await keeper.close();
    temporary.remove();
  });

  test('says so, refuses a wrong key without a word of it, and is opened by its own', async () => {
    await start();
    assert.equal(keeper.reason?.code, 'store.locked');
    assert.equal(keeper.reason.hint, 'Unlock it on this node: docker coffer unlock');
    assert.throws(keeper.source, { code: 'store.locked' });
    const wrong = formatUnlockKey(newUnlockKey());
    await assert.rejects(unlocking.unlock(Buffer.from(wrong), keeper), (error: Error) => {
      assert.match(error.message, /unlock.wrong-key/);
      return !JSON.stringify(error).includes(wrong.toString().slice(20, 30));
    });
    await assert.rejects(unlocking.unlock(Buffer.from('COFFER-UNLOCK-1-AAAA'), keeper), {
      code: 'unlock.key-invalid',
    });
    assert.equal(keeper.reason?.code, 'store.locked', 'it is locked still');
    const text = keyText();
    await unlocking.unlock(text, keeper);
    assert.ok(
      text.every((byte) => byte === 0),
      'what was given is wiped',
    );
    assert.equal(keeper.source().status().dataKeySealed, true);
    assert.equal(await dataKeyCheck(), 'ok: autolock is on: the data key is sealed by the unlock key');
    await assert.rejects(unlocking.unlock(keyText(), keeper), { code: 'unlock.not-locked' });
  });

  test('is opened once by two who come together', async () => {
    await start();
    const both = [unlocking.unlock(keyText(), keeper), unlocking.unlock(keyText(), keeper)];
    const [first, second] = await Promise.allSettled(both);
    assert.equal(first?.status, 'fulfilled');
    assert.ok(second?.status === 'rejected');
    assert.equal((second.reason as { readonly code: string }).code, 'unlock.not-locked');
  });

  test('is opened by as many shares as are needed, each on a line', async () => {
    await start();
    const shares = splitUnlockKey(key, { threshold: 2, count: 3 }).map(String);
    await assert.rejects(unlocking.unlock(Buffer.from(`${shares[0]}\n`), keeper), {
      code: 'unlock.shares-invalid',
    });
    await unlocking.unlock(Buffer.from(`\n${shares[2]}\r\n\n  ${shares[0]?.toLowerCase()}\n`), keeper);
    assert.equal(keeper.reason, undefined);
  });

  test('opens by itself with a key in a file, and doctor warns where that lies beside the data', async () => {
    const file = inside('unlock-key');
    writeFileSync(file, Buffer.concat([keyText(), Buffer.from('\n')]));
    await start(credential(inside('nothing')), setting(file));
    assert.equal(keeper.reason, undefined);
    assert.deepEqual(unlocking.source, { file, besideData: true });
    assert.match(
      await dataKeyCheck(),
      /^warning: the data key is sealed, and the unlock key .* lies on the same disk/,
    );
  });

  test('is opened by a file that is told of once the key is another one, or the file is gone', async () => {
    const file = inside('unlock-key');
    writeFileSync(file, keyText());
    await start(setting(file), credential(inside('nothing')));
    assert.deepEqual(await unlocking.stalePlaces(), []);
    writeFileSync(file, formatUnlockKey(newUnlockKey()));
    assert.deepEqual(await unlocking.stalePlaces(), [setting(file)]);
    writeFileSync(file, 'no key at all');
    assert.deepEqual(await unlocking.stalePlaces(), [setting(file)]);
    rmSync(file);
    assert.deepEqual(await unlocking.stalePlaces(), [setting(file)]);
  });

  test('says why the file does not help, and can be unlocked all the same', async () => {
    const file = inside('unlock-key');
    writeFileSync(file, formatUnlockKey(newUnlockKey()));
    await start(setting(file), credential(inside('nothing')));
    assert.equal(keeper.reason?.code, 'store.locked');
    assert.match(keeper.reason.detail, /; COFFER_UNLOCK_KEY_FILE does not help: this is not the unlock key/);
    await keeper.close();
    await start(setting(inside('nothing')));
    assert.match(keeper.reason.detail, /COFFER_UNLOCK_KEY_FILE does not help: ENOENT/);
    await unlocking.unlock(keyText(), keeper);
    assert.equal(keeper.reason, undefined);
  });
});

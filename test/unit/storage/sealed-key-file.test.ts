// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { dataKey, Keyring, newUnlockKey, unlockKeyId } from '../../../src/crypto/index.ts';
import { KeyFileSeal, readKeyFile, readKeySeal, writeKeyFile } from '../../../src/storage/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

let temporary: TemporaryDirectory;
let file: string;

beforeEach(() => {
  temporary = temporaryDirectory();
  file = path.join(temporary.path, 'keys.json');
});
afterEach(() => temporary.remove());

function aKeyring(): Keyring {
  const random = new SeededRandom();
  const retired = [dataKey(random.bytes(32)), dataKey(random.bytes(32))];
  return new Keyring(dataKey(random.bytes(32)), retired, random.bytes(32));
}

function assertSame(read: Keyring | undefined, keyring: Keyring): void {
  assert.deepEqual(read?.active, keyring.active);
  assert.deepEqual(read?.indexKey, keyring.indexKey);
  assert.deepEqual(
    read
      .all()
      .map(({ bytes }) => bytes.toString('hex'))
      .sort(),
    keyring
      .all()
      .map(({ bytes }) => bytes.toString('hex'))
      .sort(),
  );
}

describe('A37 a sealed key file', () => {
  test('opens with its unlock key, and holds nothing of the keys in it', async () => {
    const keyring = aKeyring();
    const unlockKey = newUnlockKey();
    await writeKeyFile(file, { keyring, initialized: true }, { version: 3, unlockKey });
    const seal = { version: 3, unlockKeyId: unlockKeyId(unlockKey) };
    assert.deepEqual(await readKeySeal(file), seal);
    const read = await readKeyFile(file, unlockKey);
    assertSame(read?.keyring, keyring);
    assert.deepEqual(read?.seal, seal);
    assert.equal(read.initialized, true);
    const content = readFileSync(file);
    for (const key of [...keyring.all().map(({ bytes }) => bytes), keyring.indexKey, unlockKey.expose()]) {
      for (const form of [key.toString('base64').slice(0, 12), key.toString('hex').slice(0, 12), key]) {
        assert.ok(!content.includes(form));
      }
    }
  });

  test('is locked without a key, and tells another key from its own', async () => {
    const unlockKey = newUnlockKey();
    await writeKeyFile(file, { keyring: aKeyring(), initialized: true }, { version: 1, unlockKey });
    await assert.rejects(readKeyFile(file), {
      code: 'store.locked',
      hint: 'Unlock it on this node: docker coffer unlock',
    });
    await assert.rejects(readKeyFile(file, newUnlockKey()), { code: 'unlock.wrong-key' });
  });

  test('with any bit flipped gives these keys, or is refused as damaged, with the key and without', async () => {
    const keyring = aKeyring();
    const unlockKey = newUnlockKey();
    await writeKeyFile(file, { keyring, initialized: true }, { version: 2, unlockKey });
    const content = readFileSync(file);
    let refused = 0;
    for (let bit = 0; bit < content.length * 8; bit += 1) {
      const altered = Buffer.from(content);
      altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      writeFileSync(file, altered);
      try {
        const read = await readKeyFile(file, unlockKey);
        assertSame(read?.keyring, keyring);
        assert.equal(read?.initialized, true);
        assert.equal(read.seal.version, 2);
      } catch (thrown) {
        assert.ok(
          thrown instanceof CofferError && thrown.code === 'store.damaged',
          `bit ${bit}: ${String(thrown)}`,
        );
        await assert.rejects(readKeySeal(file), { code: 'store.damaged' });
        refused += 1;
      }
    }
    assert.ok(refused > content.length * 7, `${refused} of ${content.length * 8}`);
  });

  test('is changed while the store is open, in turn, and never once its keys are wiped', async () => {
    const keyring = aKeyring();
    const [first, second] = [newUnlockKey(), newUnlockKey()];
    await writeKeyFile(file, { keyring, initialized: true });
    const seal = new KeyFileSeal({ file, keyring, seal: { version: 0, unlockKeyId: undefined } });
    await Promise.all([
      seal.change({ version: 1, unlockKey: first }),
      seal.change({ version: 2, unlockKey: second }),
    ]);
    assert.deepEqual(seal.current, { version: 2, unlockKeyId: unlockKeyId(second) });
    assertSame((await readKeyFile(file, second))?.keyring, aKeyring());
    await seal.change({ version: 3, unlockKey: undefined });
    assert.deepEqual((await readKeyFile(file))?.seal, { version: 3, unlockKeyId: undefined });
    await seal.close();
    keyring.wipe();
    await assert.rejects(seal.change({ version: 5, unlockKey: undefined }), { code: 'store.closed' });
    assertSame((await readKeyFile(file))?.keyring, aKeyring());
    assert.deepEqual(readdirSync(temporary.path), ['keys.json']);
  });

  test('takes a new data key in the same write as a new unlock key, and no more than it can keep', async () => {
    const random = new SeededRandom();
    const keyring = new Keyring(dataKey(random.bytes(32)), [], random.bytes(32));
    await writeKeyFile(file, { keyring, initialized: true });
    const contents: string[] = [];
    const write = async (to: string, content: Uint8Array): Promise<void> => {
      writeFileSync(to, content);
      contents.push(Buffer.from(content).toString());
    };
    const seal = new KeyFileSeal({ file, keyring, seal: { version: 0, unlockKeyId: undefined }, write });
    const unlockKey = newUnlockKey();
    const { active: first } = keyring;
    await seal.change({ version: 1, unlockKey }, { newDataKey: true });
    assert.equal(contents.length, 1);
    assert.notEqual(keyring.active, first);
    assert.deepEqual(keyring.retired, [first]);
    assertSame((await readKeyFile(file, unlockKey))?.keyring, keyring);
    for (let pending = 1; pending < 16; pending += 1) {
      await seal.addDataKey();
    }
    const { active: last } = keyring;
    for (const refused of [
      seal.addDataKey(),
      seal.change({ version: 2, unlockKey: undefined }, { newDataKey: true }),
    ]) {
      await assert.rejects(refused, { code: 'store.busy', hint: /docker coffer data-key/ });
    }
    assert.equal(keyring.active, last);
    await seal.dropDataKeys(keyring.retired);
    assert.deepEqual(keyring.all(), [last]);
    assertSame((await readKeyFile(file, unlockKey))?.keyring, keyring);
    await seal.addDataKey();
    assert.deepEqual(keyring.retired, [last]);
  });

  test('is written to its end before a store that closes wipes the keys', async () => {
    const keyring = aKeyring();
    const unlockKey = newUnlockKey();
    let finish: () => void = () => assert.fail('nothing is being written');
    const write = async (to: string, content: Uint8Array): Promise<void> => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      writeFileSync(to, content);
    };
    const seal = new KeyFileSeal({ file, keyring, seal: { version: 0, unlockKeyId: undefined }, write });
    const changed = seal.change({ version: 1, unlockKey });
    await new Promise(setImmediate);
    const closed = seal.close().then(() => keyring.wipe());
    finish();
    await Promise.all([changed, closed]);
    assertSame((await readKeyFile(file, unlockKey))?.keyring, aKeyring());
  });
});

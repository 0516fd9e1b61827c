// SPDX-License-Identifier: Apache-2.0
// A36: a crash at every write of a change of the seal, and in every write, leaves files that open with the old or the new key.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { credentialsOf, IdentityStore } from '../../../src/cluster/identity.ts';
import { OwnIdentity } from '../../../src/cluster/own-identity.ts';
import { changeSeal } from '../../../src/cluster/seal-keeper.ts';
import { SecretValue } from '../../../src/common/index.ts';
import { newUnlockKey, unlockKeyId, UnlockKeyHolder } from '../../../src/crypto/index.ts';
import { KeyFileSeal, readKeyFile, writeFileAtomically } from '../../../src/storage/index.ts';
import { keysSealedBy } from '../../../src/store/index.ts';
import { CredentialsSource } from '../../../src/transport/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { waitFor } from '../../support/wait-for.ts';
import { present, TestNode } from './cluster-harness.ts';

const WRITES = 3;
/** How far the write that the crash meets has come. */
const MOMENTS = ['before', 'half of the new file', 'the new file, not renamed', 'after'] as const;
type Moment = (typeof MOMENTS)[number];

class Crash extends Error {}

/** Writes as the program does, up to the crash. */
function crashing(atWrite: number, moment: Moment): typeof writeFileAtomically {
  let written = 0;
  return async (file, content) => {
    if (written < atWrite) {
      written += 1;
      await writeFileAtomically(file, content);
      return;
    }
    if (moment === 'after') {
      await writeFileAtomically(file, content);
    } else if (moment !== 'before') {
      const part = moment === 'half of the new file' ? content.length / 2 : content.length;
      writeFileSync(`${file}.new`, content.subarray(0, part));
    }
    throw new Crash();
  };
}

type Key = SecretValue | undefined;

async function opens(directory: string, key: Key): Promise<boolean> {
  try {
    await readKeyFile(path.join(directory, 'keys.json'), key);
  } catch {
    return false;
  }
  // Whatever opens the one opens the other.
  assert.ok((await new IdentityStore(directory).read(key)) !== undefined);
  return true;
}

/** Those of the key file, the active one first. */
async function dataKeysIn(directory: string, key: Key): Promise<readonly string[]> {
  const { keyring } = present(await readKeyFile(path.join(directory, 'keys.json'), key), 'there are keys');
  return [keyring.active, ...keyring.retired].map(({ id }) => id.toString('hex'));
}

async function change(directory: string, from: Key, to: Key, write = writeFileAtomically): Promise<void> {
  const file = path.join(directory, 'keys.json');
  const { keyring, seal: before } = present(await readKeyFile(file, from), 'there are keys');
  const identities = new IdentityStore(directory, write);
  const identity = present(await identities.read(from), 'there is an identity');
  identities.keepKeyAs(from ?? 'clear');
  const own = new OwnIdentity(identities, identity, new CredentialsSource(credentialsOf(identity)));
  const unlockKey = new UnlockKeyHolder();
  unlockKey.hold(from && SecretValue.copyOf(from.expose()));
  const seal = new KeyFileSeal({ file, keyring, seal: before, write });
  const wish = { version: before.version + 1, unlockKey: to?.expose() ?? Buffer.alloc(0) };
  await changeSeal(wish, { own, seal, unlockKey });
}

describe('A36 a crash while', () => {
  let temporary: TemporaryDirectory;
  let template: string;
  before(async () => {
    temporary = temporaryDirectory();
    template = path.join(temporary.path, 'template');
    const node = await TestNode.start();
    await node.stop();
    cpSync(node.stateDirectory, template, { recursive: true });
    await node.destroy();
  });
  after(() => temporary.remove());

  const [old, other] = [newUnlockKey(), newUnlockKey()];
  const changes: readonly (readonly [string, Key, Key])[] = [
    ['autolock is turned on', undefined, old],
    ['the unlock key is rotated', old, other],
    ['autolock is turned off', old, undefined],
  ];
  for (const [what, from, to] of changes) {
    for (let atWrite = 0; atWrite < WRITES; atWrite += 1) {
      for (const moment of MOMENTS) {
        test(`${what}, at write ${atWrite + 1}, ${moment}`, async () => {
          const directory = path.join(
            temporary.path,
            `${what} ${atWrite} ${moment}`.replaceAll(/[ ,]/g, '-'),
          );
          cpSync(template, directory, { recursive: true });
          if (from !== undefined) {
            await change(directory, undefined, from);
          }
          const dataKeys = await dataKeysIn(directory, from);
          await assert.rejects(change(directory, from, to, crashing(atWrite, moment)), Crash);
          const done = atWrite > 1 || (atWrite === 1 && moment === 'after');
          // A key file in the clear opens with any key.
          assert.equal(await opens(directory, to), done || from === undefined);
          assert.equal(await opens(directory, from), !done || to === undefined);
          const now = done ? to : from;
          const [active, ...others] = await dataKeysIn(directory, now);
          if (done && to !== undefined) {
            assert.deepEqual(others.sort(), [...dataKeys].sort(), 'a new data key comes with the unlock key');
            assert.ok(active !== undefined && !dataKeys.includes(active), 'and seals all from now on');
          } else {
            assert.equal(active, dataKeys[0]);
          }
          assert.equal(await keysSealedBy(directory), now && unlockKeyId(now), 'and says by which');
          const named = await new IdentityStore(directory).sealedBy();
          assert.ok(named.length === 0 || now === undefined || named.includes(unlockKeyId(now)));
          await change(directory, now, to);
          assert.ok(await opens(directory, to), 'and the next start brings it to its end');
        });
      }
    }
  }

  for (const moment of MOMENTS) {
    test(`the roots of a new CA key are written down, ${moment}, leaves an identity that is whole`, async () => {
      const directory = path.join(temporary.path, `roots ${moment}`.replaceAll(/[ ,]/g, '-'));
      cpSync(template, directory, { recursive: true });
      const identities = new IdentityStore(directory, crashing(0, moment));
      const before = present(await identities.read(), 'there is an identity');
      const own = new OwnIdentity(identities, before, new CredentialsSource(credentialsOf(before)));
      const [root = ''] = before.roots;
      await assert.rejects(own.update({ roots: [root, root] }), Crash);
      assert.deepEqual(own.current, before, 'nothing is in use that is not on the disk');
      const after = present(await new IdentityStore(directory).read(), 'there is an identity');
      assert.deepEqual(after, { ...before, roots: moment === 'after' ? [root, root] : [root] });
    });
  }

  test('the unlock key is rotated leaves a rotation of the data key, which the next start ends', async (t) => {
    const node = await TestNode.start();
    t.after(() => node.destroy());
    await node.admin.autolock.set(true);
    await waitFor(async () => (await dataKeysIn(node.stateDirectory, node.unlockKey.current)).length === 1, {
      what: 'the data key to be rotated',
    });
    const now = SecretValue.copyOf(present(node.unlockKey.current, 'autolock is on').expose());
    await node.stop();
    const before = await dataKeysIn(node.stateDirectory, now);
    await assert.rejects(change(node.stateDirectory, now, other, crashing(1, 'after')), Crash);
    assert.equal((await dataKeysIn(node.stateDirectory, other)).length, 2);
    await node.start({ unlockKey: SecretValue.copyOf(other.expose()) });
    await node.serving();
    await waitFor(async () => (await dataKeysIn(node.stateDirectory, other)).length === 1, {
      what: 'the rotation to be ended',
    });
    assert.notDeepEqual(await dataKeysIn(node.stateDirectory, other), before);
    await node.stop();
    const named = readdirSync(node.stateDirectory, { recursive: true, encoding: 'utf8' })
      .map((name) => path.join(node.stateDirectory, name))
      .filter((file) => statSync(file).isFile())
      .filter((file) => before.some((id) => readFileSync(file).includes(Buffer.from(id, 'hex'))));
    assert.deepEqual(named, [], 'nothing opens with the data key of before');
  });

  test('is all that can happen: a change has three writes', async () => {
    let writes = 0;
    await change(template, undefined, old, async (file, content) => {
      writes += 1;
      await writeFileAtomically(file, content);
    });
    assert.equal(writes, WRITES);
  });
});

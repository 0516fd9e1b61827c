// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { UNLOCK_KEY } from '../../support/fake-cluster.ts';
import { STATUS } from '../control/control-harness.ts';
import { Keyboard, withCli, withClusterCli } from './cli-harness.ts';

test('autolock is shown, turned on with the key that is to be kept, and off', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    const before = await cli(['autolock']);
    assert.deepEqual([before.code, before.stderr], [0, '']);
    assert.equal(before.stdout, 'Autolock:         off\nKeys here:        in the clear beside the data\n');
    const on = await cli(['autolock', 'on']);
    assert.deepEqual([on.code, on.stderr], [0, '']);
    assert.equal(
      on.stdout,
      [
        'Autolock is on: the keys of the managers are sealed.',
        '',
        'A manager that starts again is locked until you type coffer unlock there, and this key:',
        '',
        `    ${UNLOCK_KEY}`,
        '',
        'Keep it in a password manager, and not on the managers: without it no locked manager can be started.\n',
      ].join('\n'),
    );
    assert.match(
      (await cli(['autolock'])).stdout,
      /^Autolock: +on\nKeys here: +sealed by the unlock key\nPeer unlock: +off\n$/,
    );
    const json = JSON.parse((await cli(['autolock', 'on', '--format', 'json'])).stdout) as object;
    assert.deepEqual(json, {
      Enabled: true,
      Version: 1,
      SealedHere: true,
      UnlockKey: UNLOCK_KEY,
      Freshness: 'linearizable',
    });
    const off = await cli(['autolock', 'off']);
    assert.match(off.stdout, /^Autolock is off: managers start by themselves/);
    assert.equal((await cli(['autolock', 'perhaps'])).code, 1);
    assert.deepEqual(cluster.calls, [
      'autolock on',
      'unlockKey {}',
      'autolock on',
      'unlockKey {}',
      'autolock off',
    ]);
  });
});

test('peer unlock comes with autolock or after it, and is shown with what it means', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    const on = await cli(['autolock', 'on', '--peer-unlock']);
    assert.match(on.stdout, /^Autolock is on: .*\n\nPeer unlock is on: the managers unlock one another\./s);
    assert.match(on.stdout, /\n1 of 3 managers has not followed yet, and would still need the key\.\n$/);
    const shown = await cli(['autolock']);
    assert.match(shown.stdout, /^Peer unlock: +on, for 2 of 3 managers$/m);
    assert.match(
      shown.stdout,
      /Whoever takes the disk of a manager and reaches the port of the others can unlock it/,
    );
    const json = JSON.parse((await cli(['autolock', '--format', 'json'])).stdout) as Record<string, unknown>;
    assert.deepEqual(json['PeerUnlock'], { Managers: 3, Known: 2, KnownHere: true });
    assert.match(
      (await cli(['autolock', '--peer-unlock=false'])).stdout,
      /^Peer unlock is off: each manager that starts again needs the unlock key\.\n$/,
    );
    assert.match((await cli(['autolock', '--peer-unlock'])).stdout, /^Peer unlock is on/);
    await cli(['autolock', '--peer-unlock=true']);
    await cli(['autolock', '--peer-unlock', 'on']);
    await cli(['autolock', 'on', '--peer-unlock=false', '--format', 'json']);
    assert.deepEqual(
      cluster.calls.filter((call) => !call.startsWith('unlockKey')),
      [
        'autolock on peer unlock on',
        'peer unlock off',
        'peer unlock on',
        'peer unlock on',
        'autolock on peer unlock on',
        'autolock on peer unlock off',
      ],
    );
  });
});

test('peer unlock without autolock, and what is neither true nor false, is refused before anything is asked', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    for (const words of [
      ['autolock', 'off', '--peer-unlock'],
      ['autolock', '--peer-unlock', 'off'],
      ['autolock', '--peer-unlock=perhaps'],
      ['autolock', 'on', '--peer-unlock=on'],
    ]) {
      assert.equal((await cli(words)).code, 1, words.join(' '));
    }
    assert.deepEqual(cluster.calls, []);
    cluster.refusal = new CofferError('cluster.autolock', 'autolock is off: there is no unlock key');
    const refused = await cli(['autolock', '--peer-unlock']);
    assert.deepEqual(
      [refused.code, refused.stderr],
      [2, 'coffer: autolock is off: there is no unlock key\n'],
    );
  });
});

test('unlock-key shows the key, alone, made anew, or in shares', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    assert.equal((await cli(['unlock-key', '-q'])).stdout, `${UNLOCK_KEY}\n`);
    assert.match(
      (await cli(['unlock-key'], { asDockerPlugin: true })).stdout,
      /until you type docker coffer unlock there/,
    );
    assert.match(
      (await cli(['unlock-key', '--rotate'])).stdout,
      /^The unlock key is a new one\. A manager that is down needs the old one once, unless the others unlock it\.\n/,
    );
    const shares = await cli(['unlock-key', '--shares', '2/3']);
    assert.match(
      shares.stdout,
      /until 2 of these 3 shares are typed at coffer unlock:\n\n {4}COFFER-SHARE-1-1\n {4}COFFER/,
    );
    assert.equal(
      (await cli(['unlock-key', '--shares', '2/2', '-q'])).stdout,
      'COFFER-SHARE-1-1\nCOFFER-SHARE-1-2\n',
    );
    const json = JSON.parse((await cli(['unlock-key', '--format', 'json'])).stdout) as object;
    assert.deepEqual(json, { UnlockKey: UNLOCK_KEY, Freshness: 'linearizable' });
    for (const plan of ['1/3', '3/2', '2/17', '2', 'a/b']) {
      const refused = await cli(['unlock-key', '--shares', plan]);
      assert.equal(refused.code, 1, plan);
      assert.match(refused.stderr, /K\/N, such as 2\/3/);
    }
    cluster.freshness = 'local';
    const old = await cli(['unlock-key', '-q']);
    assert.deepEqual([old.code, old.stdout], [0, `${UNLOCK_KEY}\n`]);
    assert.match(old.stderr, /could not reach the others; the answer may be old/);
    cluster.refusal = new CofferError('cluster.autolock', 'autolock is off: there is no unlock key');
    const off = await cli(['unlock-key']);
    assert.deepEqual([off.code, off.stderr], [2, 'coffer: autolock is off: there is no unlock key\n']);
  });
});

test('unlock reads standard input, or asks at a terminal without an echo, for shares until there are enough', async () => {
  const given: string[] = [];
  const unlock = async (text: Buffer): Promise<void> => {
    given.push(text.toString());
    if (text.includes('WRONG')) {
      throw new CofferError('unlock.wrong-key', 'this is not the unlock key', { hint: 'Use another.' });
    }
  };
  await withCli({ unlock }, async ({ cli }) => {
    const piped = await cli(['unlock'], { stdin: `${UNLOCK_KEY}\n` });
    assert.deepEqual(piped, { code: 0, stdout: 'coffer is unlocked, and serves.\n', stderr: '' });
    const keyboard = new Keyboard('coffer-unlock-1-x\r');
    const typed = await cli(['unlock'], { stdin: keyboard });
    assert.deepEqual([typed.code, typed.stderr], [0, 'Unlock key, or a share of it: \n']);
    assert.deepEqual(keyboard.rawModes, [true, false]);
    const shares = await cli(['unlock'], {
      stdin: new Keyboard('COFFER-SHARE-1-A\r', 'coffer-share-1-b\r', '\r'),
    });
    assert.equal(shares.code, 0);
    assert.deepEqual(given, [
      `${UNLOCK_KEY}\n`,
      'coffer-unlock-1-x\n',
      'COFFER-SHARE-1-A\ncoffer-share-1-b\n\n',
    ]);
    const wrong = await cli(['unlock'], { stdin: 'WRONG' });
    assert.deepEqual([wrong.code, wrong.stderr], [2, 'coffer: this is not the unlock key\nUse another.\n']);
    assert.equal((await cli(['unlock'], { stdin: '' })).code, 1);
    assert.equal((await cli(['unlock'], { stdin: new Keyboard('\r') })).code, 1);
    assert.equal((await cli(['unlock', UNLOCK_KEY])).code, 1, 'never from the arguments');
    assert.equal(given.length, 4);
  });
});

test('status says how the data key lies, and where its unlock key came from', async () => {
  let status = STATUS;
  await withCli({ status: () => status }, async ({ cli, store }) => {
    const line = async (): Promise<string | undefined> =>
      /Data key: +\S+, (.*)/.exec((await cli(['status'])).stdout)?.[1];
    status = { ...STATUS, store: store.status() };
    assert.equal(await line(), 'in the clear beside the data');
    status = { ...STATUS, store: { ...store.status(), dataKeySealed: true } };
    assert.equal(await line(), 'sealed');
    status = { ...status, unlockKeySource: { file: '/k', besideData: false } };
    assert.equal(await line(), 'sealed, and unlocked at the start from /k');
    status = { ...status, unlockKeySource: { file: '/k', besideData: true } };
    assert.equal(await line(), 'sealed, and unlocked at the start from /k, which lies beside the data');
    const peerUnlock = { enabled: true, asking: false, unlockedBy: '10.0.0.2:7373' };
    status = { ...status, unlockKeySource: undefined, peerUnlock };
    assert.equal(await line(), 'sealed, and unlocked by the manager at 10.0.0.2:7373');
    const peers = async (): Promise<string | undefined> =>
      /Peer unlock: +(.*)/.exec((await cli(['status'])).stdout)?.[1];
    assert.match((await peers()) ?? '', /^on: the other managers unlock this one, until it is removed/);
    status = { ...STATUS, peerUnlock: { enabled: false, asking: true, problem: 'nobody listens there' } };
    assert.equal(
      await peers(),
      'the other managers are asked for the unlock key; the last answer: nobody listens there',
    );
    status = STATUS;
    assert.equal(await peers(), undefined);
  });
});

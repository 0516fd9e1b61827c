// SPDX-License-Identifier: Apache-2.0
// Who can open a backup: passphrases, recipients and their identities.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  formatIdentity,
  formatRecipient,
  newHeader,
  newIdentity,
  parseIdentityFile,
  parseRecipient,
  recipientOf,
  type Sealing,
} from '../../../src/backup/index.ts';
import { CofferError } from '../../../src/common/index.ts';
import { openWith, publicKeyOf, sealTo } from '../../../src/crypto/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import {
  CHEAP,
  inPieces,
  inventSecrets,
  makeBackup,
  PASSPHRASE,
  readBack,
  refusalOf,
} from './backup-harness.ts';

const keyInvalid = (sentence: RegExp) => (thrown: unknown) =>
  thrown instanceof CofferError && thrown.code === 'backup.key-invalid' && sentence.test(thrown.detail);

describe('a backup that was sealed to recipients', () => {
  const [ours, theirs, stranger] = [newIdentity(), newIdentity(), newIdentity()];
  const kept = inventSecrets(new SeededRandom(), 3, 100);
  const recipients = [recipientOf(ours), recipientOf(theirs)];

  test('opens with the identity of each of them, and with its passphrase if it has one', async () => {
    const file = await makeBackup(kept, { recipients, passphrase: PASSPHRASE, cost: CHEAP });
    for (const opening of [{ identity: ours }, { identity: theirs }, { passphrase: PASSPHRASE }]) {
      assert.deepEqual((await readBack(inPieces(file), opening)).kept, kept);
    }
  });

  test('says that an identity is none of theirs', async () => {
    const { code, detail } = await refusalOf(await makeBackup(kept, { recipients }), { identity: stranger });
    assert.deepEqual(
      [code, detail],
      ['backup.key', 'the backup was not sealed to the recipient of this identity'],
    );
  });

  test('says that it has no passphrase, and one with a passphrase that it has no recipients', async () => {
    const sealed = await refusalOf(await makeBackup(kept, { recipients }));
    assert.deepEqual(
      [sealed.code, sealed.hint],
      ['backup.key', 'Name the identity of one of them with --identity FILE.'],
    );
    const { code, detail } = await refusalOf(await makeBackup(kept), { identity: ours });
    assert.equal(code, 'backup.key');
    assert.match(detail, /has no recipients; it was sealed with a passphrase/);
  });

  test('is refused with any byte of its header altered, and not taken for one of others', async () => {
    const file = await makeBackup(kept, { recipients });
    const { length } = (await newHeader({ recipients })).bytes;
    for (let at = 'coffer-backup/1\n'.length; at < length; at += 1) {
      const altered = Buffer.from(file);
      altered[at] = (altered[at] ?? 0) ^ 0x10;
      assert.equal((await refusalOf(altered, { identity: ours })).code, 'backup.damaged', `byte ${at}`);
    }
  });
});

describe('a passphrase', () => {
  test('that is another one is said to be so', async () => {
    const { code, detail } = await refusalOf(await makeBackup([]), {
      passphrase: Buffer.from('correct horse'),
    });
    assert.deepEqual(
      [code, detail],
      ['backup.key', 'the passphrase is not the one that the backup was sealed with'],
    );
  });

  test('that is too short for all secrets of a cluster is refused, before anything is sealed', async () => {
    for (const passphrase of [Buffer.alloc(0), Buffer.from('hunter2'), Buffer.alloc(1_025)]) {
      await assert.rejects(
        newHeader({ passphrase, recipients: [] }),
        keyInvalid(/^a passphrase has 12 to 1024 bytes/),
      );
    }
  });

  test('costs 128 MiB unless something else is said, and opens at that cost', async () => {
    const file = await makeBackup([], { passphrase: PASSPHRASE, recipients: [] });
    assert.deepEqual([...file.subarray(22, 25)], [17, 8, 1]);
    assert.deepEqual((await readBack(inPieces(file))).kept, []);
  });
});

test('a backup has 1 to 16 keys', async () => {
  const recipients = Array.from({ length: 17 }, () => recipientOf(newIdentity()));
  for (const sealing of [{ recipients: [] }, { recipients }] satisfies readonly Sealing[]) {
    await assert.rejects(newHeader(sealing), keyInvalid(/sealed with 1 to 16 keys, not/));
  }
  await newHeader({ recipients: recipients.slice(1) });
});

describe('the text of a key', () => {
  const identity = newIdentity();
  const recipient = formatRecipient(recipientOf(identity));

  test('gives back the key, with white space and capital letters, and remarks in the file of an identity', () => {
    assert.deepEqual(parseRecipient(` ${recipient.toUpperCase()}\n`), recipientOf(identity));
    const file = `# made at some time\n# recipient: ${recipient}\n\n${formatIdentity(identity)}\n`;
    assert.deepEqual(parseIdentityFile(file), identity);
  });

  test('is refused with any of its characters altered, and never repeated', () => {
    const text = formatIdentity(identity);
    for (let at = 0; at < text.length; at += 1) {
      const altered = `${text.slice(0, at)}${text[at] === '0' ? '1' : '0'}${text.slice(at + 1)}`;
      assert.throws(
        () => parseIdentityFile(altered),
        (thrown: unknown) =>
          keyInvalid(/^this is no identity of a backup/)(thrown) &&
          !String(thrown).includes(text.slice(25, 60)),
        `character ${at}`,
      );
    }
  });

  test('is refused when it is the other one of the two, cut, or something else', () => {
    assert.throws(
      () => parseRecipient(formatIdentity(identity)),
      keyInvalid(/it is an identity, which is secret/),
    );
    assert.throws(() => parseIdentityFile(recipient), keyInvalid(/it is a recipient/));
    assert.throws(() => parseRecipient(recipient.slice(0, -1)), keyInvalid(/a piece of it is missing/));
    assert.throws(
      () => parseRecipient('age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kudcrdz'),
      keyInvalid(/does not begin/),
    );
    assert.throws(() => parseIdentityFile(''), keyInvalid(/does not begin/));
    assert.throws(
      () => parseIdentityFile(`${formatIdentity(identity)}\nmore`),
      keyInvalid(/more than one line/),
    );
  });
});

describe('what is sealed to a public key', () => {
  test('is opened by its secret key alone, and not with a byte altered', () => {
    const secretKey = Buffer.alloc(32, 7);
    const sealed = sealTo(publicKeyOf(secretKey), Buffer.from('message'));
    assert.equal(openWith(secretKey, sealed)?.toString(), 'message');
    assert.equal(openWith(Buffer.alloc(32, 8), sealed), undefined);
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = Buffer.from(sealed);
      // The highest bit of a public key counts for nothing (RFC 7748); the lowest of each byte does.
      altered[at] = (altered[at] ?? 0) ^ 1;
      assert.equal(openWith(secretKey, altered), undefined, `byte ${at}`);
    }
    assert.equal(openWith(secretKey, sealed.subarray(0, 20)), undefined);
  });

  test('is never sealed under a key that all would know', () => {
    // All that there are but for those that are written in another way.
    const points = [
      '00'.repeat(32),
      `01${'00'.repeat(31)}`,
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
      `ec${'ff'.repeat(30)}7f`,
    ];
    for (const lowOrder of points.map((point) => Buffer.from(point, 'hex'))) {
      assert.throws(() => sealTo(lowOrder, Buffer.from('x')), keyInvalid(/public key/));
      assert.equal(openWith(Buffer.alloc(32, 7), Buffer.concat([lowOrder, Buffer.alloc(60)])), undefined);
    }
  });
});

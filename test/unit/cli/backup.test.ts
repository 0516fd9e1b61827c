// SPDX-License-Identifier: Apache-2.0
// Backups from the command line: into a file and back, and read where there is no daemon.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import type { Command, Secret } from '../../../src/secrets/index.ts';
import type { ExportedRecord } from '../../../src/store/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { type Cli, type CliHarness, type CliResult, Keyboard, runCli, withCli } from './cli-harness.ts';

const PASSPHRASE = 'correct horse battery staple';
const IDENTITY_PATTERN = /coffer-backup-identity-1-[0-9a-f]{64}-[0-9a-f]{8}/;

interface Backed extends CliHarness {
  readonly file: string;
  readonly identity: string;
  readonly recipient: string;
}

/** A store of two secrets, and a backup of it that is sealed to a recipient. */
async function withBackup(work: (backed: Backed) => Promise<void>): Promise<void> {
  await withCli({}, async (harness) => {
    const { cli, directory } = harness;
    await cli(['put', 'db', '-', '--label', 'env=prod'], { stdin: 'first' });
    await cli(['put', 'db', '-'], { stdin: 'second' });
    await cli(['put', 'api_key', '-'], { stdin: 'k' });
    const identity = path.join(directory, 'identity');
    const recipient = (await done(cli(['backup-key', identity]))).stdout.trim();
    const file = path.join(directory, 'backup');
    await done(cli(['backup', '--recipient', recipient, file]));
    await work({ ...harness, file, identity, recipient });
  });
}

async function done(result: Promise<CliResult>): Promise<CliResult> {
  const ended = await result;
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}

async function refused(result: Promise<CliResult>, code: number, sentence: RegExp): Promise<void> {
  const { code: ended, stderr, stdout } = await result;
  assert.deepEqual([ended, stdout], [code, ''], stderr);
  assert.match(stderr, sentence);
}

/** Runs `work` with a daemon whose store is empty. */
async function elsewhere(work: (cli: Cli, store: MemoryStore) => Promise<void>): Promise<void> {
  await withCli({}, ({ cli, store }) => work(cli, store));
}

function picture(store: MemoryStore): readonly unknown[] {
  const kept = ({ id, name, labels, origin, versions, createdAt_ms, updatedAt_ms }: Secret): unknown => [
    [id, name, labels, origin, versions, createdAt_ms, updatedAt_ms],
    versions.map(({ number }) => store.readValue(id, number).expose().toString()),
  ];
  return [...store.list()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(kept);
}

describe('coffer backup', () => {
  test('writes one file for its owner alone, says what is in it, and shows nothing of it', async () => {
    await withBackup(async ({ cli, directory, file, recipient }) => {
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const bytes = readFileSync(file);
      assert.ok(!bytes.includes('second') && !bytes.includes('db') && bytes.includes('coffer-backup/1\n'));
      const again = await done(cli(['backup', '-f', '--recipient', recipient, file]));
      assert.match(again.stdout, /backup: 2 secrets, 3 versions \(12B\), \d+B, as of entry 3\n$/);
      assert.equal(again.stderr, '');
      const json = await done(cli(['backup', '-f', '--format', 'json', '--recipient', recipient, file]));
      const { size } = statSync(file);
      const said = { File: file, Size: size, Secrets: 2, Versions: 3, Values: 12, AppliedIndex: 3 };
      assert.deepEqual(JSON.parse(json.stdout), said);
      assert.deepEqual(
        readdirSync(directory).filter((name) => name.endsWith('.partial')),
        [],
      );
    });
  });

  test('asks twice for a passphrase that nobody sees, or takes one from a file or standard input', async () => {
    await withBackup(async ({ cli, directory, file }) => {
      const typed = await done(
        cli(['backup', '-f', file], {
          stdin: new Keyboard(`${PASSPHRASE}\r`, `${PASSPHRASE}\r`),
          terminal: true,
        }),
      );
      assert.ok(!`${typed.stdout}${typed.stderr}`.includes(PASSPHRASE));
      const passphraseFile = path.join(directory, 'passphrase');
      writeFileSync(passphraseFile, `${PASSPHRASE}\n`);
      await done(cli(['restore', '--verify', '--passphrase-file', passphraseFile, file]));
      await done(cli(['restore', '--verify', file], { stdin: new Keyboard(`${PASSPHRASE}\r`) }));
      await done(cli(['restore', '--verify', '--passphrase-file', '-', file], { stdin: PASSPHRASE }));
      const wrong = cli(['restore', '--verify', '--passphrase-file', '-', file], { stdin: 'another one' });
      await refused(wrong, 2, /^coffer: the passphrase is not the one that the backup was sealed with\n/);
    });
  });

  test('refuses what it should not do, before it does anything', async () => {
    await withBackup(async ({ cli, directory, file, identity, recipient }) => {
      const before = readFileSync(file);
      const other = path.join(directory, 'other');
      await refused(cli(['backup', '--recipient', recipient, file]), 1, /is there already\n.*--force/);
      await refused(cli(['backup', '-f', '--recipient', recipient, directory]), 1, /is not a file/);
      await refused(cli(['backup', '--recipient', recipient, '/none/at/all']), 1, /no directory for it/);
      await refused(cli(['backup', other]), 1, /no passphrase is given, and there is no terminal/);
      await refused(
        cli(['backup', '--passphrase-file', '-', other], { stdin: 'short' }),
        1,
        /12 to 1024 bytes/,
      );
      await refused(cli(['backup', '--passphrase-file', '/none', other]), 1, /cannot be read \(ENOENT\)/);
      await refused(
        cli(['backup', '--recipient', recipient.slice(1), other]),
        1,
        /is no recipient of a backup/,
      );
      const differing = new Keyboard(`${PASSPHRASE}\r`, `${PASSPHRASE}!\r`);
      await refused(cli(['backup', other], { stdin: differing }), 1, /the two are not the same/);
      const secret = readFileSync(identity, 'utf8').match(IDENTITY_PATTERN)?.[0] ?? '';
      const mistaken = await cli(['backup', '--recipient', secret, other]);
      assert.ok(!mistaken.stderr.includes(secret.slice(30, 60)), 'an identity is never repeated');
      assert.deepEqual(readFileSync(file), before);
      assert.deepEqual(readdirSync(directory).sort(), ['backup', 'control.sock', 'identity']);
    });
  });

  test('leaves nothing behind when the daemon fails half-way', async () => {
    class Broken extends MemoryStore {
      override async *exportSecrets(): AsyncGenerator<ExportedRecord> {
        for await (const record of super.exportSecrets()) {
          yield record;
          if (record.kind === 'value') {
            throw new CofferError('store.damaged', 'a record is missing');
          }
        }
      }
    }
    const store = new Broken();
    await withCli({ store: () => store }, async ({ cli, directory }) => {
      await cli(['put', 'large', '-'], { stdin: Buffer.alloc(400_000, 'v') });
      const file = path.join(directory, 'backup');
      const { stdout: recipient } = await done(cli(['backup-key', path.join(directory, 'identity')]));
      await refused(cli(['backup', '--recipient', recipient, file]), 2, /before its answer was complete/);
      assert.deepEqual(readdirSync(directory).sort(), ['control.sock', 'identity']);
    });
  });
});

describe('coffer restore', () => {
  test('puts all back as it was', async () => {
    await withBackup(async ({ file, identity, store: source }) => {
      await elsewhere(async (cli, store) => {
        const { stdout } = await done(cli(['restore', '--identity', identity, file]));
        assert.match(stdout, /backup: 2 secrets restored; 3 versions\n$/);
        assert.deepEqual(picture(store), picture(source));
      });
    });
  });

  test('refuses secrets that are there, names them, and is told what to do with them', async () => {
    await withBackup(async ({ file, identity }) => {
      await elsewhere(async (cli, store) => {
        await cli(['put', 'DB', '-'], { stdin: 'present' });
        const restore = ['restore', '--identity', identity, file] as const;
        await refused(cli(restore), 2, /a secret of the backup exists already: db\n.*--existing skip/);
        assert.equal(store.list().length, 1, 'nothing was written');
        const skipped = await done(cli([...restore, '--existing', 'skip']));
        assert.match(skipped.stdout, /1 secret restored, 1 left as they are; 1 version\n$/);
        const { appliedIndex } = store.status();
        await done(cli([...restore, '--existing', 'skip']));
        assert.equal(store.status().appliedIndex, appliedIndex, 'a second time changes nothing');
        const replaced = await done(cli([...restore, '--existing', 'replace', '--format', 'json']));
        assert.deepEqual(JSON.parse(replaced.stdout), { Restored: 0, Replaced: 2, Skipped: 0, Versions: 3 });
        assert.equal(store.byName('db')?.versions.length, 2);
      });
    });
  });

  test('leaves it as it is what the receiver of notices was told', async () => {
    await withBackup(async ({ cli, directory, identity, recipient, store: source }) => {
      const told = (id: string): Command => ({
        kind: 'put',
        id,
        name: 'coffer.notices',
        labels: {},
        origin: 'generated',
        expect: 'always',
        value: SecretValue.copyOf(Buffer.from(id)),
        at_ms: 1,
      });
      await source.propose(told('then'));
      const file = path.join(directory, 'with-notices');
      await done(cli(['backup', '--recipient', recipient, file]));
      await elsewhere(async (other, store) => {
        await store.propose(told('now'));
        const restore = ['restore', '--identity', identity, file] as const;
        const first = await done(other([...restore, '--format', 'json']));
        assert.deepEqual(JSON.parse(first.stdout), { Restored: 2, Replaced: 0, Skipped: 1, Versions: 3 });
        const second = await done(other([...restore, '--existing', 'replace', '--format', 'json']));
        assert.deepEqual(JSON.parse(second.stdout), { Restored: 0, Replaced: 2, Skipped: 1, Versions: 3 });
        assert.equal(store.byName('coffer.notices')?.id, 'now');
      });
    });
  });

  test('changes nothing by a file that is damaged or cut, and says where it is', async () => {
    await withBackup(async ({ directory, file, identity }) => {
      const bytes = readFileSync(file);
      const damaged = path.join(directory, 'damaged');
      await elsewhere(async (cli, store) => {
        const altered = Buffer.from(bytes);
        altered[bytes.length - 1] = (altered[bytes.length - 1] ?? 0) ^ 1;
        for (const [content, sentence] of [
          [altered, /was altered in chunk 0, at byte \d+/],
          [bytes.subarray(0, -1), /was cut off after byte \d+/],
          [Buffer.concat([bytes, bytes]), /goes on after its end, from byte \d+/],
          [Buffer.from('PK'), /the file is no backup of coffer/],
        ] as const) {
          writeFileSync(damaged, content);
          await refused(cli(['restore', '--identity', identity, damaged]), 2, sentence);
          await refused(cli(['restore', '--verify', '--identity', identity, damaged]), 2, sentence);
        }
        assert.equal(store.status().appliedIndex, 0);
        await refused(cli(['restore', `${file}.none`]), 1, /there is no .*backup.none/);
        await refused(cli(['restore', directory]), 1, /is not a file|cannot be used \(EISDIR\)/);
        await refused(cli(['restore', file]), 1, /opens with the identity of one of them/);
      });
    });
  });
});

describe('where there is no daemon', () => {
  const offline =
    (directory: string, terminal = false) =>
    (argv: readonly string[]) =>
      runCli(argv, directory, { terminal });

  test('a backup is verified and listed', async () => {
    await withBackup(async ({ directory, file, identity }) => {
      const cli = offline(directory);
      const { stdout } = await done(cli(['restore', '--verify', '--identity', identity, file]));
      assert.match(
        stdout,
        /backup: whole; 2 secrets, 3 versions \(12B\), as of entry 3 of cluster c{25}, 2026-01-15T12/,
      );
      const listed = await done(cli(['backup-ls', '--identity', identity, file]));
      assert.equal(
        listed.stdout,
        'NAME      VERSION   KEPT   SIZE   ORIGIN    CREATED              UPDATED\n' +
          'api_key   1         1      1B     control   About a minute ago   About a minute ago\n' +
          'db        2         2      6B     control   About a minute ago   About a minute ago\n',
      );
      const json = await done(cli(['backup-ls', '--identity', identity, '--format', 'json', file]));
      const [, db = ''] = json.stdout.split('\n');
      assert.match(db, /"Name":"db","Labels":\{"env":"prod"\},"Origin":"control"/);
      assert.ok(!json.stdout.includes('second'));
    });
  });

  test('one value is taken out, into a pipe or a file, and onto a terminal only when that is said', async () => {
    await withBackup(async ({ directory, file, identity }) => {
      const get = ['backup-get', '--identity', identity, file] as const;
      const cli = offline(directory);
      assert.equal((await done(cli([...get, 'DB']))).stdout, 'second');
      assert.equal((await done(cli([...get, 'db', '--secret-version', '1']))).stdout, 'first');
      assert.equal((await done(cli([...get, 'db', '--version', '1']))).stdout, 'first');
      assert.equal((await done(cli(['--socket', 'none', ...get, '--version=1', 'db']))).stdout, 'first');
      assert.match((await done(cli(['--version', ...get]))).stdout, /^coffer \d/, "the program's own");
      const output = path.join(directory, 'value');
      assert.equal((await done(cli([...get, 'db', '-o', output]))).stdout, '');
      assert.deepEqual([readFileSync(output, 'utf8'), statSync(output).mode & 0o777], ['second', 0o600]);
      await refused(cli([...get, 'api_key', '-o', output]), 1, /is there already/);
      await refused(cli([...get, 'nope']), 2, /there is no secret nope in the backup/);
      await refused(
        cli([...get, 'db', '--secret-version', '3']),
        2,
        /version 3 of db is not in the backup\nIt has: 1, 2/,
      );
      const terminal = offline(directory, true);
      await refused(terminal([...get, 'db']), 1, /a value is not shown on a terminal\n.*--reveal/);
      assert.equal((await done(terminal([...get, 'db', '--reveal']))).stdout, 'second');
    });
  });

  test('an identity is made, for its owner alone and never on a terminal', async () => {
    await withBackup(async ({ directory, identity, recipient }) => {
      assert.equal(statSync(identity).mode & 0o777, 0o600);
      const text = readFileSync(identity, 'utf8');
      assert.match(text, IDENTITY_PATTERN);
      assert.ok(text.includes(`# recipient: ${recipient}\n`));
      const cli = offline(directory);
      await refused(cli(['backup-key', identity]), 1, /is there already/);
      const piped = await done(cli(['backup-key']));
      assert.match(piped.stdout, IDENTITY_PATTERN);
      assert.match(piped.stderr, /^coffer-backup-recipient-1-/);
      await refused(offline(directory, true)(['backup-key']), 1, /not shown on a terminal/);
    });
  });
});

// SPDX-License-Identifier: Apache-2.0
// The audit log beside a real engine: what is done to its file is noticed, and while no place takes it nothing is delivered.
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AuditedService } from '../support/audited-service.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { type Coffer, startCoffer } from '../support/coffer.ts';
import { runCommand } from '../support/command.ts';
import { storeServes } from '../support/crash-load.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { linesOf } from '../support/installation.ts';
import { PageTypist } from '../support/page-typist.ts';
import { getSecret, inParallel } from '../support/secret-calls.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { SyslogCollector } from '../support/syslog-collector.ts';
import { waitFor } from '../support/wait-for.ts';

const SYSLOG_PORT = 601;

describe('the audit log beside a real engine', () => {
  let temporary: TemporaryDirectory;
  let disk: SmallDisk;
  let engine: Engine;
  let coffer: Coffer;
  let directory: string;
  let typist: PageTypist;
  before(async () => {
    temporary = temporaryDirectory();
    // Before the engine's host box is made, which sees the mounts of that moment.
    disk = new SmallDisk(temporary.path, 512 * 1024);
    engine = await startEngine({ name: 'engine-1' });
    await engine.importBusybox();
    await engine.swarmInit();
    const state = path.join(engine.directory, 'c-coffer', 'state');
    directory = path.join(state, 'audit');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    await inBox('mount', '--bind', disk.path, directory);
    coffer = await startCoffer({ engine });
    await storeServes(coffer);
    typist = new PageTypist({
      test: 'test/live/audit.test.ts',
      directory: temporary.path,
      controlSocket: coffer.controlSocket,
      dockerSocket: coffer.gatewaySocket,
      inside: (command) => engine.box.inside(command),
    });
  });
  after(async () => {
    await coffer?.stop();
    await engine?.stop();
    disk?.free();
    disk?.unmount();
    temporary?.remove();
  });

  const inBox = async (...command: readonly [string, ...string[]]): Promise<void> => {
    await runCommand(engine.box.inside(command));
  };
  const written = async (): Promise<readonly string[]> =>
    linesOf((await coffer.cli(['audit', '--tail', '10000', '--format', 'json'])).stdout);
  const restartWith = async (env: Readonly<Record<string, string>>): Promise<void> => {
    await coffer.stop();
    coffer = await startCoffer({ engine, env });
    await storeServes(coffer);
  };

  test('on a full disk, and without its directory, nothing is delivered, every interface says so, and it goes on by itself', async () => {
    const service = await AuditedService.start(engine, coffer);
    disk.fill(0);
    // What is left of the file's last page is written before the disk is full.
    await service.stopsFor(/file: ENOSPC: [^)]*/, async () => {
      await getSecret(coffer, { secret: 'nope', task: 'n'.repeat(400) });
    });
    await typist.typePage('docs/audit.md', {
      // A busy engine may ask twice.
      words: { 'why redis': 'why redis | sed "s/, [0-9]* times//"' },
    });
    await service.goesOn(() => disk.free(), written);

    await inBox('umount', '--lazy', directory);
    await inBox('rmdir', directory);
    writeFileSync(directory, 'no directory');
    await service.stopsFor(/file: [^)]*/);
    await service.goesOn(async () => {
      const elsewhere = path.join(engine.directory, 'audit-elsewhere');
      mkdirSync(elsewhere, { mode: 0o700 });
      await inBox('mount', '--bind', disk.path, elsewhere);
      // In one step: coffer makes the directory itself as soon as there is none.
      symlinkSync(path.relative(path.dirname(directory), elsewhere), `${directory}.new`);
      renameSync(`${directory}.new`, directory);
    }, written);
    const { stdout } = await coffer.cli(['audit', 'verify']);
    assert.match(stdout, /^\d+ records, whole up to /);
    await service.remove();
  });

  test('a syslog receiver that stalls or is killed stops deliveries until it takes lines again, and has a whole chain', async () => {
    const collector = new SyslogCollector(engine.box, SYSLOG_PORT, temporary.path);
    const collected = (): Promise<readonly string[]> => Promise.resolve(collector.lines());
    // Else the kernel takes megabytes for a receiver that reads nothing.
    const small = 'for f in rmem wmem; do echo 4096 8192 16384 > /proc/sys/net/ipv4/tcp_$f; done';
    await inBox('sh', '-c', small);
    await collector.start();
    try {
      await restartWith({
        COFFER_AUDIT: 'syslog',
        COFFER_AUDIT_SYSLOG: `tcp://127.0.0.1:${SYSLOG_PORT}`,
      });
      const service = await AuditedService.start(engine, coffer);
      collector.freeze();
      const asks = Array.from({ length: 200 }, (_, index) => `${index}-${'n'.repeat(300)}`);
      await inParallel(asks, 8, async (task) => void (await getSecret(coffer, { secret: 'nope', task })));
      await service.stopsFor(/syslog: it has not taken a line for 5 s/);
      await service.goesOn(() => collector.thaw(), collected);

      await collector.kill();
      await service.stopsFor(/syslog: tcp:\/\/127\.0\.0\.1:601: connect ECONNREFUSED 127\.0\.0\.1:601/);
      await service.goesOn(() => collector.start(), collected);
      await service.remove();
      await coffer.stop();
      await waitFor(() => collector.lines().at(-1)?.includes('"event":"stop"'), { what: 'the last line' });
    } finally {
      await collector.kill();
    }
    const file = path.join(temporary.path, 'chain.log');
    writeFileSync(
      file,
      collector
        .lines()
        .map((line) => `${line}\n`)
        .join(''),
    );
    const { stdout } = await coffer.cli(['audit', 'verify', file]);
    assert.ok(stdout.startsWith(`${collector.lines().length} records, whole up to `), stdout);
  });

  test('a line that was edited, moved or cut off is named, and a file that was deleted is missed for good', async () => {
    await restartWith({});
    const file = path.join(directory, 'audit.log');
    await coffer.cli(['put', 'first', '-'], { input: 'v' });
    await coffer.cli(['put', 'last', '-'], { input: 'v' });
    // A clean stop signs the end.
    await coffer.restart();
    await storeServes(coffer);
    const reached = engine.box.reach(file);
    const startIsWritten = (): Promise<boolean> =>
      waitFor(() => linesOf(readFileSync(reached, 'utf8')).at(-1)?.includes('"event":"start"'), {
        what: 'the start to be written down',
      });
    await startIsWritten();
    const whole = readFileSync(reached, 'utf8');
    const lines = linesOf(whole);
    const at = lines.findIndex((line) => line.includes('"secret":"first"'));
    const [edited = '', next = ''] = lines.slice(at);
    const { seq } = JSON.parse(edited) as { readonly seq: number };
    const complaint = async (text: string): Promise<string> => {
      writeFileSync(reached, text);
      const { code, stderr } = await coffer.tryCli(['audit', 'verify']);
      writeFileSync(reached, whole);
      assert.equal(code, 1);
      return stderr;
    };
    const textOf = (changed: readonly string[]): string => changed.map((line) => `${line}\n`).join('');
    assert.match(
      await complaint(textOf(lines.with(at, edited.replace('"first"', '"third"')))),
      new RegExp(`^coffer: line ${at + 1}: record ${seq} is not what was written`),
    );
    assert.match(
      await complaint(textOf(lines.with(at, next).with(at + 1, edited))),
      new RegExp(`^coffer: line ${at + 1}: record ${seq} stands after later ones`),
    );
    assert.match(
      await complaint(textOf(lines.toSpliced(at, 1))),
      new RegExp(`^coffer: line ${at + 1}: record ${seq} is missing before record ${seq + 1}`),
    );
    assert.match(
      await complaint(textOf(lines.slice(0, at))),
      new RegExp(
        `^coffer: line ${at + 1}: the log was cut: it ends with record ${seq - 1}, and was signed up to`,
      ),
    );
    assert.match((await coffer.cli(['audit', 'verify'])).stdout, /^\d+ records, whole up to /);

    const whileStopped = async (change: () => void): Promise<string> => {
      await coffer.stop();
      change();
      await coffer.start();
      await storeServes(coffer);
      await startIsWritten();
      return (await coffer.tryCli(['audit', 'verify'])).stderr;
    };
    const cut =
      /^coffer: line \d+: the log was cut: it ends with record \d+, and was signed up to record \d+$/m;
    assert.match(
      await whileStopped(() => truncateSync(reached, Buffer.byteLength(textOf(lines.slice(0, at))))),
      cut,
    );
    // A stop has the end that there is now signed, and what was lost before.
    const lost = /^coffer: record \d+, signed at .*, was not in the log any more when coffer started$/m;
    assert.match(await whileStopped(() => undefined), lost);
    const doctor = await coffer.tryCli(['doctor']);
    assert.equal(doctor.code, 2);
    assert.match(doctor.stdout, /^failure +audit log: record \d+ was signed, and was not in it any more/m);
    assert.match(
      await whileStopped(() => rmSync(reached)),
      /this is another log than the one that was signed up to record \d+: that one is gone/,
    );
  });
});

// SPDX-License-Identifier: Apache-2.0
// A60: a thousand random values on their way through a cluster: versions, rotations, autolock, backups, a restore and a snapshot
// for a newcomer. Whatever lies on a disk afterwards is looked through for each of them, in every form in which bytes are written.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { describeLeaks, type Leak, LeakScanner } from '../support/leak-scanner.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { callControl, inParallel } from '../support/secret-calls.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';

const CANARIES = 1_000;
/** So many get a second version, and as many are removed. */
const CHANGED = 100;
const DELIVERED = 50;
const WIDTH = 16;
/** The shortest that chance does not find. */
const VALUE_BYTES_MIN = 24;
/** More bytes than the log retains. */
const FILLERS = 150;
const FILLER_BYTES = 500_000;
const PASSPHRASE = 'a passphrase that nobody would guess either';

const isCore = (file: string): boolean => path.basename(file).startsWith('core');

describe('A60 a thousand values in a cluster of three', () => {
  let cluster: ManagerCluster;
  let other: ManagerCluster;
  let directory: TemporaryDirectory;
  let startedAt_ms = 0;
  const random = new SeededRandom();
  const scanner = new LeakScanner();
  /** What the newcomer has given to its engine. */
  const delivered = new Set<string>();
  const inside = (file: string): string => path.join(directory.path, file);

  before(async () => {
    startedAt_ms = Date.now();
    directory = temporaryDirectory();
    [cluster, other] = [await ManagerCluster.start({ size: 3 }), await ManagerCluster.start({ size: 1 })];
  });
  after(async () => {
    await cluster?.destroy();
    await other?.destroy();
    directory?.remove();
  });

  const canary = (number: number): string => `canary-${number}`;

  async function store(number: number, version: number): Promise<void> {
    const value = random.bytes(VALUE_BYTES_MIN + random.below(200));
    scanner.add(`${canary(number)} v${version}`, value);
    await cluster.at(number % 3).put(canary(number), value);
  }

  /** All that a manager has on the disk: its state, its log, and the directory of its sockets. */
  const placeOf = (manager: ManagerProcess): string => path.dirname(manager.stateDirectory);

  function assertNothingIn(...managers: readonly ManagerProcess[]): void {
    const leaks = managers.flatMap((manager) => scanner.scanTree(placeOf(manager)));
    assert.equal(leaks.length, 0, describeLeaks(leaks));
  }

  /** What came into the shared places for files in passing. */
  function leaksInPassing(): readonly Leak[] {
    const files = ['/tmp', '/var/tmp', '/dev/shm', process.cwd()].flatMap(newFilesIn);
    return files.filter((file) => !isCore(file)).flatMap((file) => scanner.scanFile(file));
  }

  /**
   * A core file is the memory of a process, and what came over a connection lies there until something else takes its place. But no
   * answer to the engine does: that is overwritten once it is sent.
   */
  function answersInCore(file: string): readonly Leak[] {
    return scanner
      .scanFile(file)
      .filter(({ form, value }) => form.startsWith('base64 ') && delivered.has(value));
  }

  function newFilesIn(place: string): readonly string[] {
    return readdirSync(place)
      .map((name) => path.join(place, name))
      .filter((file) => {
        const kind = lstatSync(file, { throwIfNoEntry: false });
        return kind?.isFile() === true && kind.mtimeMs >= startedAt_ms;
      });
  }

  function leaksInProcess(manager: ManagerProcess): readonly Leak[] {
    return ['cmdline', 'environ'].flatMap((name) => {
      const file = `/proc/${manager.pid}/${name}`;
      return scanner.scan(readFileSync(file), file);
    });
  }

  test('is stored, changed, delivered and removed, and no manager has one of them on its disk', async (t) => {
    t.diagnostic(random.description);
    const numbers = Array.from({ length: CANARIES }, (_, number) => number);
    await inParallel(numbers, WIDTH, (number) => store(number, 1));
    await inParallel(numbers.slice(0, CHANGED), WIDTH, (number) => store(number, 2));
    await cluster.whole();
    await inParallel(numbers.slice(0, DELIVERED), WIDTH, async (number) => {
      assert.ok((await cluster.at(number % 3).deliver(canary(number))).length >= VALUE_BYTES_MIN);
    });
    const manager = cluster.at(1);
    await inParallel(numbers.slice(-CHANGED), WIDTH, async (number) => {
      const removed = await callControl(manager, 'DELETE', `/v1/secrets/${canary(number)}?force=1`);
      assert.ok(removed.status < 300, removed.text);
    });
    for (const words of [['ls'], ['inspect', canary(1)], ['status'], ['doctor']]) {
      const { stdout, stderr } = await manager.tryCli(words);
      assert.deepEqual(scanner.scan(Buffer.from(stdout + stderr), words.join(' ')), []);
    }
    assertNothingIn(...cluster.managers);
  });

  test('nor after their keys were rotated, and autolock seals them', async () => {
    await cluster.at(0).cli(['data-key', '--rotate']);
    await cluster.at(2).cli(['autolock', 'on']);
    for (const manager of cluster.managers) {
      await waitFor(async () => (await manager.status()).store?.dataKeySealed === true, {
        what: `${manager.name} to seal its keys`,
      });
    }
    await cluster.at(1).cli(['unlock-key', '--rotate']);
    assertNothingIn(...cluster.managers);
    const leaks = cluster.managers.flatMap(leaksInProcess);
    assert.equal(leaks.length, 0, describeLeaks(leaks));
  });

  test('nor is one in a backup, with a passphrase or to a recipient, nor where it was read and restored', async () => {
    writeFileSync(inside('passphrase'), PASSPHRASE, { mode: 0o600 });
    const { stdout: recipient } = await cluster.at(1).cli(['backup-key', inside('key')]);
    await cluster.at(1).cli(['backup', '--recipient', recipient.trim(), inside('to-recipient')]);
    await cluster.at(2).cli(['backup', '--passphrase-file', inside('passphrase'), inside('with-passphrase')]);
    const key = ['--identity', inside('key')];
    await cluster.at(0).cli(['restore', '--verify', ...key, inside('to-recipient')]);
    await other.at(0).cli(['restore', ...key, inside('to-recipient')]);
    const { store: restored } = await other.at(0).status();
    assert.equal(restored?.secrets, CANARIES - CHANGED);
    const got = await other.at(0).cli(['backup-get', ...key, inside('to-recipient'), canary(1)]);
    assert.equal(scanner.scan(got.stdoutBytes, 'the answer').length > 0, true, 'what is asked for is given');
    const leaks = scanner.scanTree(directory.path);
    assert.equal(leaks.length, 0, describeLeaks(leaks));
    assertNothingIn(...other.managers, ...cluster.managers);
  });

  test('nor has a newcomer one that was sent the state, nor a manager that broke off', async (t) => {
    const leader = await cluster.leader();
    const numbers = Array.from({ length: FILLERS }, (_, number) => number);
    await inParallel(numbers, 6, async (number) => {
      await leader.put(`filler-${number % 6}`, Buffer.alloc(FILLER_BYTES, number));
    });
    for (let number = 0; number < 6; number += 1) {
      await callControl(leader, 'DELETE', `/v1/secrets/filler-${number}?force=1`);
    }
    const newcomer = await cluster.add();
    await cluster.whole();
    assert.ok(((await newcomer.status()).store?.firstIndex ?? 0) > 1, 'its log begins after a snapshot');
    assert.ok((await newcomer.deliver(canary(CHANGED))).length >= VALUE_BYTES_MIN);
    assertNothingIn(newcomer);
    await inParallel(numbers.slice(CHANGED, CHANGED + DELIVERED), WIDTH, async (number) => {
      await newcomer.deliver(canary(number));
      delivered.add(`${canary(number)} v1`);
    });
    // By its answer, it has seen the last of the others off.
    await newcomer.status();
    // Where the system writes a core file at all, and does not hand it to a program of its own.
    execFileSync('prlimit', ['--pid', String(newcomer.pid), '--core=unlimited:unlimited']);
    process.kill(newcomer.pid, 'SIGABRT');
    await waitFor(() => !newcomer.running, { what: 'it to end' });
    assertNothingIn(newcomer);
    const cores = newFilesIn(process.cwd()).filter(isCore);
    const leaks = [...leaksInPassing(), ...cores.flatMap(answersInCore)];
    cores.forEach((file) => rmSync(file));
    t.diagnostic(`${cores.length} core files`);
    assert.equal(leaks.length, 0, describeLeaks(leaks));
    t.diagnostic(`${scanner.scanned_bytes} bytes were looked through`);
    assert.match(newcomer.log(), /"level":"debug"/);
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../src/common/index.ts';
import {
  AuditFile,
  AuditLog,
  type AuditRecord,
  type AuditSink,
  type ChainReport,
  decodeRecord,
  newChain,
  type OpenedSink,
  selectRecords,
  StreamSink,
  verifyChain,
  verifyParts,
  WAITING_MAX,
} from '../../../src/audit/index.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/cleanup.ts';
import { SmallDisk, whyNoSmallDisk } from '../../support/small-disk.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('the audit log', () => {
  let home: TemporaryDirectory;
  let directory: string;
  let clock_ms: number;

  beforeEach(() => {
    home = temporaryDirectory();
    directory = path.join(home.path, 'state', 'audit');
    clock_ms = 0;
  });

  afterEach(() => home.remove());

  const fileIn = (where: string, size_bytes = 1024 * 1024, keep = 4): AuditFile =>
    new AuditFile({ directory: where, size_bytes, keep });

  function logTo(...sinks: readonly AuditSink[]): AuditLog {
    const log = new AuditLog({
      sinks,
      node: () => 'node1',
      version: '1.0',
      now_ms: Date.now,
      monotonic_ms: () => clock_ms,
      logger: silentLogger,
      retry_ms: 5,
    });
    log.start();
    return log;
  }

  const linesIn = (where = directory): readonly string[] =>
    readFileSync(path.join(where, 'audit.log'), 'utf8').split('\n').slice(0, -1);

  const eventsIn = (where = directory): readonly (string | undefined)[] =>
    linesIn(where).map((line) => decodeRecord(line)?.event);

  async function report(where = directory, keep = 4): Promise<ChainReport> {
    const file = fileIn(where, 1024, keep);
    return verifyParts(await file.parts(), { isWholeLog: true });
  }

  test('each start goes on with the chain of the one before, in a file for its owner alone', async () => {
    const first = logTo(fileIn(directory));
    first.record('deliver', { secret: 'db', version: 3, service: 'web', task: 't1' });
    await first.close();
    const second = logTo(fileIn(directory));
    second.record('refuse', { secret: 'db', code: 'policy.denied' });
    await second.close();
    assert.deepEqual(eventsIn(), ['start', 'deliver', 'stop', 'start', 'refuse', 'stop']);
    const { last, problem, records } = await report();
    assert.deepEqual([records, last?.seq, problem], [6, 6, undefined]);
    assert.equal(statSync(path.join(directory, 'audit.log')).mode & 0o777, 0o600);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
  });

  test('a line that a crash has torn is cut off at the next start, which says so', async () => {
    const first = logTo(fileIn(directory));
    first.record('put', { secret: 'db' });
    await first.close();
    const file = path.join(directory, 'audit.log');
    truncateSync(file, statSync(file).size - 10);
    const torn = await report();
    assert.deepEqual([torn.records, torn.problem?.fault], [2, 'torn']);
    const second = logTo(fileIn(directory));
    await second.close();
    assert.deepEqual(eventsIn(), ['start', 'put', 'start', 'stop']);
    assert.match(
      decodeRecord(linesIn()[2] ?? '')?.detail ?? '',
      /bytes of a line that was not whole were cut off/,
    );
    assert.equal((await report()).problem, undefined);
  });

  test('a line that somebody has edited is no torn one: the log goes on behind it, and it is named', async () => {
    const first = logTo(fileIn(directory));
    first.record('put', { secret: 'db' });
    await first.close();
    appendFileSync(path.join(directory, 'audit.log'), 'something else\n');
    const second = logTo(fileIn(directory));
    await second.close();
    assert.deepEqual(eventsIn(), ['start', 'put', 'stop', undefined, 'start', 'stop']);
    const { problem } = await report();
    assert.deepEqual([problem?.fault, problem?.line], ['edited', 4]);
  });

  test('files are bounded in size and number, and what is kept is whole', async () => {
    const log = logTo(fileIn(directory, 2_000, 3));
    for (let count = 0; count < 100; count += 1) {
      log.record('deliver', { secret: `db-${count}` });
    }
    await log.close();
    assert.deepEqual(readdirSync(directory).toSorted(), ['audit.1.log', 'audit.2.log', 'audit.log']);
    for (const name of readdirSync(directory)) {
      assert.ok(statSync(path.join(directory, name)).size < 2_500, 'a file is a line larger at most');
    }
    const whole = await report(directory, 3);
    assert.equal(whole.problem, undefined);
    assert.equal(whole.first?.event, 'rotate-file');
    assert.equal(whole.last?.event, 'stop');
    const found = await selectRecords(await fileIn(directory, 2_000, 3).parts(), {
      tail: 2,
      event: 'deliver',
    });
    assert.deepEqual(
      found.map(({ secret }: AuditRecord) => secret),
      ['db-98', 'db-99'],
    );
    const again = logTo(fileIn(directory, 2_000, 3));
    await again.close();
    assert.equal((await report(directory, 3)).problem, undefined);
  });

  test('files that somebody has deleted are missed, also while the daemon runs', async () => {
    const log = logTo(fileIn(directory, 2_000, 3));
    for (let count = 0; count < 100; count += 1) {
      log.record('deliver', { secret: `db-${count}` });
    }
    await waitFor(() => linesIn().some((line) => line.includes('db-99')), { what: 'all lines' });
    renameSync(path.join(directory, 'audit.2.log'), path.join(home.path, 'aside'));
    assert.match((await report(directory, 3)).problem?.what ?? '', /missing at the beginning/);
    renameSync(path.join(home.path, 'aside'), path.join(directory, 'audit.2.log'));
    rmSync(path.join(directory, 'audit.log'));
    log.record('put', { secret: 'after' });
    await log.close();
    assert.deepEqual(eventsIn(), ['rotate-file', 'put', 'stop']);
    assert.match((await report(directory, 3)).problem?.what ?? '', /are missing before record/);
  });

  test('a directory that was deleted is made again, and what was in it is missed', async () => {
    const log = logTo(fileIn(directory));
    await waitFor(() => linesIn().length === 1, { what: 'the first line' });
    rmSync(directory, { recursive: true });
    log.record('put', { secret: 'after' });
    await log.close();
    assert.match((await report()).problem?.what ?? '', /record 1 is missing at the beginning/);
  });

  test('on a full disk deliveries are refused within a second, and go on by themselves', {
    skip: whyNoSmallDisk(),
  }, async () => {
    const disk = new SmallDisk(home.path, 256 * 1024);
    const where = path.join(disk.path, 'audit');
    try {
      const log = logTo(fileIn(where));
      log.record('put', { secret: 'before' });
      await waitFor(() => linesIn(where).length === 2, { what: 'the first lines' });
      disk.fill(0);
      for (let count = 0; count < 100; count += 1) {
        log.record('deliver', { secret: `db-${count}` });
      }
      log.requireWritable();
      clock_ms = 1_001;
      await waitFor(() => /ENOSPC/.test(log.problem?.detail ?? ''), { what: 'the reason' });
      assert.throws(() => log.requireWritable(), { code: 'audit.unavailable' });
      disk.free();
      await waitFor(() => log.problem === undefined, { what: 'the log to go on' });
      await log.close();
      const { last, problem } = await report(where);
      assert.deepEqual([problem, last?.event], [undefined, 'stop']);
      assert.equal(eventsIn(where).filter((event) => event === 'deliver').length, 100);
    } finally {
      disk.unmount();
    }
  });

  test('what does not fit into the queue of a sink that hangs is counted, and said as soon as it takes lines', async () => {
    const { sink, take, written } = hangingSink();
    const log = logTo(sink);
    for (let count = 0; count < WAITING_MAX + 7; count += 1) {
      log.record('refuse', { secret: 'db' });
    }
    assert.match(log.problem?.detail ?? '', /stdout: 10000 records wait for it/);
    take();
    await waitFor(() => log.problem === undefined, { what: 'the log to go on' });
    await log.close();
    assert.equal(verifyChain(written).problem, undefined);
    const missed = written.map(decodeRecord).filter((record) => record?.event === 'missed');
    assert.match(missed[0]?.detail ?? '', /^7 records could not be written/);
  });

  test('a sink that hangs stops deliveries after five seconds, and not what held the process up before it asked the sink', async () => {
    const { asked, sink, take } = hangingSink();
    const log = logTo(sink);
    log.record('deliver', { secret: 'db' });
    clock_ms = 6_500;
    log.requireWritable();
    await asked;
    clock_ms = 11_500;
    log.requireWritable();
    clock_ms = 11_501;
    assert.throws(() => log.requireWritable(), {
      code: 'audit.unavailable',
      detail: /stdout: it has not taken a line for 5 s/,
    });
    take();
    await waitFor(() => log.problem === undefined, { what: 'the log to go on' });
    await log.close();
  });

  test('while one sink takes lines, another one that does not stops no delivery', async () => {
    const out = new PassThrough();
    writeFileSync(path.join(home.path, 'state'), 'no directory');
    const log = logTo(fileIn(directory), new StreamSink(out));
    log.record('deliver', { secret: 'db' });
    clock_ms = 5_000;
    await waitFor(() => log.problems.some((problem) => problem.startsWith('file: ')), { what: 'the reason' });
    await waitFor(() => log.problem === undefined, { what: 'the other sink' });
    log.requireWritable();
    rmSync(path.join(home.path, 'state'));
    await waitFor(() => log.problems.length === 0, { what: 'the file' });
    await log.close();
    const lines = String(out.read()).split('\n').slice(0, -1);
    assert.deepEqual(
      lines.map((line) => decodeRecord(line)?.event),
      ['start', 'deliver', 'stop'],
    );
    assert.deepEqual([verifyChain(lines).problem, (await report()).problem], [undefined, undefined]);
    assert.deepEqual(eventsIn(), ['start', 'deliver', 'stop']);
  });
});

/** A sink that takes nothing until it is told to. */
function hangingSink(): {
  readonly sink: AuditSink;
  /** Resolves when it has been given lines. */
  readonly asked: Promise<void>;
  readonly take: () => void;
  readonly written: readonly string[];
} {
  const written: string[] = [];
  let ask = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  let take = (): void => undefined;
  const taken = new Promise<void>((resolve) => {
    take = resolve;
  });
  const opened: OpenedSink = {
    position: newChain(),
    remark: undefined,
    beginning: undefined,
    room_bytes: Number.POSITIVE_INFINITY,
    makeRoom: () => Promise.resolve(),
    write: async (lines) => {
      ask();
      await taken;
      written.push(...lines.map(({ line }) => line));
    },
    sync: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  return {
    sink: { name: 'stdout', open: () => Promise.resolve(opened) },
    asked,
    take: () => take(),
    written,
  };
}

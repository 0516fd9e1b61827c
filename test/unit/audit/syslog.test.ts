// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../src/common/index.ts';
import {
  AuditLog,
  decodeRecord,
  LINE_BYTES_MAX,
  parseSyslogAddress,
  type SyslogFacility,
  SyslogSink,
  verifyChain,
} from '../../../src/audit/index.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/cleanup.ts';
import { parseSyslogMessage, withoutRepeats } from '../../support/syslog-messages.ts';
import { type ReceiverOptions, SyslogReceiver } from '../../support/syslog-receiver.ts';
import { TestAuthority } from '../../support/test-certificates.ts';
import { waitFor } from '../../support/wait-for.ts';

const PROCESS_ID = 4711;
const AUTHPRIV = 10;
const [WARNING, NOTICE] = [4, 5];

describe('the audit log by syslog', () => {
  let home: TemporaryDirectory;
  let clock_ms: number;
  let receiver: SyslogReceiver | undefined;
  let logs: AuditLog[];

  beforeEach(() => {
    logs = [];
    home = temporaryDirectory();
    clock_ms = 0;
  });
  afterEach(async () => {
    // Before the logs, which would wait for one that stalls.
    await receiver?.stop();
    receiver = undefined;
    await Promise.all(logs.map((log) => log.close()));
    home.remove();
  });

  async function receiving(options: ReceiverOptions = {}): Promise<SyslogReceiver> {
    receiver = await SyslogReceiver.start(options);
    return receiver;
  }

  function logTo(
    address: string,
    more: { caFile?: string; facility?: SyslogFacility; hostname?: string } = {},
  ): AuditLog {
    const { caFile, facility = 'authpriv', hostname = 'manager-1' } = more;
    const monotonic_ms = (): number => clock_ms;
    const sink = new SyslogSink({
      address: parseSyslogAddress(address),
      caFile,
      facility,
      hostname,
      pid: PROCESS_ID,
      monotonic_ms,
    });
    const log = new AuditLog({
      sinks: [sink],
      node: () => 'node1',
      version: '1.0',
      now_ms: Date.now,
      monotonic_ms,
      logger: silentLogger,
      retry_ms: 5,
    });
    logs.push(log);
    log.start();
    return log;
  }

  const put = (log: AuditLog, ...secrets: readonly string[]): void =>
    secrets.forEach((secret) => log.record('put', { secret }));

  async function arrived(at: SyslogReceiver, ...secrets: readonly string[]): Promise<void> {
    await waitFor(
      () => secrets.every((secret) => at.lines().some((line) => line.includes(`"secret":"${secret}"`))),
      { what: `${secrets.join(', ')} to arrive`, interval_ms: 5 },
    );
  }

  const secretsIn = (lines: readonly string[]): readonly string[] =>
    lines.map((line) => decodeRecord(line)?.secret).filter((secret) => secret !== undefined);

  for (const way of ['tcp', 'unix'] as const) {
    test(`each line is a message of RFC 5424 over ${way}, and the chain is whole as it arrives`, async () => {
      const socket = path.join(home.path, 'syslog');
      const at = await receiving(way === 'unix' ? { path: socket } : {});
      const log = logTo(way === 'unix' ? `unix://${socket}` : `tcp://127.0.0.1:${at.port}`);
      put(log, 'db');
      log.record('refuse', { secret: 'nope', code: 'secret.not-found', detail: 'naïve ☃' });
      await log.close();
      await waitFor(() => at.messages().length === 4, { what: 'all messages' });
      const heads = at.messages().map(({ facility, severity, messageId }) => [facility, severity, messageId]);
      assert.deepEqual(heads, [
        [AUTHPRIV, NOTICE, 'start'],
        [AUTHPRIV, NOTICE, 'put'],
        [AUTHPRIV, WARNING, 'refuse'],
        [AUTHPRIV, NOTICE, 'stop'],
      ]);
      for (const { appName, hostname, processId, text, timestamp } of at.messages()) {
        assert.deepEqual([appName, hostname, processId], ['coffer', 'manager-1', String(PROCESS_ID)]);
        assert.equal(timestamp, decodeRecord(text)?.at);
      }
      const { problem, records } = verifyChain(at.lines());
      assert.deepEqual([problem, records, at.connections], [undefined, 4, 1]);
    });
  }

  test('over UDP each line is one datagram, the longest one too', async () => {
    const server = createSocket('udp4');
    const datagrams: Buffer[] = [];
    server.on('message', (message) => datagrams.push(message));
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    const long = '€'.repeat(400);
    try {
      const log = logTo(`udp://localhost:${server.address().port}`, { hostname: 'h'.repeat(255) });
      log.record('put', {
        secret: long,
        service: long,
        task: long,
        to: long,
        by: long,
        code: long,
        detail: long,
      });
      await log.close();
      await waitFor(() => datagrams.length === 3, { what: 'all datagrams' });
    } finally {
      server.close();
    }
    const lines = datagrams.map((datagram) => parseSyslogMessage(datagram).text);
    assert.deepEqual([verifyChain(lines).problem, verifyChain(lines).records], [undefined, 3]);
    const sizes = datagrams.map(({ length }) => length);
    assert.ok(
      Math.max(...sizes) > 2_500 && Math.max(...sizes) < LINE_BYTES_MAX + 404,
      `${sizes.join(', ')} bytes`,
    );
  });

  test('what syslog cannot say of a host is left out, and the facility is the one that is set', async () => {
    const at = await receiving();
    const log = logTo(`tcp://127.0.0.1:${at.port}`, { hostname: 'no good name', facility: 'local7' });
    await log.close();
    await waitFor(() => at.messages().length === 2, { what: 'the messages' });
    assert.deepEqual(
      at.messages().map(({ facility, hostname }) => [facility, hostname]),
      [
        [23, '-'],
        [23, '-'],
      ],
    );
  });

  test('over TLS the receiver has to show a certificate of that authority for its name', async () => {
    const authority = new TestAuthority();
    const other = new TestAuthority('other');
    const caFile = path.join(home.path, 'ca.pem');
    try {
      const at = await receiving({ tls: authority.leaf('localhost') });
      const log = logTo(`tcp+tls://localhost:${at.port}`, { caFile });
      put(log, 'db');
      const refused = async (refusing: AuditLog, reason: RegExp): Promise<void> => {
        await waitFor(
          () => {
            clock_ms += 2_000;
            return reason.test(refusing.problem?.detail ?? '');
          },
          { what: String(reason) },
        );
      };
      await refused(log, /syslog: tcp\+tls:\/\/localhost:\d+: ENOENT.*ca\.pem/);
      writeFileSync(caFile, other.certificate);
      await refused(log, /tcp\+tls:\/\/localhost:\d+: .*certificate/);
      assert.deepEqual(at.lines(), []);
      writeFileSync(caFile, authority.certificate);
      await arrived(at, 'db');
      assert.equal(log.problem, undefined);
      await log.close();
      await waitFor(() => at.lines().length === 3, { what: 'the last message' });
      assert.equal(verifyChain(at.lines()).problem, undefined);

      await at.stop();
      const elsewhere = await receiving({ tls: authority.leaf('elsewhere') });
      const misled = logTo(`tcp+tls://localhost:${elsewhere.port}`, { caFile });
      await refused(misled, /does not match certificate's altnames/);
      assert.deepEqual(elsewhere.lines(), []);
    } finally {
      authority.remove();
      other.remove();
    }
  });

  test('a receiver that went away and came back has all lines in their order, some of them twice', async () => {
    const at = await receiving();
    const log = logTo(`tcp://127.0.0.1:${at.port}`);
    put(log, 'a', 'b');
    await arrived(at, 'a', 'b');
    clock_ms = 6_000;
    put(log, 'c', 'd');
    await arrived(at, 'c', 'd');
    await at.stop();
    put(log, 'e', 'f');
    clock_ms = 8_000;
    await waitFor(() => /ECONNREFUSED/.test(log.problem?.detail ?? ''), { what: 'the reason' });
    assert.throws(() => log.requireWritable(), { code: 'audit.unavailable' });
    await at.start();
    await arrived(at, 'e', 'f');
    log.requireWritable();
    await log.close();
    const all = ['a', 'b', 'c', 'd', 'e', 'f'];
    await waitFor(() => at.lines().at(-1)?.includes('"stop"'), { what: 'the last message' });
    assert.deepEqual(
      secretsIn(at.lines(1)),
      ['c', 'd', 'e', 'f'],
      'what was sent 2 s before the end comes again',
    );
    assert.deepEqual(secretsIn(withoutRepeats(at.lines())), all);
    assert.equal(verifyChain(withoutRepeats(at.lines())).problem, undefined);
  });

  test('a connection that breaks in the middle of what is sent loses nothing', async () => {
    const at = await receiving();
    const log = logTo(`tcp://127.0.0.1:${at.port}`);
    // Less than is kept to be sent again: the kernel may have all of it when the connection breaks.
    const names = Array.from({ length: 2_500 }, (_, index) => `db-${index}`);
    put(log, ...names);
    for (let round = 1; round <= 3; round += 1) {
      await waitFor(() => at.connections === round && at.lines(round - 1).length > 0, {
        what: `connection ${round} to have brought something`,
        interval_ms: 1,
      });
      at.breakOff();
      put(log, `after-${round}`);
    }
    await log.close();
    await waitFor(() => at.lines().at(-1)?.includes('"stop"'), { what: 'the last message' });
    const lines = withoutRepeats(at.lines());
    assert.equal(verifyChain(lines).problem, undefined);
    assert.deepEqual(secretsIn(lines), [...names, 'after-1', 'after-2', 'after-3']);
    assert.ok(at.connections >= 4);
  });

  test('a receiver that stalls stops deliveries after five seconds, and they go on when it reads again', async () => {
    const socket = path.join(home.path, 'syslog');
    const at = await receiving({ path: socket });
    at.stall();
    const log = logTo(`unix://${socket}`);
    // Far more than the kernel holds for a Unix socket.
    const names = Array.from({ length: 5_000 }, (_, index) => `db-${index}`);
    put(log, ...names);
    log.requireWritable();
    let looks = 0;
    await waitFor(
      () => {
        clock_ms += 5_001;
        looks = log.problem === undefined ? 0 : looks + 1;
        return looks === 3;
      },
      { what: 'the log to stop' },
    );
    assert.throws(() => log.requireWritable(), {
      code: 'audit.unavailable',
      detail: /syslog: it has not taken a line for 5 s/,
    });
    at.goOn();
    await waitFor(() => log.problem === undefined, { what: 'the log to go on' });
    await log.close();
    await waitFor(() => at.lines().at(-1)?.includes('"stop"'), { what: 'the last message' });
    assert.deepEqual([at.connections, secretsIn(at.lines()).length], [1, names.length]);
    assert.equal(verifyChain(at.lines()).problem, undefined);
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../src/common/index.ts';
import {
  AuditLog,
  type AuditSink,
  decodeRecord,
  newChain,
  type OpenedSink,
  verifyChain,
} from '../../../src/audit/index.ts';
import { waitFor } from '../../support/wait-for.ts';

test('a sink that has taken half of what it was given is given the very same lines again', async () => {
  const given: (readonly string[])[] = [];
  let node = '';
  const opened: OpenedSink = {
    position: newChain(),
    remark: undefined,
    beginning: undefined,
    room_bytes: Number.POSITIVE_INFINITY,
    makeRoom: () => Promise.resolve(),
    write: (lines) => {
      given.push(lines.map(({ line }) => line));
      node = 'learned-later';
      return given.length === 1 ? Promise.reject(new Error('taken in part')) : Promise.resolve();
    },
    sync: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const sink: AuditSink = { name: 'stdout', open: () => Promise.resolve(opened) };
  const log = new AuditLog({
    sinks: [sink],
    node: () => node,
    version: '1.0',
    now_ms: Date.now,
    monotonic_ms: () => 0,
    logger: silentLogger,
    retry_ms: 5,
  });
  log.start();
  log.record('put', { secret: 'db' });
  await waitFor(() => given.length >= 1, { what: 'the first try' });
  log.record('put', { secret: 'web' });
  await waitFor(() => given.flat().some((line) => line.includes('"web"')), { what: 'what came later' });
  await log.close();
  const [first = [], second = [], ...later] = given;
  assert.ok(first.length >= 2, 'the start and the first record');
  assert.deepEqual(second, first);
  const lines = [...second, ...later.flat()];
  assert.equal(verifyChain(lines).problem, undefined);
  assert.deepEqual(
    lines.map((line) => decodeRecord(line)?.node),
    ['', '', 'learned-later', 'learned-later'],
  );
});

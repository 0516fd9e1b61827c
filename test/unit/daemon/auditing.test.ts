// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../../src/common/index.ts';
import { Auditing } from '../../../src/daemon/auditing.ts';
import { readSettings } from '../../../src/daemon/index.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { SyslogReceiver } from '../../support/syslog-receiver.ts';

test('a stop waits for a second alone for a syslog receiver that stalls, and the file has its end', async () => {
  const home = temporaryDirectory();
  const socket = path.join(home.path, 'syslog');
  const receiver = await SyslogReceiver.start({ path: socket });
  try {
    receiver.stall();
    const { problem, settings } = readSettings({
      COFFER_STATE: home.path,
      COFFER_AUDIT: 'file,syslog',
      COFFER_AUDIT_SYSLOG: `unix://${socket}`,
    });
    assert.equal(problem, undefined);
    const warnings: string[] = [];
    const auditing = new Auditing({
      settings,
      isSettled: true,
      nodeId: () => 'node1',
      signer: () => undefined,
      unlockedBy: () => 'nobody',
      now_ms: Date.now,
      monotonic_ms: () => performance.now(),
      logger: { ...silentLogger, warn: (sentence) => void warnings.push(sentence) },
    });
    auditing.log.start();
    // Far more than the kernel holds for a Unix socket.
    for (let count = 0; count < 1_500; count += 1) {
      auditing.log.record('put', { secret: `db-${count}` });
    }
    await auditing.stop();
    assert.deepEqual(warnings, ['the audit log ends early']);
    const lines = readFileSync(path.join(home.path, 'audit', 'audit.log'), 'utf8')
      .trimEnd()
      .split('\n');
    assert.equal(lines.length, 1_502);
    assert.match(lines.at(-1) ?? '', /"event":"stop"/);
  } finally {
    await receiver.stop();
    home.remove();
  }
});

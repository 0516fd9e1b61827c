// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { textOf, withPlugin } from './plugin-harness.ts';

const REQUEST = { SecretName: 'db', ServiceName: 'redis', TaskID: 'task1', NodeID: 'node1' };

test('each value that a task is given is written down, and each that it is refused', async () => {
  await withPlugin(async ({ audit, getSecret, put }) => {
    await put('db', 'the value of db');
    await getSecret(REQUEST);
    await getSecret({ ...REQUEST, SecretName: 'other' });
    const whom = { service: 'redis', task: 'task1', to: 'node1', by: 'engine' };
    assert.deepEqual(audit.records, [
      { event: 'deliver', secret: 'db', version: 1, ...whom },
      { event: 'refuse', secret: 'other', ...whom, code: 'secret.not-found' },
    ]);
    assert.ok(!JSON.stringify(audit.records).includes('the value of db'));
  });
});

test('while it cannot be written down nothing is delivered, and then it is again', async () => {
  await withPlugin(async ({ audit, getSecret, put }) => {
    await put('db', 'v');
    audit.problem = new CofferError('audit.unavailable', 'the audit log cannot be written');
    const { Err = '' } = await getSecret(REQUEST);
    assert.match(Err, /\[audit\.unavailable\] the audit log cannot be written/);
    audit.problem = undefined;
    assert.equal(textOf(await getSecret(REQUEST)), 'v');
  });
});

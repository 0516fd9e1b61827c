// SPDX-License-Identifier: Apache-2.0
// What is read of the engines' logs as they grow.
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Canaries } from '../../chaos/canaries.ts';
import { EngineLogs } from '../../chaos/engine-logs.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';

describe('the logs of engines', () => {
  let directory: TemporaryDirectory;
  let file: string;
  let canaries: Canaries;
  let logs: EngineLogs;

  beforeEach(() => {
    directory = temporaryDirectory();
    file = path.join(directory.path, 'log');
    canaries = new Canaries();
    logs = new EngineLogs([{ name: 'engine-1', file }], canaries);
  });
  afterEach(() => directory.remove());

  test('show a value in them once, also one that was half written at the last look', () => {
    const [value = ''] = canaries.make('db').values;
    appendFileSync(file, `all is well\nsaid ${value.slice(0, 10)}`);
    assert.deepEqual(logs.read(), []);
    appendFileSync(file, `${value.slice(10)} aloud\n`);
    const leaks = logs.read();
    assert.deepEqual(
      [...new Set(leaks.map((leak) => `${leak.value} in ${leak.place}`))],
      ['db in the log of engine-1'],
    );
    assert.deepEqual(logs.read(), []);
  });

  test('show a value across the bound of two pieces of a large log', () => {
    const [value = ''] = canaries.make('db').values;
    const piece = 1024 * 1024;
    appendFileSync(file, `${'x'.repeat(piece - 10)}${value}${'y'.repeat(piece)}\n`);
    assert.ok(logs.read().some((leak) => leak.value === 'db'));
  });

  test('tell of deliveries as the daemons wrote them', () => {
    const line = String.raw`time="t" level=debug msg="{\"task\":\"t1\",\"freshness\":\"local\"}" plugin=1`;
    appendFileSync(file, `other\n${line.slice(0, 40)}`);
    logs.read();
    assert.deepEqual(logs.takeDeliveries(), []);
    appendFileSync(file, `${line.slice(40)}\n`);
    logs.read();
    const [told = ''] = logs.takeDeliveries();
    assert.match(told, /"task":"t1","freshness":"local"/);
    assert.deepEqual(logs.takeDeliveries(), []);
  });
});

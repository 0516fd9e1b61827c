// SPDX-License-Identifier: Apache-2.0
// What whoever starts a run with faults may ask for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FAULT_KINDS } from '../../chaos/fault-kinds.ts';
import { readOptions } from '../../chaos/options.ts';

describe('the options of a run', () => {
  test('are ten minutes of all faults, with a seed of its own, by default', () => {
    const options = readOptions({ DURATION: '', SEED: '', FAULTS: '' }, 5_000_123);
    assert.deepEqual(options, { duration_ms: 600_000, seed: 123, faults: FAULT_KINDS });
    assert.deepEqual(readOptions({}, 123), options);
  });

  test('are read as they are written', () => {
    const options = readOptions({ DURATION: '90s', SEED: '17', FAULTS: 'partition, kill-plugin' }, 0);
    assert.deepEqual(options, { duration_ms: 90_000, seed: 17, faults: ['kill-plugin', 'partition'] });
    assert.equal(readOptions({ DURATION: '2h' }, 0).duration_ms, 7_200_000);
    const without = readOptions({ FAULTS: '-partition' }, 0).faults;
    assert.deepEqual(
      without,
      FAULT_KINDS.filter((kind) => kind !== 'partition'),
    );
  });

  test('are refused with a word on what is wrong', () => {
    const refused = (environment: Readonly<Record<string, string>>, word: RegExp): void => {
      assert.throws(() => readOptions(environment, 0), word);
    };
    refused({ DURATION: '10' }, /DURATION .* not 10$/);
    refused({ DURATION: '0m' }, /DURATION/);
    refused({ SEED: 'x' }, /SEED .* not x$/);
    refused({ FAULTS: 'flood' }, /no fault flood; there are: .*kill-plugin/);
    refused({ FAULTS: '-flood' }, /no fault flood/);
    refused({ FAULTS: 'partition,-partition' }, /leaves none/);
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  dockerForm,
  humanAge,
  humanDuration,
  humanSize,
  printable,
  renderTable,
} from '../../../src/cli/text.ts';

test('durations are worded as docker words them', () => {
  const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000];
  const cases: readonly (readonly [number, string])[] = [
    [0, 'Less than a second'],
    [999, 'Less than a second'],
    [second, '1 second'],
    [59 * second, '59 seconds'],
    [minute, 'About a minute'],
    [2 * minute, '2 minutes'],
    [59 * minute, '59 minutes'],
    [hour, 'About an hour'],
    [2 * hour, '2 hours'],
    [47 * hour, '47 hours'],
    [48 * hour, '2 days'],
    [13 * day, '13 days'],
    [14 * day, '2 weeks'],
    [59 * day, '8 weeks'],
    [60 * day, '2 months'],
    [729 * day, '24 months'],
    [730 * day, '2 years'],
  ];
  for (const [duration_ms, text] of cases) {
    assert.equal(humanDuration(duration_ms), text);
  }
  assert.equal(humanAge(5_000, 1_000), 'Less than a second ago');
});

test('sizes have at most three digits', () => {
  const sizes = [0, 17, 999, 1_000, 1_499, 999_400, 999_500, 511_999, 1_073_741_824];
  assert.deepEqual(sizes.map(humanSize), [
    '0B',
    '17B',
    '999B',
    '1kB',
    '1.5kB',
    '999kB',
    '1MB',
    '512kB',
    '1.07GB',
  ]);
});

test('a table has columns as wide as they must be, and no control characters', () => {
  assert.equal(
    renderTable(
      ['A', 'LONG'],
      [
        ['wide cell', 'x'],
        ['\u001b[2J\n', 'y'],
      ],
    ),
    'A           LONG\nwide cell   x\n?[2J?       y',
  );
  assert.equal(printable('a\u009bb\u0000c\u007f'), 'a?b?c?');
});

test("JSON has docker's form, and labels keep their keys", () => {
  assert.deepEqual(
    dockerForm([{ id: 'x', nodeId: 'n', at_ms: 0, createdAt_ms: 1, uptime_ms: 2, labels: { id: 'a_b' } }]),
    [
      {
        ID: 'x',
        NodeID: 'n',
        At: '1970-01-01T00:00:00.000Z',
        CreatedAt: '1970-01-01T00:00:00.001Z',
        Uptime_ms: 2,
        Labels: { id: 'a_b' },
      },
    ],
  );
});

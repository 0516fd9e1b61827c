// SPDX-License-Identifier: Apache-2.0
// What is told of a profile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CpuProfile, cutTo, flameGraph, frameTree, topFunctions } from '../../bench/flame-graph.ts';

function node(id: number, functionName: string, children: readonly number[] = [], url = '') {
  return { id, callFrame: { functionName, url, lineNumber: 6 }, children };
}

/** `main` 1 ms, `work` in it 3 ms in two places, `inner<T>` 4 ms, and 92 ms of rest. */
const PROFILE: CpuProfile = {
  nodes: [
    node(1, '(root)', [2, 6]),
    node(2, 'main', [3, 4], 'file:///x/coffer.cjs'),
    node(3, 'work', [5]),
    node(4, 'work'),
    node(5, 'inner<T>', [7]),
    node(6, '(idle)'),
    node(7, 'work'),
  ],
  samples: [2, 3, 4, 5, 6, 5, 7],
  timeDeltas: [1_000, 1_000, 1_000, 2_000, 92_000, 2_000, 1_000],
  startTime: 5_000,
};

test('the time of a function is its own and that of what it called; rest is none', () => {
  const root = frameTree(PROFILE);
  assert.equal(root.total_us, 8_000);
  const main = root.callees.get('main coffer.cjs:7');
  assert.deepEqual([main?.self_us, main?.total_us, root.callees.size], [1_000, 8_000, 1]);
  const work = main?.callees.get('work');
  assert.deepEqual([work?.self_us, work?.total_us, main?.callees.size], [2_000, 7_000, 1]);
});

test('the list begins with what took the most time, and counts what calls itself once', () => {
  assert.deepEqual(topFunctions(frameTree(PROFILE), 2).split('\n'), [
    '     share    own ms    all ms  function',
    '    50.0 %       4.0       5.0  inner<T>',
    '    37.5 %       3.0       7.0  work',
    '',
  ]);
});

test('a profile can be cut to what was seen in some time', () => {
  const cut = cutTo(PROFILE, [{ from_us: 7_000, to_us: 10_001 }]);
  assert.deepEqual(
    [cut.samples, cut.timeDeltas],
    [
      [3, 4, 5],
      [1_000, 1_000, 2_000],
    ],
  );
  assert.equal(frameTree(cut).total_us, 4_000);
  assert.deepEqual(cutTo(PROFILE, [{ from_us: 0, to_us: Infinity }]).samples, PROFILE.samples);
  const ends = [
    { from_us: 0, to_us: 6_001 },
    { from_us: 105_000, to_us: Infinity },
  ];
  assert.deepEqual(cutTo(PROFILE, ends).samples, [2, 7]);
});

test('a function is named by its source where that is known', () => {
  const root = frameTree(PROFILE, ({ url }) => (url === '' ? undefined : 'src/main.ts:3'));
  assert.deepEqual([...root.callees.keys()], ['main src/main.ts:3']);
});

test('what is narrower than is asked for is left out of the picture', () => {
  const boxes = [...flameGraph(frameTree(PROFILE), 800).matchAll(/<title>/g)];
  assert.equal(boxes.length, 3);
});

test('the picture has a box for each call below the one that made it, as wide as its time', () => {
  const svg = flameGraph(frameTree(PROFILE));
  const boxes = [...svg.matchAll(/<title>(.*?): .*? x="([\d.]+)" y="(\d+)" width="([\d.]+)"/g)];
  assert.deepEqual(
    boxes.map(([, ...cells]) => cells),
    [
      ['all', '0.0', '0', '1200.0'],
      ['main coffer.cjs:7', '0.0', '16', '1200.0'],
      ['work', '0.0', '32', '1050.0'],
      ['inner&lt;T&gt;', '0.0', '48', '750.0'],
      ['work', '0.0', '64', '150.0'],
    ],
  );
});

test('a profile of nothing is an empty picture', () => {
  const root = frameTree({ nodes: [], samples: [], timeDeltas: [], startTime: 0 });
  assert.match(flameGraph(root), /^<svg [^>]*height="16"[\s\S]*<\/svg>\n$/);
  assert.equal(topFunctions(root, 5).split('\n').length, 2);
});

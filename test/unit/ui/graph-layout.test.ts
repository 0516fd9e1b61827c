// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BOX,
  type GraphLayout,
  layoutUsers,
  SERVICES_MAX,
  TASKS_PER_SERVICE_MAX,
} from '../../../src/ui/graph-layout.ts';
import { inOrder } from '../../../src/ui/holders.ts';
import { aHolder } from './played-daemon.ts';

const SECRET = { name: 'db', version: 3 };

/** `kind text: detail (state)`, as they stand in the picture. */
function told({ boxes }: GraphLayout): readonly string[] {
  return boxes.map(({ detail, kind, state, text }) => `${kind} ${text}: ${detail} (${state})`);
}

/** `from - to (state)`. */
function joined({ lines }: GraphLayout): readonly string[] {
  return lines.map(({ from, state, to }) => `${from.text} - ${to.text} (${state})`);
}

describe('the picture of the users of a secret', () => {
  test('leads from the secret to services, tasks and nodes, and marks what is old on the whole way', () => {
    const layout = layoutUsers(SECRET, [
      aHolder('db', 1, { state: 'stale', version: 2, pinned: true }),
      aHolder('db', 2),
      aHolder('db', 3, {
        service: undefined,
        task: undefined,
        container: { id: 'c'.repeat(64), name: 'tool' },
        node: { id: 'node-id-1', hostname: 'worker-1' },
        state: 'unknown',
        version: undefined,
      }),
    ]);
    assert.deepEqual(told(layout), [
      'secret db: version 3 (current)',
      'node worker-1: node (stale)',
      'node worker-2: node (current)',
      'service web: 2 users (stale)',
      'task task task10000000: version 2, stale, pinned (stale)',
      'task task task20000000: version 3 (current)',
      'service container tool: 1 user (unknown)',
      'task container cccccccccccc: version unknown (unknown)',
    ]);
    assert.deepEqual(joined(layout), [
      'db - web (stale)',
      'web - task task10000000 (stale)',
      'task task10000000 - worker-1 (stale)',
      'web - task task20000000 (current)',
      'task task20000000 - worker-2 (current)',
      'db - container tool (unknown)',
      'container tool - container cccccccccccc (unknown)',
      'container cccccccccccc - worker-1 (unknown)',
    ]);
  });

  test('boxes lie inside the picture, and none on another, however many there are', () => {
    for (const count of [1, 2, 7, 40, 500]) {
      const entries = Array.from({ length: count }, (_none, at) =>
        aHolder('db', at, { service: { id: `s${at % 17}`, name: `s${at % 17}` } }),
      );
      const { boxes, height, width } = layoutUsers(SECRET, entries);
      assert.ok(boxes.length <= 1 + (SERVICES_MAX + 1) + 2 * SERVICES_MAX * TASKS_PER_SERVICE_MAX + 1);
      for (const [at, { x, y }] of boxes.entries()) {
        assert.ok(
          x >= 0 && y >= 0 && x + BOX.width <= width && y + BOX.height <= height,
          `${count}: box ${at}`,
        );
        const touched = boxes.filter((other) => other.x === x && Math.abs(other.y - y) < BOX.height);
        assert.equal(touched.length, 1, `${count}: nothing lies on box ${at}`);
      }
    }
  });

  test('of many tasks and services, those with an old version are shown, and the others together', () => {
    const many = Array.from({ length: 50 }, (_none, at) =>
      aHolder('db', at, at === 30 ? { state: 'removed' } : {}),
    );
    const words = told(layoutUsers(SECRET, inOrder(many)));
    const tasks = words.filter((text) => text.startsWith('task'));
    assert.equal(tasks.length, TASKS_PER_SERVICE_MAX);
    assert.match(tasks[0] ?? '', /task30.*removed/);
    assert.equal(tasks.at(-1), 'task 45 more: on 45 nodes (current)');
    const services = Array.from({ length: 20 }, (_none, at) =>
      aHolder('db', at, { service: { id: `s${at}`, name: `s${at}` }, ...(at === 19 && { state: 'stale' }) }),
    );
    const shown = told(layoutUsers(SECRET, inOrder(services))).filter((text) => text.startsWith('service'));
    assert.equal(shown.length, SERVICES_MAX + 1);
    assert.equal(shown[0], 'service s19: 1 user (stale)');
    assert.equal(shown.at(-1), 'service 8 more: 8 users (current)');
  });
});

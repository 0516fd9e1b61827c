// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';
import { currentRequest, outsideRequests, RequestContext } from '../../../src/common/index.ts';

test('an id that is well-formed stays, and any other is replaced', () => {
  for (const id of ['a', 'req-1.2_3~4', 'x'.repeat(64)]) {
    assert.equal(new RequestContext(id).id, id);
  }
  const bad = ['', ' a', 'a\nb', 'é', 'a b', '{"a":1}', '../x', 'x'.repeat(65), ['a', 'b'], undefined];
  for (const id of bad) {
    assert.match(new RequestContext(id).id, /^[0-9a-f]{16}$/, JSON.stringify(id));
  }
  assert.notEqual(new RequestContext().id, new RequestContext().id);
});

test('the id goes along over awaits and timers, and two at a time do not meet', async () => {
  const work = async (): Promise<readonly (string | undefined)[]> => {
    const before = currentRequest();
    await nextTurn();
    return [before, await new Promise((resolve) => setTimeout(() => resolve(currentRequest()), 1))];
  };
  const seen = await Promise.all(['one', 'two'].map((id) => new RequestContext(id).run(work)));
  assert.deepEqual(seen, [
    ['one', 'one'],
    ['two', 'two'],
  ]);
  assert.equal(currentRequest(), undefined);
});

test('what goes on after the answer is for no request', async () => {
  const context = new RequestContext('one');
  const later = context.run(async () => {
    await nextTurn();
    return currentRequest();
  });
  context.end();
  assert.equal(await later, undefined);
});

test('what is done for several at once is for none of them', () => {
  new RequestContext('one').run(() => {
    assert.equal(
      outsideRequests(() => currentRequest()),
      undefined,
    );
    assert.equal(currentRequest(), 'one');
  });
});

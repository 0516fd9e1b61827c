// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
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
  const contexts = ['one', 'two'].map((id) => new RequestContext(id));
  const seen = await Promise.all(contexts.map((context) => context.run(work)));
  assert.deepEqual(seen, [
    ['one', 'one'],
    ['two', 'two'],
  ]);
  assert.equal(currentRequest(), undefined);
  contexts.forEach((context) => context.end());
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

test('nothing is followed any longer when the last request is answered, and the next one is again', async (t) => {
  const disable = t.mock.method(AsyncLocalStorage.prototype, 'disable');
  const work = async (): Promise<string | undefined> => {
    await nextTurn();
    await nextTurn();
    return currentRequest();
  };
  const [first, second] = [new RequestContext('one'), new RequestContext('two')];
  const ofFirst = first.run(work);
  const ofSecond = second.run(work);
  first.end();
  await nextTurn();
  assert.equal(disable.mock.callCount(), 0, 'while the second goes on');
  assert.deepEqual(await Promise.all([ofFirst, ofSecond]), [undefined, 'two']);
  second.end();
  await nextTurn();
  assert.equal(disable.mock.callCount(), 1);
  const third = new RequestContext('three');
  assert.equal(await third.run(work), 'three');
  third.end();
});

test('what is begun for a request that is answered is for none', () => {
  const context = new RequestContext('one');
  context.end();
  assert.equal(context.run(currentRequest), undefined);
  const other = new RequestContext('two');
  other.run(() => assert.equal(context.run(currentRequest), undefined));
  other.end();
});

test('what is done for several at once is for none of them', () => {
  const context = new RequestContext('one');
  context.run(() => {
    assert.equal(
      outsideRequests(() => currentRequest()),
      undefined,
    );
    assert.equal(currentRequest(), 'one');
  });
  context.end();
});

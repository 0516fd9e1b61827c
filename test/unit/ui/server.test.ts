// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { aSecret, NOW_MS } from './played-daemon.ts';
import { type PageRequest, Visitor } from './ui-harness.ts';

describe("the web page's server", () => {
  test('every answer forbids what others could make of it', async (context) => {
    const visitor = await Visitor.signedIn(context);
    for (const path of ['/', '/style.css', '/script.js', '/icon.svg', '/none', `${visitor.place}cluster`]) {
      const { headers } = await visitor.ask(path);
      const policy = headers['content-security-policy'] ?? '';
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/, path);
      assert.match(policy, /form-action 'self'; base-uri 'none'; frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe|data:|\*/);
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['referrer-policy'], 'same-origin');
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
    }
  });

  test('the link signs in once, to a place and with a cookie that nobody can guess', async (context) => {
    const visitor = await Visitor.come(context);
    assert.match(visitor.server.link, /^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/);
    const { headers } = await visitor.signIn();
    assert.match(headers['location'] ?? '', /^\/[\w-]{22}\/cluster$/);
    assert.match(
      headers['set-cookie'] ?? '',
      /^coffer-ui=[\w-]{43}; Path=\/[\w-]{22}\/; HttpOnly; SameSite=Strict$/,
    );
    assert.equal((await visitor.page('cluster')).status, 200);
    const again = await visitor.signIn();
    assert.equal(again.status, 403);
    assert.equal(again.headers['set-cookie'], undefined);
  });

  test('nothing is told without the place and the cookie together', async (context) => {
    const visitor = await Visitor.signedIn(context);
    visitor.daemon.asked.length = 0;
    const { cookie, place } = visitor;
    for (const [path, brought] of [
      [`${place}cluster`, ''],
      [`${place}cluster`, 'coffer-ui=wrong'],
      ['/cluster', cookie],
      [`/${'a'.repeat(22)}/secrets`, cookie],
      [`${place}none`, 'other=1'],
    ] as const) {
      visitor.cookie = brought;
      assert.equal((await visitor.ask(path)).status, 401, `${path} ${brought}`);
    }
    assert.deepEqual(visitor.daemon.asked, []);
  });

  test('only a name of this machine leads here, through whatever port', async (context) => {
    const visitor = await Visitor.signedIn(context);
    const told: Readonly<Record<string, number>> = {
      '127.0.0.1:1': 200,
      'localhost:7380': 200,
      localhost: 200,
      'evil.example': 403,
      'evil.example:80': 403,
      '127.0.0.1.evil.example': 403,
      'localhost.evil.example:80': 403,
      '127.0.0.1:1:1': 403,
      '[::1]:80': 403,
      '': 403,
    };
    for (const [host, status] of Object.entries(told)) {
      assert.equal((await visitor.page('cluster', { headers: { host } })).status, status, host);
    }
  });

  test('what changes something comes from a page of this server, with the form of this session', async (context) => {
    const visitor = await Visitor.signedIn(context);
    visitor.daemon.stored = [aSecret('db')];
    const form = { secret: 'db', expect: '3', spec: 'hex:16', minutes: '10' };
    const { host } = new URL(visitor.server.address);
    const refused: readonly (readonly [string, PageRequest])[] = [
      ['no form token', { form }],
      ['another form token', { form: { ...form, form: 'a'.repeat(43) } }],
      ['no origin', { form, headers: { origin: null } }],
      ['origin null', { form, headers: { origin: 'null' } }],
      ['another origin', { form, headers: { origin: 'http://evil.example' } }],
      ['another port', { form, headers: { origin: 'http://127.0.0.1:1' } }],
      ['another scheme', { form, headers: { origin: `https://${host}` } }],
      ['another site', { form, headers: { 'sec-fetch-site': 'cross-site' } }],
      ['the same site', { form, headers: { 'sec-fetch-site': 'same-site' } }],
    ];
    for (const [what, request] of refused) {
      assert.equal((await visitor.page('rotate', request)).status, 403, what);
    }
    assert.ok(!visitor.daemon.asked.includes('rotate'));
    assert.equal((await visitor.ask('/sign-in', { form, headers: { origin: null } })).status, 403);
    const begun = await visitor.send('rotate', form);
    assert.equal(begun.status, 303);
    assert.deepEqual(visitor.daemon.wish, { value: { spec: 'hex:16' }, expect: 3, timeout_ms: 600_000 });
  });

  test('requests are bounded, and other methods and forms are none', async (context) => {
    const visitor = await Visitor.signedIn(context);
    assert.equal((await visitor.page('rotate', { form: { secret: 'a'.repeat(5_000) } })).status, 413);
    const json = { form: {}, headers: { 'content-type': 'application/json' } };
    assert.equal((await visitor.page('rotate', json)).status, 400);
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      assert.equal((await visitor.page('cluster', { method })).status, 405, method);
    }
    assert.equal((await visitor.page('none')).status, 404);
    assert.equal((await visitor.page('secret/more')).status, 404);
    assert.equal((await visitor.send('none', {})).status, 404);
    assert.equal((await visitor.ask('//[', {})).status, 400);
    const { body, status } = await visitor.page('cluster', { method: 'HEAD' });
    assert.deepEqual([status, body], [200, '']);
    for (let tries = 0; tries < 9; tries += 1) {
      assert.equal((await visitor.signIn('wrong')).status, 403);
    }
    assert.equal((await visitor.signIn('wrong')).status, 429);
  });

  test('signing out ends it, and so does time', async (context) => {
    const visitor = await Visitor.signedIn(context);
    assert.match((await visitor.send('sign-out', {})).body, /You are signed out/);
    assert.equal((await visitor.page('cluster')).status, 401);
    assert.equal(await visitor.server.over, 'signed-out');

    const late = await Visitor.signedIn(context);
    late.now_ms = NOW_MS + 31 * 60_000;
    assert.equal((await late.page('cluster')).status, 401);
    assert.equal(await late.server.over, 'expired');
  });

  test('a daemon that does not answer is told on the page', async (context) => {
    const visitor = await Visitor.signedIn(context);
    visitor.daemon.problem = new CofferError('store.locked', 'it is <locked>', {
      hint: 'docker coffer unlock',
    });
    const cluster = await visitor.page('cluster');
    assert.equal(cluster.status, 200);
    assert.match(cluster.body, /It is &lt;locked&gt;<br><span class="hint">Docker coffer unlock/i);
    assert.equal((await visitor.page('secrets')).status, 503);
    assert.equal((await visitor.page('rotation?secret=db&id=x')).status, 503);
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CERTIFICATE_LABELS } from '../../../src/secrets/index.ts';
import { html, place } from '../../../src/ui/html.ts';
import { aHolder, aManager, aRotation, aSecret, NOW_MS } from './played-daemon.ts';
import { Visitor } from './ui-harness.ts';

const HOSTILE = `"><script>alert('x')</script>&\u202e\u0007`;
const TAME = '&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;??';

describe('markup', () => {
  test('text is escaped wherever it stands, and markup is not escaped again', () => {
    const inner = html`<b title="${HOSTILE}">${HOSTILE}</b>`;
    assert.equal(inner.markup, `<b title="${TAME}">${TAME}</b>`);
    assert.equal(html`${[inner, 'a<', 1]}${undefined}${false}`.markup, `${inner.markup}a&lt;1`);
  });

  test('a place has its query encoded', () => {
    assert.equal(
      place('secret', { name: 'a&b=c d', page: 2, q: undefined }),
      'secret?name=a%26b%3Dc+d&page=2',
    );
    assert.equal(place('secrets'), 'secrets');
  });
});

describe('pages', () => {
  test('names, labels and messages of others stay text', async (context) => {
    const visitor = await Visitor.signedIn(context);
    const { daemon } = visitor;
    daemon.stored = [aSecret('db', { labels: { [HOSTILE]: HOSTILE }, origin: HOSTILE as 'control' })];
    daemon.holders = [
      aHolder('db', 1, {
        service: { id: HOSTILE, name: HOSTILE },
        task: HOSTILE,
        node: { id: HOSTILE, hostname: HOSTILE },
      }),
    ];
    daemon.managers = [aManager(HOSTILE)];
    daemon.remembered = [
      aRotation({
        problem: HOSTILE,
        phase: 'failed',
        services: [{ id: HOSTILE, name: HOSTILE, state: 'failed' }],
      }),
    ];
    const record = { seq: 1, at: HOSTILE, chain: 'c', node: 'n', prev: 'p', event: HOSTILE };
    daemon.written = [{ ...record, secret: HOSTILE, service: HOSTILE, code: HOSTILE }];
    const query = encodeURIComponent(HOSTILE);
    for (const page of [
      'cluster',
      `secrets?q=${query}`,
      'secret?name=db',
      'rotate?secret=db',
      'rotations',
      `rotation?secret=db&id=${'r'.repeat(25)}`,
      `audit?secret=${query}&event=${query}`,
      `secret?name=${query}`,
      query,
    ]) {
      const { body } = await visitor.page(page);
      assert.doesNotMatch(body, /<script>|<\/script>&|alert\('/, page);
      assert.doesNotMatch(body, /\p{Bidi_Control}/u, page);
      assert.doesNotMatch(body, / style=| on\w+=|javascript:/, page);
    }
  });

  test('the cluster page tells what is wrong first, and who is behind in the log', async (context) => {
    const visitor = await Visitor.signedIn(context);
    visitor.daemon.managers = [
      aManager('two', { matchIndex: 93 }),
      aManager('one', { leader: true, self: true }),
      aManager('three', { status: 'down', certificate: { notAfter_ms: NOW_MS - 1, authorityDigest: 'd' } }),
    ];
    const { body } = await visitor.page('cluster');
    assert.match(body, /data-level="warning">1 finding, 0 failures/);
    assert.match(body, /it is &lt;b&gt;slow&lt;\/b&gt;.*<code>chronyc makestep<\/code>/);
    assert.match(
      body,
      /one<\/strong> \(answers here\)[^]*Leader[^]*nothing[^]*three[^]*Unreachable[^]*expired/,
    );
    assert.match(body, /two<\/strong>[^]*7 entries/);
    assert.match(body, /keys are sealed/);
    assert.match(body, /none: backups are made by hand alone/);
  });

  test('a daemon that does not serve says so once', async (context) => {
    const visitor = await Visitor.signedIn(context);
    const { daemon } = visitor;
    const reason = { code: 'store.locked', message: 'the keys are sealed', hint: 'unlock it' };
    daemon.state = { ...daemon.state, state: 'degraded', reason };
    const { body } = await visitor.page('cluster');
    assert.match(body, /The keys are sealed<br><span class="hint">Unlock it/);
    assert.match(body, /This node[^]*degraded/);
    assert.doesNotMatch(body, /Managers|Backups/);
  });

  test('a hundred workers are shown in pages', async (context) => {
    const visitor = await Visitor.signedIn(context);
    visitor.daemon.managers = Array.from({ length: 100 }, (_none, at) =>
      aManager(`w${at}`, { role: 'worker', address: '', ...(at === 99 && { status: 'down' }) }),
    );
    const first = (await visitor.page('cluster')).body;
    assert.match(first, /There is no manager[^]*w0<[^]*w24<[^]*Page 1 of 4, 100 in all/);
    assert.doesNotMatch(first, /w25</);
    assert.match((await visitor.page('cluster?page=4')).body, /w99<[^]*data-level="failure">Down/);
  });

  test('a thousand secrets are searched and paged by the server', async (context) => {
    const visitor = await Visitor.signedIn(context);
    const { daemon } = visitor;
    daemon.stored = Array.from({ length: 1_000 }, (_none, at) =>
      aSecret(`s${at}`, at % 10 === 0 ? { labels: { env: 'prod' } } : {}),
    );
    daemon.holders = [aHolder('s7', 1, { state: 'stale', version: 2 }), aHolder('s7', 2), aHolder('s8', 3)];
    const first = (await visitor.page('secrets')).body;
    assert.ok(first.length < 60_000, `${first.length} bytes`);
    assert.match(first, /1000 secrets/);
    assert.match(first, /Page 1 of 20/);
    assert.match(first, /s7<\/a>[^]*>2 <span class="mark" data-level="warning">1 stale/);
    assert.match((await visitor.page('secrets?page=20')).body, /s999<\/a>/);
    assert.match((await visitor.page('secrets?page=9999')).body, /Page 20 of 20/);
    assert.match((await visitor.page('secrets?q=S99')).body, /11 secrets of 1000/);
    assert.match((await visitor.page('secrets?q=env%3Dprod')).body, /100 secrets of 1000/);
    assert.match((await visitor.page('secrets?stale=1')).body, /1 secret of 1000/);
    assert.match((await visitor.page('secrets?q=none')).body, /No secret is like that/);
  });

  test('a secret with users on many nodes is a picture and a table of bounded size', async (context) => {
    const visitor = await Visitor.signedIn(context);
    const { daemon } = visitor;
    daemon.stored = [aSecret('db')];
    daemon.holders = Array.from({ length: 2_000 }, (_none, at) =>
      aHolder('db', at, {
        service: { id: `s${at % 40}`, name: `service-${at % 40}` },
        ...(at === 1_234 && { state: 'stale' as const, version: 2 }),
      }),
    );
    const { body } = await visitor.page('secret?name=db');
    assert.ok(body.length < 120_000, `${body.length} bytes`);
    assert.match(body, /2000 users/);
    assert.match(body, /Page 1 of 80/);
    assert.match(body, /<svg role="img"[^]*28 more[^]*<\/svg>/);
    // Whoever has the old version comes first, in both.
    assert.match(body, /<tbody[^>]*>\s*<tr role="row"><td[^>]*>service-34<\/td>[^]*stale/);
    assert.match(body, /data-kind="task" data-state="stale"/);
    assert.match((await visitor.page('secret?name=db&page=80')).body, /Page 80 of 80/);
  });

  test('the audit trail is paged from its newest record on', async (context) => {
    const visitor = await Visitor.signedIn(context);
    visitor.daemon.written = Array.from({ length: 120 }, (_none, at) => ({
      seq: at + 1,
      at: '2026-01-15T11:00:00.000Z',
      chain: 'c',
      node: 'n',
      prev: 'p',
      event: 'put',
      secret: `s${at + 1}-`,
    }));
    const first = (await visitor.page('audit')).body;
    assert.match(first, /s120-[^]*s71-/);
    assert.doesNotMatch(first, /s70-/);
    assert.match(first, /href="audit\?page=2">Older/);
    const last = (await visitor.page('audit?page=3')).body;
    assert.match(last, /s20-[^]*s1-[^]*<span class="off">Older/);
    assert.doesNotMatch(first, /The chain is whole/);
    assert.match((await visitor.page('audit?verify=1')).body, /The chain is whole: 7 records/);
  });

  test('a rotation is told as it goes on, and stays when it has ended', async (context) => {
    const visitor = await Visitor.signedIn(context);
    const { daemon } = visitor;
    daemon.remembered = [aRotation()];
    const where = `secret=db&id=${'r'.repeat(25)}`;
    const page = (await visitor.page(`rotation?${where}`)).body;
    assert.match(page, /data-progress="progress\?secret=db&amp;id=r+"/);
    assert.match(page, /id="service-s2" data-state="updating">web is being updated/);
    assert.match(page, /<progress max="2" value="1">/);
    assert.match(page, /Cancel: back to the value before/);
    const { body, headers } = await visitor.page(`progress?${where}`);
    assert.equal(headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(body), {
      level: 'running',
      ended: false,
      sentence: 'db: version 4 is on its way to 2 services',
      held: '',
      services: [
        { id: 's1', state: 'updated', text: 'api has the new version' },
        { id: 's2', state: 'updating', text: 'web is being updated' },
      ],
      done: 1,
      total: 2,
    });
    daemon.remembered = [aRotation({ phase: 'done', endedAt_ms: NOW_MS })];
    const ended = (await visitor.page(`rotation?${where}`)).body;
    assert.doesNotMatch(ended, /data-progress|Cancel/);
    assert.match(ended, /data-level="ok">db: version 4/);
    assert.equal((await visitor.page('progress?secret=db&id=other')).status, 404);
  });

  test('a value that is not good for ever is marked when its end is near', async (context) => {
    const visitor = await Visitor.signedIn(context);
    const day_ms = 86_400_000;
    visitor.daemon.stored = [
      aSecret('far', { expiresAt_ms: NOW_MS + 40 * day_ms }),
      aSecret('near', { expiresAt_ms: NOW_MS + 3 * day_ms }),
      aSecret('over', { expiresAt_ms: NOW_MS - 2 * day_ms }),
    ];
    const { body } = await visitor.page('secrets');
    assert.match(body, /far<\/a>[^]*data-heading="Expires">in 5 weeks<[^]*near<\/a>/);
    assert.match(body, /near<\/a>[^]*data-level="warning">in 3 days<[^]*over<\/a>/);
    assert.match(body, /over<\/a>[^]*data-level="failure">expired 2 days ago</);
    assert.match((await visitor.page('secret?name=near')).body, /Expires[^]*data-level="warning">in 3 days/);
  });

  test('a certificate is told as one, and made anew as its labels say', async (context) => {
    const visitor = await Visitor.signedIn(context);
    const { daemon } = visitor;
    const certificate = { subject: 'web', names: 'DNS:<web>', serial: '1', notAfter_ms: NOW_MS + 60_000 };
    daemon.stored = [aSecret('tls', { labels: { [CERTIFICATE_LABELS.name]: 'web' }, certificate })];
    daemon.holders = [aHolder('tls', 1, { version: undefined, sealed: 'ab12' })];
    const { body } = await visitor.page('secret?name=tls');
    assert.match(body, /for DNS:&lt;web&gt;, <span class="mark" data-level="warning">expires in/);
    assert.match(body, /<td role="cell" data-heading="Version">sealed</);
    const form = (await visitor.page('rotate?secret=tls')).body;
    assert.doesNotMatch(form, /name="spec"/);
    const begun = await visitor.send('rotate', { secret: 'tls', expect: '3', anew: '1', minutes: '2' });
    assert.equal(begun.status, 303);
    assert.deepEqual(daemon.wish, { value: 'as-its-labels-say', expect: 3, timeout_ms: 120_000 });
  });

  test('what cannot be begun is said in the form, which has no place for a value', async (context) => {
    const visitor = await Visitor.signedIn(context);
    const { daemon } = visitor;
    daemon.stored = [aSecret('db', { labels: { 'coffer.generate': 'password:24' } })];
    const { body } = await visitor.page('rotate?secret=db');
    assert.match(body, /name="spec" value="password:24"/);
    assert.doesNotMatch(body, /name="value"|textarea|type="file"/);
    const wrong = await visitor.send('rotate', { secret: 'db', expect: '3', spec: 'hex:1', minutes: '0' });
    assert.equal(wrong.status, 400);
    assert.match(wrong.body, /The minutes are a number from 1 to 1440[^]*value="hex:1"/);
    assert.ok(!daemon.asked.includes('rotate'));
    const cancelled = await visitor.send('cancel', { secret: 'db' });
    assert.equal(cancelled.headers['location'], `rotation?secret=db&id=${'r'.repeat(25)}`);
  });
});

// SPDX-License-Identifier: Apache-2.0
// The web page in a real browser, of a real manager, whose engine is played: it has a hundred nodes.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Browser, whyNoBrowser } from '../support/browser.ts';
import type { BrowserTab } from '../support/browser-tab.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { inParallel } from '../support/secret-calls.ts';
import { UpdatingSwarm } from '../support/updating-swarm.ts';
import { WebPage } from '../support/web-page.ts';

const NODES = 100;
const SECRETS = 1_000;
/** However many secrets and users there are. */
const PAGE_BYTES_MAX = 100_000;
const ELEMENTS_MAX = 1_500;

describe('the web page in a browser', { skip: whyNoBrowser() ?? false }, () => {
  const canary = `canary-${randomBytes(12).toString('hex')}`;
  let swarm: UpdatingSwarm;
  let cluster: ManagerCluster;
  let manager: ManagerProcess;
  let browser: Browser;
  let storing: Promise<void>;
  let page: WebPage;
  let tab: BrowserTab;

  before(async () => {
    swarm = await UpdatingSwarm.start(NODES);
    const env = { COFFER_ENGINE_SOCKET: swarm.engine.socketPath, COFFER_DRIVER: 'coffer' };
    [cluster, browser] = await Promise.all([
      ManagerCluster.start({ size: 1, common: { env } }),
      Browser.start(),
    ]);
    manager = cluster.at(0);
    swarm.pluginSocket = manager.pluginSocket;
    await manager.put('db_password', `${canary}-1`);
    swarm.engine.addSecret('db_password', 'coffer');
    await swarm.addService('web', 'db_password', NODES);
    await manager.put('db_password', `${canary}-2`);
    await swarm.addService('api', 'db_password', 3);
    // They are stored while the first stories go on.
    storing = storeMany();
    page = await WebPage.start(manager.controlSocket);
    tab = await browser.tab();
  });
  after(async () => {
    await storing?.catch(() => undefined);
    await page?.interrupt();
    await browser?.stop();
    await cluster?.destroy();
    await swarm?.remove();
  });

  function storeMany(): Promise<void> {
    const names = Array.from({ length: SECRETS }, (_none, at) => `many-${at}`);
    return inParallel(names, 16, async (name) => {
      await manager.put(name, `${canary}-${name}`);
    });
  }

  test('the link signs in by itself, and is good for nobody else then', async () => {
    await tab.goto(page.link);
    await tab.heading('Cluster');
    assert.match(await tab.text(), /Leader[^]*expires in[^]*Backups/);
    assert.equal(await tab.evaluate('document.cookie'), '', 'no script can read the cookie');
    const other = await browser.tab();
    await other.goto(page.link);
    await other.until(`document.querySelector('.note') !== null`, 'the refusal');
    assert.match(await other.text(), /not the one, was used before/);
    assert.doesNotMatch(await other.evaluate<string>('location.href'), /token/);
  });

  test('a rotation is begun and followed to its end by the keyboard alone', async () => {
    swarm.hold();
    await tab.tabTo('Secrets');
    await tab.press('Enter');
    await tab.heading('Secrets');
    await tab.tabTo('Name, or label key=value');
    await tab.type('DB_');
    await tab.press('Enter');
    await tab.until(
      `location.search.includes('DB_') && document.readyState === 'complete'`,
      'what was found',
    );
    await tab.tabTo('db_password');
    await tab.press('Enter');
    await tab.heading('db_password');
    await tab.tabTo('Rotate db_password');
    await tab.press('Enter');
    await tab.heading('Rotate db_password');
    assert.match(await tab.text(), /2 services: api, web|2 services: web, api/);
    await tab.tabTo('Rotate db_password');
    await tab.press('Enter');
    await tab.heading('Rotation of db_password');
    await tab.until(
      `document.body.innerText.includes('is being updated')`,
      'the first service to be updated',
    );
    assert.match(await tab.text(), /version 3 is on its way to 2 services/);
    swarm.letGo();
    await tab.until(
      `document.querySelector('[data-outcome]').dataset.level === 'ok'`,
      'the end of the rotation',
    );
    const told = await tab.text();
    assert.match(told, /version 3; 2 services have it/);
    assert.match(told, /api has the new version[^]*web has the new version/);
    assert.equal(await tab.evaluate(`document.querySelector('progress').position`), 1);
    assert.equal(await tab.evaluate(`document.querySelector('#cancel')`), null);
    const news = `document.querySelector('[role=log][aria-live=polite]').innerText`;
    assert.match(await tab.evaluate<string>(news), /web has the new version[^]*2 services have it/);
  });

  test('a rotation that is cancelled goes back', async () => {
    swarm.hold();
    const form = new URL('rotate?secret=db_password', await tab.evaluate<string>('location.href')).href;
    await tab.goto(form);
    await tab.heading('Rotate db_password');
    await tab.evaluate(`document.querySelector('form.begin').requestSubmit()`);
    await tab.heading('Rotation of db_password');
    await tab.until(`document.body.innerText.includes('is being updated')`, 'it to be under way');
    await tab.tabTo('Cancel: back to the value before');
    await tab.press('Enter');
    await tab.until(
      `/goes back|rolled back/.test(document.querySelector('[data-outcome]').textContent)`,
      'it to go back',
    );
    swarm.letGo();
    await tab.until(
      `/rolled back/.test(document.querySelector('[data-outcome]').textContent)`,
      'the old value',
    );
    assert.match(await tab.text(), /version 5 has the old value again/);
  });

  test('a secret shows who has which version, to those who see and to those who do not', async () => {
    await manager.put('db_password', `${canary}-3`);
    await tab.goto(new URL('secret?name=db_password', await tab.evaluate<string>('location.href')).href);
    await tab.heading('db_password');
    const graph = await tab.evaluate<string>(`document.querySelector('svg').textContent`);
    for (const told of [
      'db_password, version 6',
      'web, 100 users',
      '95 more',
      'worker-001',
      'version 5, stale',
    ]) {
      assert.ok(graph.includes(told), `${told} is in the picture`);
    }
    const spoken = await tab.spoken();
    const roles = new Set(spoken.map(({ role }) => role));
    for (const role of [
      'banner',
      'navigation',
      'main',
      'contentinfo',
      'table',
      'columnheader',
      'image',
      'heading',
    ]) {
      assert.ok(roles.has(role), `a screen reader is told of a ${role}`);
    }
    const nameless = spoken.filter(
      ({ name, role }) =>
        name === '' && /^(link|button|textbox|searchbox|checkbox|combobox|table|image)$/.test(role),
    );
    assert.deepEqual(nameless, []);
  });

  test('a thousand secrets, and a hundred nodes, make no page long', async (context) => {
    await storing;
    const base = await tab.evaluate<string>('location.href');
    for (const [place, heading] of [
      ['secrets', 'Secrets'],
      ['secret?name=db_password', 'db_password'],
      ['audit', 'Audit trail'],
      ['cluster', 'Cluster'],
    ] as const) {
      const begun_ms = performance.now();
      await tab.goto(new URL(place, base).href);
      await tab.heading(heading);
      const took_ms = Math.round(performance.now() - begun_ms);
      const elements = await tab.evaluate<number>(`document.querySelectorAll('*').length`);
      context.diagnostic(`${place}: ${elements} elements in ${took_ms} ms`);
      assert.ok(elements < ELEMENTS_MAX, `${place} has ${elements} elements`);
      const isWide = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
      await tab.resize(400, 800);
      assert.equal(await tab.evaluate(isWide), false, `${place} fits on a narrow screen`);
      await tab.resize(1_280, 900);
      assert.equal(await tab.evaluate(isWide), false, `${place} fits`);
    }
    await tab.settled();
    const longest = Math.max(...tab.seen.map(({ body }) => body.length));
    assert.ok(longest < PAGE_BYTES_MAX, `the longest has ${longest} bytes`);
  });

  test('whoever has no scripts types the token, and sees a rotation go on all the same', async () => {
    swarm.hold();
    await manager.cli(['rotate', 'db_password', '--generate', 'hex:32', '--detach']);
    const own = await WebPage.start(manager.controlSocket);
    const plain = await browser.tab();
    await plain.withoutScripts();
    const { hash, origin } = new URL(own.link);
    await plain.goto(origin);
    await plain.heading('Sign in to coffer');
    await plain.type(hash.replace('#token=', ''));
    await plain.press('Enter');
    await plain.heading('Cluster');
    await plain.goto(new URL('rotations', await plain.evaluate<string>('location.href')).href);
    await plain.heading('Rotations');
    await plain.tabTo('db_password');
    await plain.press('Enter');
    await plain.heading('Rotation of db_password');
    assert.match(await plain.text(), /is on its way to 2 services/);
    swarm.letGo();
    await plain.until(
      `document.body.innerText.includes('2 services have it')`,
      'the page to load itself anew',
    );
    assert.equal((await own.interrupt()).code, 130);
  });

  test('no value has come into the browser, nothing was stored in it, and nobody else was asked', async () => {
    await tab.settled();
    assert.ok(tab.seen.length > 20);
    const held = await tab.evaluate<string>(
      'JSON.stringify([document.documentElement.outerHTML, { ...localStorage }, { ...sessionStorage }])',
    );
    assert.match(held, /,\{\},\{\}\]$/, 'nothing is stored');
    const all = [held, ...tab.seen.map(({ body, headers }) => JSON.stringify(headers) + body)].join('\n');
    for (const form of ['utf8', 'base64', 'hex'] as const) {
      const value = form === 'utf8' ? canary : Buffer.from(canary).toString(form).slice(0, 30);
      assert.ok(!all.includes(value), `no value as ${form}`);
    }
    const { origin } = new URL(page.link);
    assert.deepEqual([...new Set(tab.seen.map(({ url }) => new URL(url).origin))], [origin]);
    assert.deepEqual(tab.complaints, [], 'no rule of the pages was broken');
  });

  test('signing out ends the session, and the command with it', async () => {
    const left = await tab.evaluate<string>('location.href');
    await tab.tabTo('Sign out');
    await tab.press('Enter');
    await tab.heading('Signed out');
    await tab.goto(left);
    await tab.heading('That did not work');
    assert.match(await tab.text(), /You are not signed in/);
    assert.deepEqual(await page.ended(), {
      code: 0,
      stderr: 'The link signs in once, within five minutes. Ctrl-C ends this.\nYou have signed out.\n',
    });
  });
});

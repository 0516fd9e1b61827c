// SPDX-License-Identifier: Apache-2.0
// A rotation of a real service that is begun in a browser, and followed there.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { Browser, whyNoBrowser } from '../../support/browser.ts';
import type { Installation } from '../../support/installation.ts';
import { serviceCreate, waitForTasks } from '../../support/service.ts';
import { WebPage } from '../../support/web-page.ts';

/** An engine takes two seconds to stop a task, which nobody waits for in this order. */
const HOW = ['--update-order', 'start-first', '--update-monitor', '200ms', '--stop-grace-period', '1s'];

export function webPageStories(of: () => Installation): void {
  describe('the web page', { skip: whyNoBrowser() ?? false }, () => {
    afterEach(async () => of().clear());

    test('rotates a secret with the service that uses it, and shows who has it then', async (context) => {
      const { engine } = of();
      await of().docker(['secret', 'create', 'seen', '-'], { input: 'typed by hand' });
      await engine.docker(serviceCreate('shown', ['--secret', 'seen', ...HOW]));
      await waitForTasks(engine, 'shown', { count: 1 });
      const [page, browser] = await Promise.all([WebPage.start(of().controlSocket), Browser.start()]);
      context.after(() => Promise.all([page.interrupt(), browser.stop()]));

      const tab = await browser.tab();
      await tab.goto(page.link);
      await tab.heading('Cluster');
      await tab.goto(new URL('rotate?secret=seen', await tab.evaluate<string>('location.href')).href);
      await tab.heading('Rotate seen');
      assert.match(await tab.text(), /1 service: shown/);
      await tab.tabTo('Rotate seen');
      await tab.press('Enter');
      await tab.heading('Rotation of seen');
      await tab.until(
        `document.querySelector('[data-outcome]').dataset.level === 'ok'`,
        'the rotation to end',
      );
      assert.match(await tab.text(), /seen: version 2; 1 service has it/);

      const tasks = await waitForTasks(engine, 'shown', { count: 1 });
      const [value = ''] = await Promise.all(tasks.map((task) => task.secret('seen')));
      assert.match(value, /^[0-9a-f]{64}$/);
      await tab.goto(new URL('secret?name=seen', await tab.evaluate<string>('location.href')).href);
      await tab.heading('seen');
      const shown = await tab.evaluate<string>(`document.querySelector('svg').textContent`);
      assert.match(shown, /shown, 1 user/);
      for (const { id } of tasks) {
        assert.ok(shown.includes(`task ${id.slice(0, 12)}, version 2`), `task ${id} is in the picture`);
      }
      await tab.settled();
      const sent = tab.seen.map(({ body }) => body).join('\n');
      for (const one of [value, 'typed by hand']) {
        assert.ok(!sent.includes(one), 'no value has come into the browser');
      }
      assert.equal((await page.interrupt()).code, 130);
    });
  });
}

// SPDX-License-Identifier: Apache-2.0
// `coffer why`: what it says while something is wrong, that what it says to type mends it, and that it says nothing is wrong then. And what
// Docker's own command line prints when such a service is made.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { dockerClis } from '../../support/docker-cli.ts';
import type { Installation } from '../../support/installation.ts';
import { serviceCreate, serviceUpdate, waitForTask } from '../../support/service.ts';
import { waitFor } from '../../support/wait-for.ts';

interface WhyReply {
  readonly Healthy: boolean;
}

export function whyStories(of: () => Installation): void {
  const why = async (...words: readonly string[]): Promise<string> =>
    (await of().cli(['why', ...words])).stdout;

  /** Until coffer says so: the engine's first call, or its last word on a task, may be still to come. */
  const untilWhy = async (pattern: RegExp, ...words: readonly string[]): Promise<string> =>
    waitFor(
      async () => {
        const told = await why(...words);
        return pattern.test(told) ? told : undefined;
      },
      { what: `why ${words.join(' ')} to say ${pattern}`, timeout_ms: 30_000, interval_ms: 300 },
    );

  describe('why a service does not get its secret', () => {
    afterEach(async () => of().clear());

    test('is told: there is no value, then a version was destroyed, then a rule denies it, then nothing', async () => {
      const { engine, gatewaySocket: socket } = of();
      await engine.docker(['secret', 'create', '--driver', 'coffer', 'db']);
      const created = await engine.docker(serviceCreate('web', ['--secret', 'db']), { socket });
      assert.match(
        created.stderr,
        /^coffer will refuse secret db to service web: coffer holds no secret db\. /m,
      );
      const missing = await untilWhy(
        /^service web\n {2}failure +tasks: .*web\.1 \(\w+\): .*not found/,
        'web',
      );
      assert.match(missing, /answer: .* refused it to task web\.1\..*secret\.not-found/);
      assert.match(missing, /failure +value: coffer holds no secret db\n +Mend: docker coffer put db -\n/);
      assert.match(missing, /ok +policy: no rule denies it/);
      assert.match(missing, /ok +manager: Docker asks the coffer of this node, .*; it serves/);
      for (const name of ['db', 'web.1']) {
        assert.match(await why(name), /failure +value: coffer holds no secret db/, name);
      }

      await of().cli(['put', 'db', '-'], { input: 'first' });
      await waitForTask(engine, 'web');
      const well = await untilWhy(/^Nothing is wrong with service web\.\n/, 'web');
      assert.match(well, /ok +tasks: 1 of 1 run/);
      assert.match(well, /ok +value: version 1, the current one/);
      assert.match(well, /ok +answer: .*task web\.1 was given version 1/);

      const rule = ['policy', 'add', 'deny', 'db', '--service', 'api'];
      const id = (await of().cli(rule)).stdout.match(/[a-z0-9]{25}/)?.[0] ?? '';
      const denied = await engine.docker(serviceCreate('api', ['--secret', 'db']), { socket });
      assert.match(denied.stderr, new RegExp(`coffer will refuse .*docker coffer policy rm ${id}$`, 'm'));
      const refused = await untilWhy(/answer: .*policy\.denied/, 'api');
      assert.match(
        refused,
        new RegExp(`failure +policy: rule ${id} denies .*\n +Mend: docker coffer policy rm ${id}\n`),
      );
      await of().cli(['policy', 'rm', id]);

      await of().cli(['put', 'db', '-'], { input: 'second' });
      await of().cli(['destroy', 'db', '1', '--force']);
      const pin = ['--label', 'coffer.name=db', '--label', 'coffer.version=1'];
      await engine.docker(['secret', 'create', '--driver', 'coffer', ...pin, 'old']);
      const update = serviceUpdate('web', ['--secret-add', 'old']);
      const updated = await engine.docker(update, { socket });
      assert.match(
        updated.stderr,
        /coffer will refuse secret db to service web: version 1 of secret db was destroyed/,
      );
      const destroyed = await untilWhy(/answer: .*secret\.version-not-found/, 'web');
      assert.match(
        destroyed,
        /secret old, which is db in coffer\n(?:.*\n)*? +failure +value: version 1 of secret db was destroyed/,
      );
      assert.match(destroyed, /Mend: docker coffer history db\n/);

      const all = await why();
      assert.match(all, /^service web$/m, 'without a name, whatever is wrong');
      const json = JSON.parse(await why('--format', 'json')) as WhyReply;
      assert.equal(json.Healthy, false);
    });

    test('is one sentence for what is not there', async () => {
      const { code, stderr } = await of().tryCli(['why', 'nobody']);
      assert.notEqual(code, 0);
      assert.match(
        stderr,
        /^coffer: no service, task, secret, container or volume is known here as nobody\n/,
      );
    });
  });

  describe('a service that gets its secrets', () => {
    afterEach(async () => of().clear());

    for (const cli of dockerClis()) {
      test(`is made without a word more by docker ${cli.version}`, async () => {
        await of().docker(['secret', 'create', 'db', '-'], { input: 'value' });
        const words = serviceCreate('web', ['--secret', 'db', '--replicas', '0']);
        const { stderr } = await of().docker(words, { cli });
        assert.doesNotMatch(stderr, /coffer/);
        await of().engine.docker(['secret', 'create', '--driver', 'coffer', 'api']);
        const updated = await of().docker(serviceUpdate('web', ['--secret-add', 'api']), { cli });
        assert.match(updated.stderr, /coffer will refuse secret api to service web/);
      });
    }
  });
}

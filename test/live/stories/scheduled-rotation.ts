// SPDX-License-Identifier: Apache-2.0
// A secret that is rotated by itself with the services that use it, by a clock that a test moves: that of a process of its own.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { type Installation, linesOf } from '../../support/installation.ts';
import { daysLater } from '../../support/other-time.ts';
import { serviceCreate, waitForTasks } from '../../support/service.ts';
import { waitFor } from '../../support/wait-for.ts';
import { ended } from './rolling-rotation.ts';

const REPLICAS = 3;
const HOW = ['--secret', 'aged', '--update-monitor', '2s', '--stop-grace-period', '1s'];

async function waitForVersion(installation: Installation, secret: string, version: number): Promise<void> {
  await waitFor(
    async () => {
      const { code, stdout } = await installation.tryCli(['history', '--quiet', secret]);
      return code === 0 && linesOf(stdout)[0] === String(version);
    },
    { what: `${secret} to have version ${version}`, timeout_ms: 100_000, interval_ms: 300 },
  );
}

export function scheduledRotationStories(of: () => Installation): void {
  describe('a secret whose label says how old its value gets', () => {
    afterEach(async () => of().clear());

    test('is rotated when that is over, once, also when the clock is set back', async () => {
      const { engine } = of();
      // A name of its own: it is remembered as a rotation of tomorrow.
      const labels = ['--label', 'coffer.rotate=12h', '--label', 'coffer.generate=hex:16'];
      await of().docker(['secret', 'create', ...labels, 'aged', '-'], { input: 'one' });
      await engine.docker(serviceCreate('web', ['--replicas', String(REPLICAS), ...HOW]));
      const before = await waitForTasks(engine, 'web', { count: REPLICAS });
      assert.match(
        (await of().cli(['inspect', '--pretty', 'aged'])).stdout,
        /^Next rotation: {2}in 1[12] hours$/m,
      );
      try {
        await of().restartWith(daysLater(1));
        await waitForVersion(of(), 'aged', 2);
        assert.equal(await ended(of(), 'aged'), 'done');
        const after = await waitForTasks(engine, 'web', { count: REPLICAS, otherThan: before });
        const values = new Set(await Promise.all(after.map((task) => task.secret('aged'))));
        assert.equal(values.size, 1);
        assert.match([...values].join(), /^[0-9a-f]{32}$/);
        const audit = await of().cli(['audit', '--event', 'rotate', '--secret', 'aged', '--tail', '1']);
        assert.match(audit.stdout, /schedule/);
      } finally {
        await of().restartWith({});
      }
      const { stdout } = await of().cli(['inspect', '--pretty', 'aged']);
      assert.match(stdout, /^Next rotation: {2}in 1[12] hours$/m, 'as if it had been made just now');
      assert.doesNotMatch(stdout, /^ {2}- 3:/m);
    });
  });
}

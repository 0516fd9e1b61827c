// SPDX-License-Identifier: Apache-2.0
// A policy that denies a container a secret of its volume, whatever was granted.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { Container, containerRun } from '../../support/container.ts';
import { type Installation, linesOf } from '../../support/installation.ts';
import { clearVolumes, mountsBelow, putAndGrant, volumeMount } from '../../support/volumes.ts';
import { waitFor } from '../../support/wait-for.ts';

export function volumePolicyStories(of: () => Installation): void {
  /** Resolves to the rule's id. */
  const deny = async (secret: string): Promise<string> =>
    (await of().cli(['policy', 'add', 'deny', secret])).stdout.trim();

  describe('a container that a rule denies the secret of its volume', () => {
    afterEach(async () => {
      const rules = linesOf((await of().cli(['policy', 'ls', '--quiet'])).stdout);
      if (rules.length > 0) {
        await of().cli(['policy', 'rm', ...rules]);
      }
      await clearVolumes(of());
    });

    test('does not start, for a reason that stands in why and in the audit log, until the rule ends', async () => {
      const { engine, volumesDirectory } = of();
      await putAndGrant(of(), 'db', 'a value');
      const rule = await deny('d*');
      const { code, stderr } = await engine.tryDocker(
        containerRun('web', ['--detach', ...volumeMount('db')]),
      );
      assert.equal(code, 125, stderr);
      const reason = new RegExp(`container web may not have the secret db: .*rule ${rule} denies`);
      assert.match(stderr, reason);
      assert.deepEqual(mountsBelow(engine, volumesDirectory), []);
      assert.match((await of().cli(['why', 'db'])).stdout, reason);
      const audited = await of().cli(['audit', '--event', 'refuse', '--format', 'json']);
      const [refusal = ''] = linesOf(audited.stdout).slice(-1);
      assert.match(refusal, /"volume":"db","service":"web","by":"volume","code":"policy\.denied"/);

      await of().cli(['policy', 'rm', rule]);
      await engine.docker(['start', 'web']);
      assert.equal((await Container.of(engine, 'web')).read('db'), 'a value');
    });

    test('loses the file while it runs, and has it again when the rule ends', async () => {
      await putAndGrant(of(), 'db', 'a value');
      const container = await Container.start(of().engine, 'loses-by-rule', volumeMount('db'));
      assert.equal(container.read('db'), 'a value');
      const rule = await deny('db');
      await waitFor(() => !container.files().includes('db'), { what: 'the denied file to be gone' });
      await of().cli(['policy', 'rm', rule]);
      await waitFor(() => container.files().includes('db'), { what: 'the file to come back' });
      assert.equal(container.read('db'), 'a value');
    });
  });
}

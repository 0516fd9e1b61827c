// SPDX-License-Identifier: Apache-2.0
// A certificate in a volume: the program that serves with it is told of the next one, and goes on serving.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { Container } from '../../support/container.ts';
import type { Installation } from '../../support/installation.ts';
import { NODE_MOUNTS, type Tally, tallyOf, TLS_CLIENT, TLS_SERVER } from '../../support/tls-workloads.ts';
import { clearVolumes, grant, volumeMount } from '../../support/volumes.ts';
import { waitFor } from '../../support/wait-for.ts';

const PORT = '28451';

/** All three are in one file. */
function filesOf(name: string): readonly string[] {
  const file = `/run/secrets/${name}`;
  const variables = ['CERT', 'KEY', 'CA'].flatMap((variable) => ['--env', `${variable}=${file}`]);
  return [...variables, ...NODE_MOUNTS, ...volumeMount(name)];
}

async function waitForTally(
  client: Container,
  what: string,
  isEnough: (tally: Tally) => boolean,
): Promise<Tally> {
  return waitFor(
    async () => {
      const tally = await tallyOf(client);
      return tally !== undefined && isEnough(tally) ? tally : undefined;
    },
    { what, timeout_ms: 60_000, interval_ms: 100 },
  );
}

export function volumeCertificateStories(of: () => Installation): void {
  describe('a certificate in a volume', () => {
    afterEach(async () => clearVolumes(of()));

    test('is renewed under a server that takes it up on a signal, and no request fails, nor a connection', async () => {
      const { engine } = of();
      await of().cli(['cert', 'web-tls', '--cn', 'web', '--san', 'localhost', '--ttl', '1h']);
      await of().cli(['cert', 'client-tls', '--cn', 'client', '--usage', 'client']);
      for (const name of ['web-tls', 'client-tls']) {
        await grant(of(), name);
      }
      const served = ['--label', 'coffer.reload=SIGHUP', '--env', `PORT=${PORT}`, ...filesOf('web-tls')];
      await Container.start(engine, 'server', served, TLS_SERVER);
      const asking = ['--env', `PORTS=${PORT}`, '--env', 'HELD=1', ...filesOf('client-tls')];
      const client = await Container.start(engine, 'client', asking, TLS_CLIENT);
      const first = await waitForTally(client, 'answers', ({ answered }) => answered > 20);
      await of().cli(['rotate', 'web-tls']);
      const met = await waitForTally(client, 'the next certificate', ({ serials }) => serials.length === 2);
      const last = await waitForTally(client, 'more answers', ({ answered }) => answered > met.answered + 20);
      assert.deepEqual([first.failed, last.failed], [[], []]);
      assert.equal(last.serials.length, 2);
      assert.equal(last.held, 1, 'the connection that was there stays');
    });
  });
}

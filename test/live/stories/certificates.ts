// SPDX-License-Identifier: Apache-2.0
// Certificates as secrets: services that speak mutual TLS by them, and keep on speaking while they are renewed.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { runCommand, tryCommand } from '../../support/command.ts';
import { type Installation, linesOf } from '../../support/installation.ts';
import { serviceCreate, type Task, waitForTask, waitForTasks } from '../../support/service.ts';
import {
  asStranger,
  NODE_MOUNTS,
  type Tally,
  tallyOf,
  TLS_CLIENT,
  TLS_SERVER,
} from '../../support/tls-workloads.ts';
import { waitFor } from '../../support/wait-for.ts';

const PARTS = ['cert', 'key', 'ca'] as const;
/** The number of a replica follows. */
const PORT = '2844';

/** Three secrets of the engine, which are the files of one certificate. */
async function createParts({ engine }: Installation, name: string, labels: readonly string[]): Promise<void> {
  const words = labels.flatMap((label) => ['--label', label]);
  for (const part of PARTS) {
    const view = ['--label', `coffer.name=${name}`, '--label', `coffer.cert.part=${part}`];
    await engine.docker(['secret', 'create', '--driver', 'coffer', ...words, ...view, `${name}.${part}`]);
  }
}

function filesOf(name: string): readonly string[] {
  return PARTS.flatMap((part) => [
    '--secret',
    `${name}.${part}`,
    '--env',
    `${part.toUpperCase()}=/run/secrets/${name}.${part}`,
  ]);
}

/** OpenSSL itself believes them. */
async function checkFiles(server: Task): Promise<void> {
  const directory = temporaryDirectory();
  try {
    for (const part of PARTS) {
      writeFileSync(path.join(directory.path, part), await server.secret(`web.${part}`), { mode: 0o600 });
    }
    const words = ['-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'localhost'];
    const verdict = await tryCommand(['openssl', 'verify', ...words, '-CAfile', 'ca', 'cert'], {
      cwd: directory.path,
    });
    assert.equal(verdict.stdout, 'cert: OK\n', verdict.stderr);
    const [ofKey, ofCertificate] = [
      await runCommand(['openssl', 'pkey', '-in', 'key', '-pubout'], { cwd: directory.path }),
      await runCommand(['openssl', 'x509', '-in', 'cert', '-noout', '-pubkey'], { cwd: directory.path }),
    ];
    assert.equal(ofKey.stdout, ofCertificate.stdout);
  } finally {
    directory.remove();
  }
}

async function waitForTally(client: Task, what: string, isEnough: (tally: Tally) => boolean): Promise<Tally> {
  return waitFor(
    async () => {
      const tally = await tallyOf(client);
      return tally !== undefined && isEnough(tally) ? tally : undefined;
    },
    { what, timeout_ms: 60_000, interval_ms: 200 },
  );
}

export function certificateStories(of: () => Installation): void {
  describe('certificates as secrets', () => {
    afterEach(async () => of().clear());

    test('let services speak mutual TLS, and are renewed under them without a request that fails', async (t) => {
      const { engine } = of();
      await createParts(of(), 'web', [
        'coffer.cert.cn=web',
        'coffer.cert.sans=localhost',
        'coffer.cert.ttl=1h',
      ]);
      await createParts(of(), 'billing', ['coffer.cert.cn=billing client', 'coffer.cert.usage=client']);
      const rolling = ['--update-monitor', '1s', '--stop-grace-period', '5s', '--restart-delay', '1s'];
      const health = ['--health-cmd', 'test -e /tmp/ready', '--health-interval', '500ms'];
      const slots = ['--replicas', '2', '--env', `PORT=${PORT}{{.Task.Slot}}`];
      await engine.docker(
        serviceCreate(
          'web',
          [...slots, ...filesOf('web'), ...NODE_MOUNTS, ...rolling, ...health],
          TLS_SERVER,
        ),
      );
      const ports = ['--env', `PORTS=${PORT}1,${PORT}2`];
      await engine.docker(
        serviceCreate('billing', [...ports, ...filesOf('billing'), ...NODE_MOUNTS], TLS_CLIENT),
      );
      const before = await waitForTasks(engine, 'web', { count: 2 });
      const client = await waitForTask(engine, 'billing');
      const first = await waitForTally(client, 'answers', ({ answered }) => answered > 20);
      assert.equal(first.serials.length, 1, 'both replicas have the same certificate');

      const [server] = before;
      assert.ok(server);
      await checkFiles(server);
      assert.match((await server.exec(asStranger(`${PORT}1`))).stdout, /^refused/, 'who has no certificate');

      const rotated = await of().cli(['rotate', 'web'], { timeout_ms: 120_000 });
      assert.equal(rotated.stdout, 'web: version 2; 1 service has it\n');
      await waitForTasks(engine, 'web', { count: 2, otherThan: before });
      const counted = (await tallyOf(client))?.answered ?? 0;
      const last = await waitForTally(client, 'more answers', ({ answered }) => answered > counted + 20);
      t.diagnostic(`${last.answered} requests were answered`);
      assert.deepEqual(last.failed, []);
      assert.equal(last.serials.length, 2, 'it has met both certificates');
      assert.equal((await waitForTask(engine, 'billing')).id, client.id, 'and was left alone');
      const shown = (await of().cli(['history', '--quiet', 'web'])).stdout;
      assert.deepEqual(linesOf(shown), ['2', '1']);
      const audit = await of().cli(['audit', '--event', 'rotate', '--secret', 'web', '--tail', '1']);
      assert.match(audit.stdout, /web:2/);
    });

    test('are refused where they name nobody, and why tells', async () => {
      const { engine } = of();
      await engine.docker([
        'secret',
        'create',
        '--driver',
        'coffer',
        '--label',
        'coffer.cert.cn=CN=x,O=y',
        'bad',
      ]);
      await engine.docker(serviceCreate('refused', ['--secret', 'bad']));
      await waitFor(
        async () =>
          (await of().cli(['why', 'refused'])).stdout.includes('label coffer.cert.cn is a DNS name'),
        {
          what: 'why to tell',
          interval_ms: 200,
        },
      );
    });
  });
}

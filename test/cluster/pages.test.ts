// SPDX-License-Identifier: Apache-2.0
// Pages of the documentation, typed as they are written, at one manager beside an engine that knows secrets alone.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { SecretsReply } from '../../src/control/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { reasonOf } from '../support/cluster-calls.ts';
import { freePort } from '../support/free-port.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { OneEngineSwarm } from '../support/one-engine-swarm.ts';
import { type Circumstances, PageTypist } from '../support/page-typist.ts';
import { callControl, getSecret } from '../support/secret-calls.ts';
import { waitFor } from '../support/wait-for.ts';

describe('a page is typed, and what comes is what it shows:', () => {
  let desk: TemporaryDirectory;
  let swarm: OneEngineSwarm;
  let endSwarm = async (): Promise<void> => undefined;
  let manager: ManagerProcess;
  let typist: PageTypist;
  let monitoring = '';
  /** Of a manager that a page tells of as locked. */
  let unlockKey: string | undefined;

  before(async () => {
    desk = temporaryDirectory();
    swarm = await OneEngineSwarm.start({
      after: (work) => {
        endSwarm = work;
      },
    });
    monitoring = `127.0.0.1:${await freePort()}`;
    const env = { COFFER_ENGINE_SOCKET: swarm.engine.socketPath, COFFER_METRICS_ADDRESS: monitoring };
    manager = await ManagerProcess.start({ name: 'engine-1', env });
    await manager.serving();
    typist = new PageTypist({
      test: 'test/cluster/pages.test.ts',
      directory: desk.path,
      controlSocket: manager.controlSocket,
      dockerSocket: manager.gatewaySocket,
    });
  });
  after(async () => {
    await manager?.destroy();
    await endSwarm();
    desk?.remove();
  });
  afterEach(async () => {
    if (unlockKey !== undefined) {
      await typist.run('docker coffer unlock', `${unlockKey}\n`);
      await manager.serving();
      await type('docker coffer autolock off');
      unlockKey = undefined;
    }
    swarm.engine.secrets.clear();
    const { secrets } = (await callControl(manager, 'GET', '/v1/secrets')).json() as SecretsReply;
    for (const { name } of secrets) {
      await callControl(manager, 'DELETE', `/v1/secrets/${name}?force=1`);
    }
  });

  const write = (name: string, text: string): void => writeFileSync(path.join(desk.path, name), text);
  /** A task asks for it, as an engine says. */
  const ask = async (
    secret: string,
    labels: Readonly<Record<string, string>> = {},
    service = 'redis',
  ): Promise<void> => {
    await getSecret(manager, { secret, labels, service, task: 'abc123' });
  };
  const type = async (line: string): Promise<string> => {
    const { code, stdout } = await typist.run(line);
    assert.equal(code, 0, `${line}: ${stdout}`);
    return stdout.trim();
  };
  const signed = async (): Promise<void> => {
    const line = 'docker coffer audit verify | grep "signed up to"';
    await waitFor(async () => (await typist.run(line)).code === 0, { what: line, timeout_ms: 60_000 });
  };
  const auditLog = (): string => path.join(manager.stateDirectory, 'audit', 'audit.log');

  /** Of each page, what it takes for granted. The first one tells of a manager that has just been started. */
  const PAGES: Readonly<Record<string, () => Circumstances>> = {
    'docs/audit.md': () => ({
      numbersVary: true,
      before: {
        'docker coffer audit#1': async () => {
          await manager.put('db', 'one');
          await manager.put('db', 'two');
          await type('docker coffer rollback db && docker coffer rm db');
          await manager.put('web', 'value');
          await ask('web');
          await ask('nope');
          await type(
            'docker coffer policy default deny && docker coffer grant web --node $(docker coffer node ls -q)',
          );
        },
        'docker coffer audit verify#1': async () => {
          await type('docker coffer policy default allow');
          await manager.restart();
          await signed();
        },
        'docker coffer audit verify#2': () => {
          copyFileSync(auditLog(), path.join(desk.path, 'audit.log'));
          writeFileSync(
            auditLog(),
            readFileSync(auditLog(), 'utf8').replace(
              '"secret":"db","version":3',
              '"secret":"dc","version":3',
            ),
          );
        },
        'docker coffer audit verify#3': async () => {
          await manager.stop();
          rmSync(auditLog());
          await manager.start();
          await manager.serving();
          // What it has written down since is signed when it stops.
          await manager.restart();
          await signed();
        },
      },
      answers: { 'docker coffer audit verify --acknowledge': 'y\n' },
    }),
    'docs/json.md': () => ({}),
    'docs/run.md': () => ({
      before: {
        'docker coffer run --secret': () =>
          type('printf "a secret" | docker coffer put app_DB_PASSWORD -').then(() => undefined),
      },
      words: { 'psql -h db': 'printenv PGPASSWORD' },
    }),
    'docs/notices.md': () => {
      write('token.txt', 'x'.repeat(40));
      write('server.key', 'x'.repeat(1_000));
      return { before: { 'docker coffer audit': () => ask('prod_root_password', {}, 'debug') } };
    },
    'docs/monitoring.md': () => ({
      numbersVary: true,
      words: { '127.0.0.1:7374': monitoring },
      before: {
        'curl -s http://127.0.0.1:7374/readyz  ': async () => {
          [unlockKey] = /COFFER-UNLOCK-1-[0-9A-Z-]+/.exec(await type('docker coffer autolock on')) ?? [];
          await manager.restart();
          await reasonOf(manager, 'store.locked');
        },
      },
    }),
    'docs/reference/api.md': () => ({ words: { '/run/coffer/control.sock': manager.controlSocket } }),
  };

  for (const [page, circumstances] of Object.entries(PAGES)) {
    test(page, () => typist.typePage(page, circumstances()));
  }
});

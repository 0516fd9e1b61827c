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
import { SyslogReceiver } from '../support/syslog-receiver.ts';
import { waitFor } from '../support/wait-for.ts';

async function nothing(): Promise<void> {}

/** Has the first grant fail, as no program expects it. */
const PLANTED = `
const { ServerResponse } = require('node:http');
const { setHeader } = ServerResponse.prototype;
let isPlanted = true;
ServerResponse.prototype.setHeader = function (name, value) {
  if (isPlanted && this.req.url === '/v1/grants' && name === 'Content-Type') {
    isPlanted = false;
    throw new TypeError('it was planted');
  }
  return setHeader.call(this, name, value);
};
`;

/**
 * What a receiver has got of two starts of the manager, each of which begins a chain, and of a connection that ended, whose last
 * lines come again. Then the manager sends nothing there any more.
 */
async function sentToSyslog(manager: ManagerProcess): Promise<readonly string[]> {
  const receiver = await SyslogReceiver.start();
  const settings = {
    COFFER_AUDIT: 'file,syslog',
    COFFER_AUDIT_SYSLOG: `tcp://127.0.0.1:${receiver.port}`,
  };
  const has = (what: string, condition: () => boolean | undefined): Promise<boolean> =>
    waitFor(condition, { what });
  try {
    for (const name of ['first', 'second']) {
      await manager.stop();
      await manager.start(settings);
      await manager.serving();
      await manager.put(name, 'value');
      await has('the record to arrive', () => receiver.lines().at(-1)?.includes(`"secret":"${name}"`));
    }
    receiver.breakOff();
    await manager.put('third', 'value');
    await has('lines to come again', () => new Set(receiver.lines()).size < receiver.lines().length);
    await manager.stop();
    await has('the last record to arrive', () => receiver.lines().at(-1)?.includes('"event":"stop"'));
    return receiver.lines();
  } finally {
    await receiver.stop();
    await manager.restart();
    await manager.serving();
  }
}

/** A browser that goes there is asked for the link's token. */
async function isSignIn(link = ''): Promise<void> {
  const { status, text } = await waitFor(
    async () => {
      const reply = await fetch(link);
      return { status: reply.status, text: await reply.text() };
    },
    { what: `the web page at ${link}` },
  );
  assert.equal(status, 200);
  assert.match(text, /Sign in to coffer/);
}

describe('a page is typed, and what comes is what it shows:', () => {
  let desk: TemporaryDirectory;
  let swarm: OneEngineSwarm;
  let endSwarm = nothing;
  let manager: ManagerProcess;
  let typist: PageTypist;
  let monitoring = '';
  /** A port that the web page is to have. */
  let webPort = 0;
  /** Makes up for what a page has done to the manager. */
  let undo = nothing;

  before(async () => {
    desk = temporaryDirectory();
    swarm = await OneEngineSwarm.start({
      after: (work) => {
        endSwarm = work;
      },
    });
    monitoring = `127.0.0.1:${await freePort()}`;
    webPort = await freePort();
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
    await restore();
    swarm.engine.secrets.clear();
    const { secrets } = (await callControl(manager, 'GET', '/v1/secrets')).json() as SecretsReply;
    for (const { name } of secrets) {
      await callControl(manager, 'DELETE', `/v1/secrets/${name}?force=1`);
    }
  });

  const restore = async (): Promise<void> => {
    const work = undo;
    undo = nothing;
    await work();
  };
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
        'grep -o': async () => {
          const lines = await sentToSyslog(manager);
          const { chain } = JSON.parse(lines.at(-1) ?? '') as { readonly chain: string };
          write('chain', chain);
          // As a receiver writes them down, among those of others.
          const time = 'Nov 26 00:15:34 engine-1';
          const all = lines.flatMap((line) => [`${time} coffer[7]: ${line}`, `${time} sshd[9]: hello`]);
          write('auth.log', all.map((line) => `${line}\n`).join(''));
        },
        'docker coffer audit verify#1': async () => {
          await type('docker coffer policy default allow');
          // At its last stop it has signed how far its log was.
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
      words: {
        '/var/log/auth.log': 'auth.log',
        '\'"chain":"ysO1J3_1KLg3"\'': '"\\"chain\\":\\"$(cat chain)\\""',
      },
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
      words: {
        '127.0.0.1:7374': monitoring,
        '--node engine-1': '--node $(docker coffer node ls -q) 2>&1 | tee said',
        // What it writes unless told to write more.
        'journalctl -u docker': `grep -v '"level":"debug"' ${manager.logFile}`,
        '5f8c7a7e1c54f1f6': '$(grep -oE "[0-9a-f]{16}$" said)',
      },
      before: {
        'docker coffer grant': restore,
        'curl -s http://127.0.0.1:7374/readyz  ': async () => {
          const [key] = /COFFER-UNLOCK-1-[0-9A-Z-]+/.exec(await type('docker coffer autolock on')) ?? [];
          undo = async () => {
            await typist.run('docker coffer unlock', `${key}\n`);
            await manager.serving();
            await type('docker coffer autolock off');
          };
          // Of its next start, the page tells of an error too.
          await manager.stop();
          write('planted.cjs', PLANTED);
          await manager.start({ NODE_OPTIONS: `--require=${path.join(desk.path, 'planted.cjs')}` });
          await reasonOf(manager, 'store.locked');
        },
      },
    }),
    'docs/web-page.md': () => ({
      words: { '7380': String(webPort) },
      serving: {
        'docker coffer ui': async (printed) => isSignIn(/^http:\S+\/#token=/.exec(printed)?.[0]),
        'docker coffer ui --port 7380': async () => isSignIn(`http://127.0.0.1:${webPort}`),
      },
    }),
    'docs/reference/api.md': () => ({ words: { '/run/coffer/control.sock': manager.controlSocket } }),
  };

  for (const [page, circumstances] of Object.entries(PAGES)) {
    test(page, () => typist.typePage(page, circumstances()));
  }
});

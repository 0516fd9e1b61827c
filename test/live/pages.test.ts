// SPDX-License-Identifier: Apache-2.0
// README.md, docs/tutorial.md and pages that have services of a swarm, typed as they are written, on one machine that is a swarm of one.
// Coffer is a plain process there.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { inTurn, PageDesk, type PageStep, SWARM_WORDS } from '../support/page-desk.ts';
import type { Circumstances } from '../support/page-typist.ts';
import { projectRoot } from '../support/project.ts';
import {
  certificatesPage,
  importPage,
  operationsPage,
  rotationPage,
  sealedPage,
  versionsPage,
} from './stories/swarm-pages.ts';

const READ = 'docker exec $(docker ps -qf name=redis)';
const SECRET = '/run/secrets/my_secret_data';

/** Beside the one that runs there. */
const OWN_DAEMON = [
  'COFFER_DRIVER=own COFFER_PLUGIN_SOCKET=/run/docker/plugins/own.sock COFFER_STATE="$PWD/own-state" COFFER_VOLUMES="$PWD/own-volumes"',
  'COFFER_GATEWAY_SOCKET="$PWD/own-docker.sock" COFFER_CONTROL_SOCKET="$PWD/own-control.sock" COFFER_LISTEN=off',
].join(' ');

/** Of each page, what it takes for granted. The last one ends a month later. */
const PAGES: Readonly<Record<string, (desk: PageDesk) => Circumstances>> = {
  'README.md': readme,
  'docs/tutorial.md': tutorial,
  'docs/versions.md': versionsPage,
  'docs/sealed.md': sealedPage,
  'docs/certificates.md': certificatesPage,
  'docs/import.md': importPage,
  'docs/operations.md': operationsPage,
  'docs/rotation.md': rotationPage,
};

describe('a page is typed on a real engine, and what comes is what it shows:', () => {
  let started: PageDesk | undefined;
  const desk = (): PageDesk => started ?? assert.fail('the engine did not start');

  before(async () => {
    started = await PageDesk.start('test/live/pages.test.ts');
  });
  beforeEach(async () => desk().clear());
  after(async () => started?.stop());

  for (const [page, circumstances] of Object.entries(PAGES)) {
    test(page, async () => desk().typist.typePage(page, circumstances(desk())));
  }
});

function tutorial(desk: PageDesk): Circumstances {
  return {
    words: SWARM_WORDS,
    before: {
      'docker exec': oneContainer(desk, 'api', 'true'),
      'docker coffer ps': desk.oneDelivery('api_key', 'api'),
    },
  };
}

function readme(desk: PageDesk): Circumstances {
  const root = projectRoot();
  return {
    words: {
      ...SWARM_WORDS,
      // What it is made of was made before.
      'make install': `make -C ${root} -o dist/coffer-daemon.cjs install DESTDIR="$PWD/installed"`,
      'node dist/coffer-daemon.cjs': `${OWN_DAEMON} COFFER_ENGINE_SOCKET=${desk.engine.socket} node ${root}/dist/coffer-daemon.cjs`,
    },
    serving: {
      'node dist/coffer-daemon.cjs': desk.until(
        'COFFER_SOCKET="$PWD/own-control.sock" installed/usr/local/bin/coffer status',
      ),
    },
    numbersVary: true,
    before: {
      [`${READ} ls -l`]: oneContainer(desk, 'redis', 'true'),
      // The beginning of the page and the tour do the same.
      'docker coffer context': inTurn(
        desk.type('docker service rm redis && docker secret rm my_secret_data'),
        desk.running('redis', 0),
      ),
      [`${READ} cat ${SECRET}#1`]: oneContainer(desk, 'redis', 'true'),
      [`${READ} cat ${SECRET}#2`]: oneContainer(desk, 'redis', `grep Another ${SECRET}`),
      'docker coffer ps my_secret_data#1': desk.oneDelivery('my_secret_data', 'stale'),
      'docker coffer ps my_secret_data#2': desk.oneDelivery('my_secret_data', 'current'),
      [`${READ} cat ${SECRET}#3`]: oneContainer(desk, 'redis', `test ! -e ${SECRET}`),
      'docker exec shop cat /run/secrets/shop_password#2': desk.until(
        'docker exec shop grep Another /run/secrets/shop_password',
      ),
      'docker exec shop cat /run/secrets/shop_password#3': desk.until(
        '! docker exec shop cat /run/secrets/shop_password',
      ),
      'docker service create --detach': desk.type('docker coffer rm --force db_password'),
      'docker coffer why db': desk.until(
        "docker service ps --no-trunc --format '{{.Error}}' db | grep secret",
      ),
    },
  };
}

/** One container of the service runs, and no other, and succeeds at that. */
function oneContainer(desk: PageDesk, service: string, command: string): PageStep {
  const container = `$(docker ps -qf name=${service})`;
  return desk.until(
    `test $(docker ps -qf name=${service} | wc -l) = 1 && docker exec ${container} ${command}`,
  );
}

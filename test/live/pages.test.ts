// SPDX-License-Identifier: Apache-2.0
// README.md and docs/tutorial.md, typed as they are written, on one machine that is a swarm of one. Coffer is a plain process there.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { type Coffer, startCoffer } from '../support/coffer.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { PageTypist } from '../support/page-typist.ts';
import { waitFor } from '../support/wait-for.ts';

/** What a machine without bridge, IPVS and registry needs besides, and how not to wait for what is waited for here anyway. */
const WORDS = {
  'service create --name': 'service create --detach --network host --no-resolve-image --name',
  'service create --detach': 'service create --detach --network host --no-resolve-image',
  'service update': 'service update --detach --no-resolve-image',
  'docker coffer context': 'unset DOCKER_HOST; docker coffer context',
  'docker run -d': 'docker run -d --network host',
};
const EFFECT_TIMEOUT_MS = 60_000;

describe('a page is typed on a real engine, and what comes is what it shows:', () => {
  let desk: TemporaryDirectory;
  let engine: Engine;
  let coffer: Coffer;
  let typist: PageTypist;

  before(async () => {
    desk = temporaryDirectory();
    engine = await startEngine({ name: 'engine-1' });
    await engine.docker(['tag', await engine.importBusybox(), 'redis:alpine']);
    await engine.swarmInit();
    coffer = await startCoffer({ engine });
    await waitFor(async () => (await coffer.tryCli(['status'])).code === 0, { what: 'coffer to serve' });
    typist = new PageTypist({
      directory: desk.path,
      controlSocket: coffer.controlSocket,
      dockerSocket: coffer.gatewaySocket,
      inside: (command) => engine.box.inside(command),
    });
  });
  after(async () => {
    await coffer?.stop();
    await engine?.stop();
    desk?.remove();
  });

  const until = (line: string) => async (): Promise<void> => {
    await waitFor(async () => (await typist.run(line)).code === 0, {
      what: line,
      timeout_ms: EFFECT_TIMEOUT_MS,
    });
  };
  const type = (line: string) => async (): Promise<void> => {
    const { code, stdout } = await typist.run(line);
    assert.equal(code, 0, `${line}: ${stdout}`);
  };
  /** One container of the service runs, and no other, and finds that there. */
  const oneContainer = (test: string) =>
    until(`test $(docker ps -qf name=redis | wc -l) = 1 && docker exec $(docker ps -qf name=redis) ${test}`);
  /** The ledger has one line of the secret, with that word in it: tasks that were replaced or removed are told for a moment more. */
  const oneDelivery = (secret: string, word: string) =>
    until(`test $(docker coffer ps ${secret} | wc -l) = 2 && docker coffer ps ${secret} | grep -w ${word}`);
  const READ = 'docker exec $(docker ps -qf name=redis)';
  const SECRET = '/run/secrets/my_secret_data';

  const oneApi = until(
    'test $(docker ps -qf name=api | wc -l) = 1 && docker exec $(docker ps -qf name=api) true',
  );

  test('docs/tutorial.md', () =>
    typist.typePage('docs/tutorial.md', {
      words: WORDS,
      before: {
        'docker exec': oneApi,
        'docker coffer ps': oneDelivery('api_key', 'api'),
      },
    }));

  test('README.md', () =>
    typist.typePage('README.md', {
      words: WORDS,
      numbersVary: true,
      before: {
        [`${READ} ls -l`]: oneContainer('true'),
        // The beginning of the page and the tour do the same.
        'docker coffer context': type('docker service rm redis && docker secret rm my_secret_data'),
        [`${READ} cat ${SECRET}#1`]: oneContainer('true'),
        [`${READ} cat ${SECRET}#2`]: oneContainer(`grep Another ${SECRET}`),
        'docker coffer ps my_secret_data#1': oneDelivery('my_secret_data', 'stale'),
        'docker coffer ps my_secret_data#2': oneDelivery('my_secret_data', 'current'),
        [`${READ} cat ${SECRET}#3`]: oneContainer(`test ! -e ${SECRET}`),
        'docker exec shop cat /run/secrets/shop_password#2': until(
          'docker exec shop grep Another /run/secrets/shop_password',
        ),
        'docker exec shop cat /run/secrets/shop_password#3': until(
          '! docker exec shop cat /run/secrets/shop_password',
        ),
        'docker service create --detach': type('docker coffer rm --force db_password'),
        'docker coffer why db': until("docker service ps --no-trunc --format '{{.Error}}' db | grep secret"),
      },
    }));
});

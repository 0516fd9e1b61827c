// SPDX-License-Identifier: Apache-2.0
// What pages take for granted that have services of a swarm: what is there before a command is typed, and what its words stand for.
import { renameSync } from 'node:fs';
import path from 'node:path';
import { EngineGates } from '../../support/engine-gates.ts';
import { daysLater } from '../../support/other-time.ts';
import { inTurn, type PageDesk, SWARM_WORDS } from '../../support/page-desk.ts';
import type { Circumstances } from '../../support/page-typist.ts';

const CREATE =
  'docker service create --detach --network host --no-resolve-image --update-monitor 1s --stop-grace-period 1s';
/** Ends at once with a value that it does not like, as a program does whose password is wrong. */
const PICKY = `sh -c 'grep -q wrong /run/secrets/* && exit 3; trap "exit 0" TERM; sleep 100000 & wait'`;

export function versionsPage(desk: PageDesk): Circumstances {
  return {
    words: { ...SWARM_WORDS, IMAGE: 'redis:alpine' },
    answers: { 'docker coffer destroy': 'y\n', 'docker coffer prune': 'y\n' },
    atTerminal: ['docker coffer get db_password --reveal'],
    before: {
      'docker exec': desk.running('api'),
    },
  };
}

const SEAL = 'printf %s correct-horse-battery-staple | docker coffer seal';

/** Each service has one secret, whose label is still to be filled in. */
function stackFile(services: readonly (readonly [service: string, secret: string])[]): string {
  return [
    'version: "3.8"',
    'networks: { host: { external: true } }',
    'services:',
    ...services.map(
      ([service, secret]) => `  ${service}: { image: redis:alpine, networks: [host], secrets: [${secret}] }`,
    ),
    'secrets:',
    ...services.map(([, secret]) => `  ${secret}: { driver: coffer, labels: { coffer.sealed: LABEL } }`),
    '',
  ].join('\n');
}

export function sealedPage(desk: PageDesk): Circumstances {
  /** Of the secret that the page seals, and of one that has its label too. */
  const stack = (...services: readonly (readonly [service: string, secret: string])[]) => [
    async () => desk.write('shop.yml', stackFile(services)),
    desk.type(
      `label=$(${SEAL} --name db_password --stack shop --cert sealing.pem -) && sed -i "s/LABEL/$label/" shop.yml`,
    ),
  ];
  return {
    // Newer ones say on standard error that they do not wait.
    words: { ...SWARM_WORDS, 'shop.yml shop': 'shop.yml shop 2> said || cat said' },
    numbersVary: true,
    before: {
      'docker stack deploy': inTurn(...stack(['api', 'db_password'])),
      'docker exec': desk.running('shop_api'),
      'docker coffer ps': desk.oneDelivery('shop_db_password', 'current'),
      'docker coffer why': inTurn(
        ...stack(['api', 'db_password'], ['thief', 'api_token']),
        desk.type('docker stack deploy --resolve-image never --compose-file shop.yml shop'),
        desk.until(
          'docker coffer why shop_thief | tr "\\n" " " | grep "tasks: .*(failed): starting .*sealed.scope"',
        ),
      ),
    },
  };
}

export function certificatesPage(desk: PageDesk): Circumstances {
  return {
    words: { ...SWARM_WORDS, NODE: '$(docker coffer node ls -q)', 'my-server': 'redis:alpine' },
    numbersVary: true,
    before: {
      'docker exec $(docker ps -qf name=web.1) ls': inTurn(
        ...['cert', 'ca'].map((part) =>
          desk.type(
            `docker secret create --driver coffer --label coffer.cert.cn=web --label coffer.cert.sans=web.example.com,10.0.0.7 --label coffer.name=web-tls --label coffer.cert.part=${part} web.${part}`,
          ),
        ),
        desk.type(`${CREATE} --name web --secret web.ca --secret web.cert --secret web.key redis:alpine`),
        desk.running('web.1'),
      ),
    },
  };
}

export function rotationPage(desk: PageDesk): Circumstances {
  desk.write('token.txt', 'token');
  const gates = new EngineGates();
  return {
    words: SWARM_WORDS,
    before: {
      'echo "Another secret"': inTurn(
        desk.type('echo "This is a secret" | docker secret create db_password -'),
        desk.type(`${CREATE} --name api --secret db_password redis:alpine ${PICKY}`),
        desk.type(
          `${CREATE} --name web --secret db_password --replicas 2 --update-parallelism 0 redis:alpine`,
        ),
        desk.running('api'),
        desk.running('web', 2),
      ),
      'docker coffer ps': desk.until(
        'test $(docker coffer ps db_password | wc -l) = 4 && ! docker coffer ps db_password | grep stale',
      ),
      'docker coffer rotate api_token': desk.type('echo one | docker coffer put api_token -'),
      // It would be watched for a minute, so that there is something to cancel.
      'docker coffer rotate --cancel': inTurn(
        desk.type('docker service update --detach --update-monitor 60s web'),
        desk.type('echo "Not that one" | docker coffer rotate --detach db_password -'),
        desk.until('docker coffer rotate --status db_password | grep "web is being updated"'),
        desk.type('docker service update --detach --update-monitor 1s web'),
      ),
      'docker secret create': desk.type('docker coffer rm api_token'),
      'docker coffer history api_token': async () => {
        await desk.type(`${CREATE} --name app --secret api_token redis:alpine`)();
        await desk.running('app')();
        await desk.restart(daysLater(31), { COFFER_ENGINE_SOCKET: await gates.open(desk.engine) });
        await desk.until(
          'docker coffer history -q api_token | grep 2 && docker coffer rotate --status api_token | grep "has the new"',
        )();
      },
      'echo "One more"': desk.type('docker service update --detach --update-monitor 60s api'),
      'docker coffer rotate --status db_password#2': async () => {
        const socket = path.join(desk.engine.directory, 'gate.sock');
        // One that is there, and where nobody listens.
        renameSync(socket, `${socket}.away`);
        await gates.close();
        renameSync(`${socket}.away`, socket);
        await desk.until('docker coffer rotate --status db_password | grep "not moved"')();
      },
    },
  };
}

export function importPage(desk: PageDesk): Circumstances {
  desk.write('.env', "DB_PASSWORD='a secret'\nAPI_TOKEN=abc\nDEBUG=\n");
  desk.write('db.txt', 'This is a secret');
  desk.write('tls.key', 'k'.repeat(1_700));
  desk.write(
    'compose.yaml',
    'services: {}\nsecrets:\n  db: { file: ./db.txt }\n  api_key: { environment: API_KEY }\n  tls: { external: true }\n',
  );
  const update = 'deploy: { update_config: { monitor: 1s } }, stop_grace_period: 1s';
  desk.write(
    'shop.yml',
    `version: "3.8"
networks: { host: { external: true } }
services:
  web: { image: redis:alpine, networks: [host], secrets: [db_password, tls_key], ${update} }
  worker: { image: redis:alpine, networks: [host], secrets: [db_password], ${update} }
secrets:
  db_password: { file: ./db.txt }
  tls_key: { file: ./tls.key }
`,
  );
  return {
    words: {
      'docker coffer import compose': 'API_KEY=12345678901234567890 docker coffer import compose',
    },
    before: {
      'docker coffer import swarm --all --dry-run': inTurn(
        // Past the gateway, which would keep the values for coffer.
        desk.type(
          `docker --host unix://${desk.engine.socket} stack deploy --compose-file shop.yml --resolve-image never shop`,
        ),
        desk.running('shop_web'),
        desk.running('shop_worker'),
      ),
    },
  };
}

export function operationsPage(desk: PageDesk): Circumstances {
  return {
    // A busy engine may ask twice.
    words: { ...SWARM_WORDS, 'why shop': 'why shop | sed "s/, [0-9]* times//"' },
    numbersVary: true,
    before: {
      'echo "Another secret"': inTurn(
        desk.type('echo "This is a secret" | docker secret create my_secret_data -'),
        desk.type(`${CREATE} --name redis --secret my_secret_data redis:alpine`),
        desk.running('redis'),
      ),
      'docker coffer ps my_secret_data#1': desk.oneDelivery('my_secret_data', 'stale'),
      'docker coffer ps my_secret_data#2': desk.oneDelivery('my_secret_data', 'current'),
      'docker coffer why db': inTurn(
        desk.type('docker secret create --driver coffer db_password'),
        desk.type(`${CREATE} --name db --restart-delay 1s --replicas 2 --secret db_password redis:alpine`),
        desk.until('test $(docker coffer why db | grep -c "tasks: .*(failed): starting .*not found") = 2'),
      ),
      'docker coffer why#1': desk.until(
        'echo x | docker coffer put db_password - && docker coffer why | grep "^Nothing is wrong:"',
      ),
      'docker coffer why shop': desk.until(
        'echo x | docker coffer put shop_password - && ! docker run -d --network host --name shop --mount type=volume,volume-driver=coffer,source=shop_password,target=/run/secrets,readonly redis:alpine',
      ),
    },
  };
}

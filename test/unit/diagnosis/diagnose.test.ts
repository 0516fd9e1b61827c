// SPDX-License-Identifier: Apache-2.0
// What is found by what is known: each case is a swarm where one thing is wrong, and the finding that says it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { diagnose, type Finding, type WhyFacts, type WhyReply } from '../../../src/diagnosis/index.ts';
import { indexedPolicy } from '../../../src/membership/index.ts';
import type { EngineSecret } from '../../../src/engine/index.ts';
import { newSealingKey, parseSealed } from '../../../src/sealing/index.ts';
import { sealedDeliveryId } from '../../../src/secrets/index.ts';
import { aRule } from '../../support/cluster-objects.ts';
import { sealedFor } from '../../support/sealed-values.ts';
import {
  aSecret,
  delivery,
  facts,
  NOW_MS,
  ONE,
  refusal,
  registered,
  report,
  service,
  store,
  swarm,
  swarmNode,
  task,
  told,
  TWO,
} from './facts.ts';

function allOf({ findings, subjects }: WhyReply): readonly Finding[] {
  return [
    ...subjects.flatMap((subject) => [
      ...subject.findings,
      ...subject.secrets.flatMap((secret) => secret.findings),
    ]),
    ...findings,
  ];
}

function inWords({ level, mend, message, name }: Finding): string {
  return `${level} ${name}: ${message}${mend === undefined ? '' : ` => ${mend}`}`;
}

/** What is wrong, in words. */
function wrongIn(given: WhyFacts, name: string | undefined = 'web'): readonly string[] {
  return allOf(diagnose(given, name))
    .filter(({ level }) => level !== 'ok')
    .map(inWords);
}

const FAILED = task('t1', 'web', {
  state: 'failed',
  desiredState: 'shutdown',
  error: 'secret eng-db not found',
});
const NEXT = task('t2', 'web', { state: 'ready', desiredState: 'running', changedAt_ms: NOW_MS - 1_000 });
const NOT_FOUND = 'failure tasks: web.1 (failed): secret eng-db not found';

test('where nothing is wrong each thing that was looked at says so', () => {
  const reply = diagnose(facts(), 'web');
  assert.equal(reply.healthy, true);
  assert.deepEqual(reply.targets, [{ kind: 'service', name: 'web' }]);
  assert.deepEqual(allOf(reply).map(inWords), [
    'ok tasks: 1 of 1 run',
    'ok driver: Docker asks the plugin coffer, as coffer is called on two',
    'ok policy: no rule denies it',
    'ok value: version 2, the current one',
    'ok answer: task web.1 was given version 2',
    'ok manager: Docker asks the coffer of two, which leads the swarm; it answers',
  ]);
});

test('tasks that do not run are told by their numbers, however the engine lists them', () => {
  const tasks = [10, 2, 1].map((slot) => task(`t${slot}`, 'web', { slot, state: 'starting' }));
  const found = wrongIn(facts({ swarm: swarm({ tasks }) })).flatMap((text) => /web\.\d+/.exec(text) ?? []);
  assert.deepEqual(found, ['web.1', 'web.2', 'web.10']);
});

describe('what is wrong with a secret', () => {
  const waiting = { tasks: [FAILED, NEXT] };
  const deny = aRule('rule1', { effect: 'deny', service: 'web' });
  const denied = indexedPolicy('allow', [deny]);
  const cases: readonly (readonly [what: string, given: WhyFacts, expected: readonly string[]])[] = [
    [
      'there is no value, and the leader has refused it',
      facts({
        swarm: swarm(waiting),
        store: store({ secrets: [], deliveries: [] }),
        others: [told(TWO.id, { refusals: [refusal('web', 'db')] })],
      }),
      [
        NOT_FOUND,
        'failure value: coffer holds no secret db => docker coffer put db -',
        'failure answer: two refused it to task web.1.t1, 3 times [secret.not-found]',
      ],
    ],
    [
      'its version was destroyed',
      facts({
        swarm: swarm({ ...waiting, secrets: [registered('db', { labels: { 'coffer.version': '1' } })] }),
        store: store({
          secrets: [
            aSecret('db', {
              versions: [{ number: 2, createdAt_ms: 1, size: 5 }],
              destroyed: [{ number: 1, createdAt_ms: 1, size: 5, destroyedAt_ms: 2 }],
            }),
          ],
          deliveries: [],
        }),
      }),
      [
        NOT_FOUND,
        'failure value: version 1 of secret db was destroyed => docker coffer history db',
        'warning answer: coffer on two does not remember that Docker has asked it for this secret => ' +
          'docker service ps --no-trunc web; docker plugin ls, typed on two',
      ],
    ],
    [
      'a rule denies it',
      facts({ swarm: swarm(waiting), store: store({ policy: denied }) }),
      [
        NOT_FOUND,
        'failure policy: rule rule1 denies service web the secret db => docker coffer policy rm rule1',
      ],
    ],
    [
      'no rule allows it',
      facts({ store: store({ policy: indexedPolicy('deny', []) }) }),
      [
        'failure policy: no rule allows service web the secret db, and what no rule allows is denied => ' +
          'docker coffer policy add allow db --service web',
      ],
    ],
    [
      'it was refused, and would be given now',
      facts({ swarm: swarm(waiting), report: report({ refusals: [refusal('web', 'db')] }) }),
      [
        NOT_FOUND,
        'warning answer: one refused it to task web.1.t1, 3 times: coffer holds no secret db [secret.not-found]; ' +
          'it would be given now => docker service update --force web, unless Docker asks again by itself within seconds',
      ],
    ],
    [
      'it was refused for what only its manager knows',
      facts({
        swarm: swarm(waiting),
        others: [
          told(TWO.id, {
            refusals: [
              refusal('web', 'db', { code: 'store.damaged', message: 'it does not open', count: 1 }),
            ],
          }),
        ],
      }),
      [
        NOT_FOUND,
        'failure answer: two refused it to task web.1.t1: it does not open [store.damaged] => ' +
          'Store its value: docker coffer put db -',
      ],
    ],
    [
      'a refusal that is older than what was given counts for nothing',
      facts({ report: report({ refusals: [refusal('web', 'db', { at_ms: NOW_MS - 60_000 })] }) }),
      [],
    ],
    [
      'the engine asks another plugin than the one that is there',
      facts({ others: [told(TWO.id, { driverName: 'coffer2' })] }),
      [
        'failure driver: Docker asks the plugin coffer on two, where coffer is called coffer2 => ' +
          'docker secret create --driver coffer2 --label coffer.name=db NAME, for the services; ' +
          'or install coffer on two with --alias coffer',
      ],
    ],
    [
      'the secret is of a plugin that nobody knows',
      facts({ swarm: swarm({ secrets: [registered('db', { driver: 'reg:5000/coffer' })] }) }),
      [
        'failure driver: Docker asks the plugin reg:5000/coffer on two, where coffer is called coffer => ' +
          'docker secret create --driver coffer --label coffer.name=db NAME, for the services; ' +
          'or install coffer on two with --alias reg:5000/coffer',
      ],
    ],
  ];
  for (const [what, given, expected] of cases) {
    test(what, () => assert.deepEqual(wrongIn(given), expected));
  }

  test('a name with its tag is the same plugin', () => {
    assert.deepEqual(
      wrongIn(facts({ swarm: swarm({ secrets: [registered('db', { driver: 'coffer:latest' })] }) })),
      [],
    );
  });
});

describe('a value that is sealed in a label', () => {
  const key = newSealingKey('c'.repeat(25), 1);
  const sealingKeys = [{ kind: 'sealing-key', active: true, ...key }] as const;
  const label = sealedFor(key, 'db', 'value');
  const { valueId } = parseSealed(label);
  const labelled = (labels: EngineSecret['labels']): WhyFacts['swarm'] =>
    swarm({ secrets: [registered('db', { labels })] });

  test('is said to be that, and which one the task was given', () => {
    const reply = diagnose(
      facts({
        swarm: labelled({ 'coffer.sealed': label }),
        store: store({
          secrets: [],
          sealingKeys,
          deliveries: [delivery('t1', 'db', { secretId: sealedDeliveryId(valueId), version: 0 })],
        }),
      }),
      'web',
    );
    const said = allOf(reply).map(inWords);
    assert.equal(reply.healthy, true);
    assert.ok(said.includes(`ok value: sealed in label coffer.sealed, value ${valueId}`), said.join('\n'));
    assert.ok(said.includes(`ok answer: task web.1 was given sealed value ${valueId}`), said.join('\n'));
  });

  test('that was sealed for another stack is what is wrong, once', () => {
    const labels = { 'coffer.sealed': label, 'com.docker.stack.namespace': 'shop' };
    const sentence =
      'the value was sealed for secret db outside of stacks, and not for secret db of stack shop';
    const refused = refusal('web', 'db', { code: 'sealed.scope', message: sentence, hint: undefined });
    assert.deepEqual(
      wrongIn(
        facts({
          swarm: labelled(labels),
          store: store({ secrets: [], sealingKeys, deliveries: [] }),
          others: [told(TWO.id, { refusals: [refused] })],
        }),
      ),
      [
        `failure value: ${sentence} => docker coffer seal --engine-name db --stack shop -`,
        'warning answer: two refused it to task web.1.t1, 3 times [sealed.scope]',
      ],
    );
  });
});

describe('what is wrong with managers', () => {
  const silent = (code: 'transport.unreachable' | 'cluster.not-a-manager' | 'request.not-found'): WhyFacts =>
    facts({ others: [{ kind: 'silent', nodeId: TWO.id, problem: new CofferError(code, 'no route') }] });
  const ownLeads = swarm({ nodes: [swarmNode('e1', 'one', true), swarmNode('e2', 'two')] });
  const refused = (code: 'store.locked' | 'store.damaged'): WhyFacts =>
    facts({
      swarm: ownLeads,
      others: [],
      store: { kind: 'refused', reason: new CofferError(code, 'it is so', { hint: 'Do this.' }) },
    });
  const cases: readonly (readonly [what: string, given: WhyFacts, expected: readonly string[]])[] = [
    [
      'the leader of the swarm cannot be reached',
      silent('transport.unreachable'),
      [
        'failure manager: Docker asks the coffer of two, which leads the swarm, and does not answer this node: no route => ' +
          'docker coffer doctor, typed on two',
      ],
    ],
    [
      'the leader of the swarm is starting',
      silent('cluster.not-a-manager'),
      [
        'failure manager: Docker asks the coffer of two, which leads the swarm, and serves nothing: it is starting, or its store cannot be opened => ' +
          'docker coffer doctor, typed on two',
      ],
    ],
    [
      'it is of an older version',
      silent('request.not-found'),
      [
        'warning manager: Docker asks the coffer of two, which leads the swarm; it is of an older version, which cannot tell what it refused => ' +
          'docker coffer why, typed on two',
      ],
    ],
    [
      'this node leads the swarm, and is locked',
      refused('store.locked'),
      [
        'failure manager: Docker asks the coffer of this node, one, which leads the swarm, and it serves nothing: it is so => docker coffer unlock',
      ],
    ],
    [
      'this node leads the swarm, and is damaged',
      refused('store.damaged'),
      [
        'failure manager: Docker asks the coffer of this node, one, which leads the swarm, and it serves nothing: it is so => Do this.',
      ],
    ],
    [
      'no coffer is there',
      facts({ store: store({ nodes: [ONE] }), others: [] }),
      [
        'failure manager: Docker asks two, which leads the swarm, and no coffer of this cluster is there => ' +
          'docker coffer join-token manager, and install coffer on two with that',
      ],
    ],
    [
      'coffer is a worker there',
      facts({ store: store({ nodes: [ONE, { ...TWO, role: 'worker' }] }), others: [] }),
      [
        'failure manager: Docker asks two, which leads the swarm, and coffer is a worker there, without secrets => ' +
          'docker coffer node promote id-two',
      ],
    ],
    [
      'nobody leads the swarm',
      facts({ swarm: swarm({ nodes: [swarmNode('e1', 'one')] }) }),
      [
        'failure swarm: the swarm has no leader at the moment: no task is started, and no secret asked for => docker node ls',
      ],
    ],
    [
      'its clock is behind',
      facts({ others: [told(TWO.id, { now_ms: NOW_MS - 61_000 })] }),
      [
        "warning clock: the clock of two is 61 seconds behind this node's: certificates and times are judged by it => " +
          'timedatectl set-ntp true, typed on two and here',
      ],
    ],
    [
      'its clock is off by less than ten seconds',
      facts({ others: [told(TWO.id, { now_ms: NOW_MS + 9_000 })] }),
      [],
    ],
    [
      'its audit log cannot be written',
      facts({ others: [told(TWO.id, { auditProblem: 'syslog: nobody listens' })] }),
      [
        'failure audit log: two delivers nothing: syslog: nobody listens => ' +
          'mend what is named, on two; it goes on by itself',
      ],
    ],
    [
      'the disk of its audit log is full',
      facts({ others: [told(TWO.id, { auditProblem: 'file: ENOSPC: no space left on device' })] }),
      [
        'failure audit log: two delivers nothing: file: ENOSPC: no space left on device => ' +
          'df -h, typed on two, and make room; it goes on by itself',
      ],
    ],
    [
      'another manager is silent, and not the one that is asked',
      facts({
        swarm: ownLeads,
        others: [{ kind: 'silent', nodeId: TWO.id, problem: new CofferError('transport.timeout', 'late') }],
      }),
      [
        'warning manager: not reached: two; what was refused there is not known => docker coffer doctor, typed on two',
      ],
    ],
  ];
  for (const [what, given, expected] of cases) {
    test(what, () => assert.deepEqual(wrongIn(given), expected));
  }

  test('one that does not answer may be locked, where managers have to be unlocked', () => {
    const serving = store();
    assert.ok(serving.kind === 'serving');
    const problem = new CofferError('transport.unreachable', 'nobody listens there');
    const given = facts({
      store: { ...serving, isAutolocked: true },
      others: [{ kind: 'silent', nodeId: TWO.id, problem }],
    });
    const mend = 'docker coffer status, typed on two; if it is locked: docker coffer unlock';
    const whom = 'Docker asks the coffer of two, which leads the swarm, and does not answer this node';
    assert.deepEqual(wrongIn(given), [`failure manager: ${whom}: nobody listens there => ${mend}`]);
    const elsewhere = { ...given, swarm: ownLeads };
    assert.deepEqual(wrongIn(elsewhere), [
      `warning manager: not reached: two; what was refused there is not known => ${mend}`,
    ]);
  });

  test('without a majority what is said may be old', () => {
    const serving = store();
    assert.ok(serving.kind === 'serving');
    assert.match(
      wrongIn(facts({ store: { ...serving, freshness: 'local' } })).join(),
      /^warning quorum: .*may be old/,
    );
  });
});

test('on a worker nothing is wrong for want of what only managers know', () => {
  const given = facts({
    swarm: { kind: 'unknown', problem: new CofferError('engine.refused', 'the engine manages no swarm') },
    store: { kind: 'refused', reason: new CofferError('cluster.not-a-manager', 'this node is a worker') },
    others: [],
  });
  const { findings, healthy } = diagnose(given, undefined);
  assert.equal(healthy, true);
  assert.deepEqual(findings.map(inWords), [
    'ok swarm: services and tasks are not known here: the engine manages no swarm',
    'ok manager: what managers know is not known here: this node is a worker',
  ]);
});

describe('what is asked about', () => {
  const two = facts({
    swarm: swarm({
      services: [service('web', ['db']), service('api', ['alias']), service('bare', [])],
      tasks: [task('t1', 'web'), task('abc1', 'api'), task('abc2', 'api', { slot: 2 })],
      secrets: [
        registered('db'),
        registered('alias', { labels: { 'coffer.name': 'DB' } }),
        registered('own', { driver: 'vault' }),
      ],
    }),
    store: store({ deliveries: [delivery('t1', 'db')] }),
  });
  const subjectsOf = (name?: string): readonly string[] =>
    diagnose(two, name).subjects.map(
      (one) => `${one.name}: ${one.secrets.map((secret) => secret.registered).join()}`,
    );

  test('is a service, by its name and by the beginning of its id', () => {
    assert.deepEqual(subjectsOf('web'), ['web: db']);
    assert.deepEqual(subjectsOf('svc-w'), ['web: db']);
  });

  test('is a task, as docker service ps has it, or by the beginning of its id', () => {
    for (const name of ['api.2', 'api.2.abc2', 'abc2']) {
      assert.deepEqual(subjectsOf(name), ['api: alias'], name);
      assert.equal(diagnose(two, name).targets[0]?.name, 'api.2.abc2');
    }
  });

  test('is a secret, with all services that have it by whatever name', () => {
    assert.deepEqual(subjectsOf('db'), ['web: db', 'api: alias']);
    assert.deepEqual(subjectsOf('alias'), ['web: db', 'api: alias']);
  });

  test('is a service and a secret where they have one name', () => {
    const named = facts({
      swarm: swarm({
        services: [service('db', ['db', 'other']), service('web', ['db'])],
        secrets: [registered('db'), registered('other')],
      }),
    });
    const reply = diagnose(named, 'db');
    assert.deepEqual(
      reply.targets.map(({ kind }) => kind),
      ['service', 'secret'],
    );
    const told = reply.subjects.map((one) => [one.name, one.secrets.length] as const);
    assert.deepEqual(
      told.toSorted(([a], [b]) => (a < b ? -1 : 1)),
      [
        ['db', 2],
        ['web', 1],
      ],
    );
  });

  test('is everybody who has a secret of coffer, without a name', () => {
    assert.deepEqual(subjectsOf().toSorted(), ['api: alias', 'web: db']);
  });

  test('is a service without a secret, which is said to have none', () => {
    assert.deepEqual(subjectsOf('bare'), ['bare: ']);
  });

  test('is not there, or is the beginning of several: one sentence', () => {
    const code = (name: string): string => {
      try {
        diagnose(two, name);
        return 'found';
      } catch (thrown) {
        return CofferError.from(thrown).message;
      }
    };
    assert.match(
      code('nobody'),
      /^\[why\.not-found\] no service, task, secret, container or volume is known here as nobody$/,
    );
    assert.match(code('abc'), /^\[why\.ambiguous\] abc means task api\.1\.abc1 and task api\.2\.abc2$/);
    assert.equal(code('own'), 'found', 'that nobody has of coffer');
    assert.match(code('\u0000'), /why\.not-found\] .*"\\u0000"$/);
  });

  test('is what was refused, where the engine cannot be asked', () => {
    const blind = facts({
      swarm: { kind: 'unknown', problem: new CofferError('engine.unreachable', 'no engine') },
      others: [told(TWO.id, { refusals: [refusal('web', 'db')] })],
    });
    for (const name of ['web', 'db', 'web.1.t1', undefined]) {
      const reply = diagnose(blind, name);
      assert.deepEqual(
        reply.subjects.map((one) => [one.name, one.secrets.map((secret) => secret.findings.map(inWords))]),
        [
          [
            'web',
            [
              [
                'failure answer: two refused it to task web.1.t1, 3 times: coffer holds no secret db [secret.not-found] => ' +
                  'Store its value: docker coffer put db -',
              ],
            ],
          ],
        ],
        name,
      );
    }
    assert.match(
      wrongIn(blind, undefined).at(-1) ?? '',
      /^warning swarm: services and tasks are not known here: no engine/,
    );
  });
});

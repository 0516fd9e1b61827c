// SPDX-License-Identifier: Apache-2.0
// What is found of volumes and containers of this node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnose, type Finding, type StoreFacts, type WhyFacts } from '../../../src/diagnosis/index.ts';
import type { EngineContainer } from '../../../src/engine/index.ts';
import { type GrantObject, indexedPolicy, type PolicyRuleObject } from '../../../src/membership/index.ts';
import { aRule } from '../../support/cluster-objects.ts';
import { facts, NOW_MS, ONE, report, store } from './facts.ts';

const SHOP: EngineContainer = {
  id: 'c0ffee00',
  name: 'shop',
  image: 'redis:8',
  imageId: 'sha256:00',
  labels: {},
  state: 'created',
  volumes: ['creds'],
};
const GRANT: GrantObject = {
  kind: 'grant',
  id: 'grant1',
  secret: 'DB',
  nodeId: ONE.id,
  container: 'sh*',
  labels: {},
  image: '',
  grantedAt_ms: 1,
};

interface Given {
  readonly options?: Readonly<Record<string, string>>;
  readonly container?: Partial<EngineContainer>;
  readonly grants?: readonly GrantObject[];
  readonly isMounted?: boolean;
  readonly isRefused?: boolean;
  readonly problem?: string;
  readonly rules?: readonly PolicyRuleObject[];
}

function withVolume({
  container,
  grants = [GRANT],
  isMounted = false,
  isRefused = false,
  options = { secrets: 'db' },
  problem,
  rules = [],
}: Given): WhyFacts {
  const serving = store({ policy: indexedPolicy('deny', rules) }) as Extract<StoreFacts, { kind: 'serving' }>;
  const refused = {
    kind: 'volume',
    volume: 'creds',
    users: ['shop'],
    at_ms: NOW_MS - 1_000,
    code: 'volume.refused',
    message: 'container shop may not have db',
    hint: 'Allow it: docker coffer grant db',
    count: 1,
  } as const;
  return facts({
    swarm: { kind: 'none' },
    others: [],
    store: { ...serving, grants },
    report: report({ refusals: isRefused ? [refused] : [] }),
    volumes: {
      volumes: [{ name: 'creds', options, isMounted }],
      containers: [{ ...SHOP, ...container }],
      problem,
    },
  });
}

function wrongIn(given: WhyFacts, name: string): readonly string[] {
  const { findings, subjects } = diagnose(given, name);
  const all: readonly Finding[] = [
    ...subjects.flatMap((one) => [...one.findings, ...one.secrets.flatMap((secret) => secret.findings)]),
    ...findings,
  ];
  return all
    .filter(({ level }) => level !== 'ok')
    .map(({ level, mend, message, name: what }) => `${level} ${what}: ${message} => ${mend ?? ''}`);
}

test('a volume is found by its name, by its container, and by the secret in it', () => {
  const given = withVolume({ isMounted: true });
  for (const name of ['creds', 'shop', 'c0ff', 'db']) {
    const reply = diagnose(given, name);
    assert.deepEqual(
      reply.subjects.map((one) => [one.kind, one.name, one.secrets.map((secret) => secret.name)]),
      [['volume', 'creds', ['db']]],
      name,
    );
    assert.equal(reply.healthy, true, name);
  }
});

test('what keeps a container from its volume is told, with what mends it', () => {
  const notMounted =
    'warning containers: it is not mounted; it is that of shop (created) => docker start shop';
  const cases: readonly (readonly [what: string, given: Given, expected: readonly string[]])[] = [
    ['nothing, and it was not started', {}, [notMounted]],
    [
      'no grant, and that was refused',
      { grants: [], isRefused: true },
      [
        notMounted,
        'failure answer: one refused it for shop: container shop may not have db [volume.refused] => ',
        'failure grant: none lets shop have it on this node => docker coffer grant db --node one --container shop',
      ],
    ],
    [
      'a grant for another container',
      { grants: [{ ...GRANT, container: 'other' }] },
      [
        notMounted,
        'failure grant: none lets shop have it on this node => docker coffer grant db --node one --container shop',
      ],
    ],
    [
      'no value',
      { options: { secrets: 'api' }, grants: [{ ...GRANT, secret: 'api' }] },
      [notMounted, 'failure value: coffer holds no secret api => docker coffer put api -'],
    ],
    [
      'options that say nothing clear',
      { options: { mode: '0666' } },
      [
        'failure value: the option mode lets somebody write, and secrets are only read => ' +
          'Give three octal digits without write permission, such as 0444 or 0400.',
      ],
    ],
    [
      'no manager that tells the node what it is due',
      { isMounted: true, problem: 'no manager answers' },
      ['warning agent: no manager answers => docker coffer status'],
    ],
    [
      'a rule that denies what is granted',
      { isMounted: true, rules: [aRule('rule1', { effect: 'deny', image: 'redis:8' })] },
      ['failure policy: rule rule1 denies this container the secret db => docker coffer policy rm rule1'],
    ],
    [
      'a task of a service needs no grant',
      { grants: [], isMounted: true, container: { labels: { 'com.docker.swarm.service.name': 'web' } } },
      [],
    ],
  ];
  for (const [what, given, expected] of cases) {
    assert.deepEqual(wrongIn(withVolume(given), 'creds'), expected, what);
  }
});

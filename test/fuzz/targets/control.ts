// SPDX-License-Identifier: Apache-2.0
// What is asked over the control socket, and what the command line is answered.
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { parse } from 'node:querystring';
import * as v from 'valibot';
import { CommandError } from '../../../src/cli/command-error.ts';
import { replyIn } from '../../../src/cli/answer.ts';
import * as auditReplies from '../../../src/cli/audit-replies.ts';
import * as clusterReplies from '../../../src/cli/cluster-replies.ts';
import * as forceReplies from '../../../src/cli/force-replies.ts';
import * as grantReplies from '../../../src/cli/grant-replies.ts';
import * as ledgerReplies from '../../../src/cli/ledger-replies.ts';
import * as policyReplies from '../../../src/cli/policy-replies.ts';
import * as replies from '../../../src/cli/replies.ts';
import * as rotationReplies from '../../../src/cli/rotation-replies.ts';
import * as sealingReplies from '../../../src/cli/sealing-client.ts';
import * as whyReplies from '../../../src/cli/why-reply.ts';
import { BODIES, readJson } from '../../../src/control/json-body.ts';
import { QUERIES, readQuery } from '../../../src/control/query.ts';
import { readHealthCodes } from '../../../src/monitoring/health-codes.ts';
import { checkHost, checkOrigin, cookieIn } from '../../../src/ui/guard.ts';
import { CANARY } from '../canary.ts';
import { chosen, chosenSeeds, codes, type FuzzTarget, ofText, textSeeds } from '../target.ts';

const told = [{ node: 'b', lastEntry: { term: 3, index: 4_711 } }];
const WISHES: Readonly<Record<keyof typeof BODIES, unknown>> = {
  swarmImport: { names: ['db'], apply: true, dryRun: false, timeout_ms: 60_000 },
  grantWish: { secret: 'db', node: 'b', container: 'web-*', labels: { a: 'b' }, image: 'redis:8' },
  policyRuleWish: {
    effect: 'allow',
    secret: 'db-*',
    service: 'web',
    stack: 'shop',
    serviceLabels: { a: 'b' },
    image: 'redis',
    node: 'b',
    nodeLabels: { zone: 'eu' },
  },
  policyDefault: { effect: 'deny' },
  lostRecord: { seq: 3, at_ms: 5 },
  dataKeySchedule: { every_ms: 86_400_000 },
  backupSchedule: {
    schedule: { every_ms: 86_400_000, offset_ms: 0, recipients: ['coffer-backup-recipient-1-ab'], keep: 7 },
  },
  autolock: { enabled: true, peerUnlock: true },
  peerUnlock: { enabled: true },
  survivors: { told },
  forceNewCluster: { told, othersAreGone: true },
  unlockKeyWish: { rotate: true, shares: { threshold: 2, count: 3 } },
  role: { role: 'manager', force: true },
  rebuildWish: { join: ['10.0.0.1:7373'], token: `coffer-1-m-${CANARY}` },
  lifetime: { lifetime_ms: 3_600_000 },
  tokenWish: { role: 'worker', ttl_ms: 60_000, uses: 1, rotate: true },
};

const ID = 'ab'.repeat(16);
const TYPED: Readonly<Record<keyof typeof QUERIES, string>> = {
  audit: 'since_ms=5&secret=db&event=put&tail=10',
  backupHeader: 'file=coffer-20261125T030007Z-n.backup',
  drill: 'file=coffer-20261125T030007Z-n.backup&size=5',
  grants: 'secret=db&node=b',
  ledger: 'secret=db',
  none: '',
  policyTest: 'service=web&secret=db&default=deny',
  put: `expect=absent&label=a%3Db&label=c%3Dd&request=${ID}`,
  generate: `expect=3&label=a%3Db&request=${ID}&spec=hex:32`,
  remove: 'force=1',
  rollback: 'version=3&expect=4',
  rotate: 'renew=1&expect=3&spec=uuid&timeout_ms=60000',
  rotations: 'secret=db',
  destroy: 'version=3&version=4',
  prune: 'keep=3',
  reveal: 'version=3',
  refusals: 'name=web',
  restore: 'existing=skip&check=1',
};

/** A request whose body has come. */
function requestOf(body: Buffer): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.headers['content-type'] = 'application/json';
  request.push(body);
  request.push(null);
  return request;
}

const SCHEMAS: readonly v.GenericSchema[] = [
  auditReplies,
  clusterReplies,
  forceReplies,
  grantReplies,
  ledgerReplies,
  policyReplies,
  replies,
  rotationReplies,
  sealingReplies,
  whyReplies,
]
  .flatMap((replyModule): readonly unknown[] => Object.values(replyModule))
  .filter(
    (value): value is v.GenericSchema =>
      typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'schema',
  );

const SECRET = {
  id: 'i',
  name: 'db',
  labels: { a: 'b' },
  origin: 'control',
  pending: false,
  version: 3,
  size: 7,
  versions: [],
  createdAt_ms: 1,
  updatedAt_ms: 2,
};
const refused = (thrown: unknown): boolean => thrown instanceof CommandError;

function guard(text: string): void {
  const [host = '', origin = '', cookie = '', site = ''] = text.split('\n');
  cookieIn({ cookie }, 'coffer');
  checkHost({ host });
  checkOrigin({ host, origin, 'sec-fetch-site': site });
}

export const controlTargets: readonly FuzzTarget[] = [
  {
    name: 'control/bodies',
    seeds: () => chosenSeeds(BODIES, WISHES),
    refuses: codes('request.invalid', 'request.too-large'),
    // The names of keys; a secret is none.
    mayQuote: /unknown key .* in the body|the body lacks .*/g,
    run: chosen(Object.values(BODIES), (schema, bytes) => readJson(requestOf(bytes), schema)),
  },
  {
    name: 'control/queries',
    seeds: () => chosenSeeds(QUERIES, TYPED),
    refuses: codes('request.invalid'),
    run: chosen(Object.values(QUERIES), (schema, bytes) => readQuery(schema, parse(bytes.toString('utf8')))),
    words: ['&', '=', '%', '%00', '%ff', '__proto__=x', 'label=', 'version=', '[]=', '[a]='],
  },
  {
    name: 'cli/replies',
    seeds: () =>
      SCHEMAS.map((_schema, place) =>
        Buffer.concat([
          Buffer.of(place),
          Buffer.from(JSON.stringify({ secret: SECRET, changed: true, code: 'a', message: 'b' })),
        ]),
      ).filter((_seed, place) =>
        v.is(SCHEMAS[place] ?? v.never(), { secret: SECRET, changed: true, code: 'a', message: 'b' }),
      ),
    refuses: refused,
    run: chosen(SCHEMAS, (schema, bytes) => replyIn(200, bytes.toString('utf8'), schema)),
    words: Object.keys(SECRET).map((key) => `"${key}":`),
  },
  {
    name: 'cli/refusals',
    seeds: textSeeds('{"ready":true}'),
    refuses: refused,
    // One that says yes, so that there is a seed, and one that says no.
    run: ofText((text) => replyIn(text.startsWith('{"ready"') ? 200 : 409, text, v.unknown())),
    words: ['{"code":"a","message":"b"}', '"hint":', '"request":'],
  },
  {
    name: 'monitoring/health',
    seeds: textSeeds(
      'standbyok=true&activecode=204&sealedcode=503',
      'standbycode=200&uninitcode=501&perfstandbyok=1',
    ),
    refuses: codes('request.invalid'),
    run: ofText((text) => readHealthCodes(new URLSearchParams(text))),
    words: ['standbyok', 'activecode=', '&'],
  },
  {
    name: 'ui/headers',
    seeds: textSeeds('127.0.0.1:8080\nhttp://127.0.0.1:8080\ncoffer=abc; other=1\nsame-origin'),
    refuses: codes('ui.refused'),
    run: ofText(guard),
    words: ['localhost', '127.0.0.1', ';', 'coffer='],
  },
];

// SPDX-License-Identifier: Apache-2.0
// What nodes say to each other beside the log.
import * as fc from 'fast-check';
import { BODY, decodeBody } from '../../../src/cluster/rpc-body.ts';
import {
  decodeManagerMessage,
  decodeNodeMessage,
  encodeManagerMessage,
  encodeNodeMessage,
} from '../../../src/distribution/message-codec.ts';
import { parseVolume } from '../../../src/distribution/volume-spec.ts';
import { parseMountPoints } from '../../../src/distribution/agent/mount-points.ts';
import { managerMessages, nodeMessages } from '../../unit/distribution/messages.ts';
import { CANARY } from '../canary.ts';
import { chosen, chosenSeeds, codes, type FuzzTarget, ofText, stable, textSeeds } from '../target.ts';
import { SEED } from './seed.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const MANAGERS = [{ nodeId: 'one', raftId: 7, address: '10.0.0.1:7373' }];

/** A body of each schema. */
const BODIES: Readonly<Record<keyof typeof BODY, unknown>> = {
  nothing: {},
  authority: { roots: [PEM] },
  join: {
    tokenId: 'abcdefgh',
    secret: Buffer.from(CANARY).toString('base64'),
    role: 'worker',
    request: PEM,
    hostname: 'host',
    address: '10.0.0.2:7373',
    engineNodeId: 'engine',
  },
  identity: {
    clusterId: 'cluster',
    nodeId: 'node',
    role: 'manager',
    raftId: 7,
    certificates: [PEM],
    roots: [PEM],
    managers: MANAGERS,
  },
  hello: { hostname: 'host', address: '10.0.0.2:7373', engineNodeId: 'engine' },
  welcome: { role: 'manager', raftId: 7, roots: [PEM], managers: MANAGERS, leader: 'one' },
  renew: { request: PEM },
  unlock: { unlockKeyIds: ['0123456789abcdef'] },
  admin: { call: 'setRole', arguments: ['one', { role: 'worker' }], request: 'ab'.repeat(16) },
  position: { term: 3, index: 9 },
  reportReply: {
    now_ms: 1.5,
    driverName: 'coffer',
    auditProblem: 'it is full',
    refusals: [
      {
        kind: 'secret',
        service: 's',
        serviceId: 'i',
        task: 't',
        secret: 'db',
        at_ms: 1,
        code: 'policy.denied',
        message: 'no',
        hint: 'ask',
        count: 2,
      },
      {
        kind: 'volume',
        volume: 'v',
        users: ['a'],
        at_ms: 1,
        code: 'volume.refused',
        message: 'no',
        count: 1,
      },
    ],
  },
  adminReply: { result: { any: [1, 'thing'] } },
};

/** Of `name=value` lines. A name may be quoted, and so no piece of the canary becomes one. */
function optionsOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text.split('\n').map((line) => {
      const [name = '', ...rest] = line.split('=');
      return [name.replaceAll(/[^a-z]/g, ''), rest.join('=')];
    }),
  );
}

export const nodeTargets: readonly FuzzTarget[] = [
  {
    name: 'distribution/of-nodes',
    seeds: () => fc.sample(nodeMessages, { seed: SEED, numRuns: 20 }).map(encodeNodeMessage),
    refuses: codes('request.invalid'),
    run: stable(decodeNodeMessage, encodeNodeMessage),
  },
  {
    name: 'distribution/of-managers',
    seeds: () => fc.sample(managerMessages, { seed: SEED, numRuns: 20 }).map(encodeManagerMessage),
    refuses: codes('request.invalid'),
    run: stable(decodeManagerMessage, encodeManagerMessage),
    cost: 4,
    memory_bytes: 256 * 1024,
  },
  {
    name: 'cluster/bodies',
    seeds: () => chosenSeeds(BODY, BODIES),
    refuses: codes('request.invalid'),
    run: chosen(Object.values(BODY), (schema, bytes) => decodeBody(schema, bytes)),
  },
  {
    name: 'distribution/volume-options',
    seeds: textSeeds(
      'secret=db',
      'secrets=db,web:file,tls:key.pem:0400\nuid=1000\ngid=1000\nmode=0440',
      `secret=db:${CANARY}`,
    ),
    refuses: codes('volume.options-invalid'),
    run: ofText((text) => parseVolume('db', optionsOf(text))),
    words: ['secret=', 'secrets=', 'uid=', 'gid=', 'mode=', 'driver='],
  },
  {
    name: 'distribution/mount-points',
    seeds: textSeeds(
      '29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n36 29 0:31 / /mnt\\040x ro,nosuid master:2 - tmpfs coffer ro',
    ),
    refuses: () => false,
    run: ofText(parseMountPoints),
    words: [' - ', 'shared:', '\\040', '\\777'],
  },
];

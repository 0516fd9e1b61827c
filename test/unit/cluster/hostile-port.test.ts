// SPDX-License-Identifier: Apache-2.0
// Who may speak on a manager's port, on the leader's and on a follower's: every kind of stranger on every protocol.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PROTOCOL } from '../../../src/cluster/authorize.ts';
import { DISPATCH_PROTOCOL } from '../../../src/distribution/index.ts';
import type { NodeObject } from '../../../src/membership/index.ts';
import { createAuthority, exportKey } from '../../../src/pki/index.ts';
import { newSecretId } from '../../../src/secrets/index.ts';
import type { TlsCredentials } from '../../../src/transport/index.ts';
import { TestAuthority } from '../../support/test-certificates.ts';
import { RawPeer } from '../transport/transport-harness.ts';
import { DAY_MS } from '../../support/cluster-objects.ts';
import { issueBy, type TestNode } from './cluster-harness.ts';
import { issueByOpenSsl } from './openssl-issue.ts';
import { attempt, outcomeOf } from './port-attempt.ts';
import { type PortCluster, startPortCluster } from './port-cluster.ts';

const HALF_HOUR_MS = 30 * 60_000;
const MANAGERS_PROTOCOLS: readonly string[] = [PROTOCOL.raft, PROTOCOL.snapshot];
const MEMBERS_PROTOCOLS: readonly string[] = [PROTOCOL.member, DISPATCH_PROTOCOL];
const TABLE_PROTOCOLS = [...MANAGERS_PROTOCOLS, ...MEMBERS_PROTOCOLS, PROTOCOL.join];

describe('the port of a manager', () => {
  let cluster: PortCluster;
  let leader: TestNode;
  let follower: TestNode;
  let valid: NodeObject;
  let worker: NodeObject;
  let removed: NodeObject;
  let demoted: NodeObject;

  before(async () => {
    cluster = await startPortCluster();
    ({ leader, follower, valid, worker, removed, demoted } = cluster);
  });
  after(async () => cluster?.destroy());

  const clusterId = (): string => leader.store.status().clusterId;
  const asManager = (nodeId: string, now_ms?: number, lifetime_ms?: number): TlsCredentials =>
    leader.issue({ nodeId, role: 'manager' }, now_ms, lifetime_ms);

  /** Names as the leader's, from a CA that calls itself the cluster's. */
  function foreign(id: string): TlsCredentials {
    const { certificate, privateKey } = createAuthority({ clusterId: id, now_ms: Date.now() });
    const authority = { certificate, privateKey: exportKey(privateKey) };
    return issueBy(authority, { nodeId: valid.id, role: 'manager', clusterId: id });
  }

  function selfSigned(): TlsCredentials {
    const names = new TestAuthority(clusterId());
    try {
      return names.selfSigned(valid.id);
    } finally {
      names.remove();
    }
  }

  /** As a node has it before it joins. */
  function provisional(): TlsCredentials {
    const { certificate, privateKey } = createAuthority({ clusterId: clusterId(), now_ms: Date.now() });
    return { certificate, key: privateKey.export({ type: 'pkcs8', format: 'pem' }), roots: [] };
  }

  const NO_CERTIFICATE = /^transport\.refused: .*shows no certificate/;
  const UNTRUSTED = /^pki\.certificate-invalid: .*(SELF_SIGNED|UNABLE_TO|SIGNATURE_FAILURE)/;
  const invalid = (verdict: string): RegExp => new RegExp(`^pki\\.certificate-invalid: .*${verdict}`);
  const OPEN = /^accepted$/;

  interface Row {
    readonly who: string;
    readonly credentials: () => TlsCredentials | undefined;
    /** The answer to a manager's protocols, and to a member's. Anybody may speak that of strangers. */
    readonly managers: RegExp;
    readonly members: RegExp;
  }

  const same = (answer: RegExp): Pick<Row, 'managers' | 'members'> => ({ managers: answer, members: answer });
  const ROWS: readonly Row[] = [
    { who: 'no certificate', credentials: () => undefined, ...same(NO_CERTIFICATE) },
    { who: 'a self-signed one with the right names', credentials: selfSigned, ...same(UNTRUSTED) },
    {
      who: 'that of a node that has not joined yet',
      credentials: provisional,
      ...same(invalid('INVALID_PURPOSE')),
    },
    {
      who: 'one of a foreign CA with the right names (A46)',
      credentials: () => foreign(clusterId()),
      ...same(UNTRUSTED),
    },
    {
      who: 'one of another cluster, from its own CA',
      credentials: () => foreign(newSecretId()),
      ...same(UNTRUSTED),
    },
    {
      who: 'one that names another cluster, from this CA',
      credentials: () =>
        issueByOpenSsl(leader.authority, `/O=${newSecretId()}/OU=coffer-manager/CN=${valid.id}`),
      ...same(/^pki\.certificate-invalid: node .* is of another cluster/),
    },
    {
      who: 'one without a role, from this CA',
      credentials: () => issueByOpenSsl(leader.authority, `/O=${clusterId()}/OU=coffer-king/CN=${valid.id}`),
      ...same(/^pki\.certificate-invalid: .*no role/),
    },
    {
      who: "the CA's own",
      credentials: () => ({
        certificate: leader.authority.certificate,
        key: keyPem(leader.authority.privateKey),
        roots: [],
      }),
      ...same(/^pki\.certificate-invalid/),
    },
    {
      who: "a worker's",
      credentials: () => leader.issue({ nodeId: worker.id, role: 'worker' }),
      managers: /^cluster\.role: node .* is a worker/,
      members: OPEN,
    },
    {
      who: "a worker's, with a manager's certificate",
      credentials: () => asManager(worker.id),
      managers: /^cluster\.role: .*manager no longer/,
      members: OPEN,
    },
    {
      who: 'one that has expired',
      credentials: () => asManager(valid.id, Date.now() - HALF_HOUR_MS, 60_000),
      ...same(invalid('CERT_HAS_EXPIRED')),
    },
    {
      who: 'one that is not valid yet',
      credentials: () => asManager(valid.id, Date.now() + DAY_MS),
      ...same(invalid('CERT_NOT_YET_VALID')),
    },
    {
      who: 'that of a node that was removed (A43)',
      credentials: () => asManager(removed.id),
      ...same(/^cluster\.node-removed: node .* was removed/),
    },
    {
      who: 'that of a node that never joined',
      credentials: () => asManager(newSecretId()),
      ...same(/^cluster\.node-unknown/),
    },
    {
      who: 'the old one of a manager that was demoted (A48)',
      credentials: () => asManager(demoted.id),
      managers: /^cluster\.role: .*manager no longer/,
      members: OPEN,
    },
    { who: 'a valid one', credentials: () => asManager(valid.id), ...same(OPEN) },
  ];

  for (const [name, at] of [
    ['leader', () => leader],
    ['follower', () => follower],
  ] as const) {
    for (const row of ROWS) {
      test(`of the ${name}: ${row.who}`, async (t) => {
        const credentials = row.credentials();
        for (const protocol of TABLE_PROTOCOLS) {
          const ofMembers = MEMBERS_PROTOCOLS.includes(protocol) ? row.members : row.managers;
          const expected = protocol === PROTOCOL.join ? OPEN : ofMembers;
          assert.match(await attempt(t, at().port, protocol, credentials), expected, protocol);
        }
      });
    }

    test(`of the ${name}: an unknown protocol, and none`, async (t) => {
      const credentials = asManager(valid.id);
      for (const protocol of ['http/1.1', 'coffer-raft/2', 'h2']) {
        assert.match(
          await attempt(t, at().port, protocol, credentials),
          /^closed: .*(alert|no application)/i,
        );
      }
    });

    test(`of the ${name}: only TLS 1.3 is spoken`, async (t) => {
      const options = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
      const peer = RawPeer.member(t, at().port, PROTOCOL.raft, asManager(valid.id), options);
      await peer.over();
      assert.match(outcomeOf(peer) ?? '', /^closed: .*(protocol version|alert)/i);
    });
  }
});

function keyPem(pkcs8: Buffer): string {
  return `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`;
}

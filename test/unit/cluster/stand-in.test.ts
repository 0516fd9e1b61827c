// SPDX-License-Identifier: Apache-2.0
// What a manager does whose certificate is not valid: decided from its own state and clock alone.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newAuthority, nextAuthority } from '../../../src/cluster/certificates.ts';
import { cutOffBy } from '../../../src/cluster/cut-off.ts';
import type { NodeIdentityFile } from '../../../src/cluster/identity.ts';
import { STAND_IN_MS, standInChange, standInFor } from '../../../src/cluster/stand-in.ts';
import { CofferError } from '../../../src/common/index.ts';
import type { AuthorityObject, ClusterObject, NodeObject } from '../../../src/membership/index.ts';
import {
  authorityDigest,
  checkChain,
  describeCertificate,
  exportKey,
  generateKey,
  importKey,
  issueCertificate,
} from '../../../src/pki/index.ts';
import { aNode, aRevocation, DAY_MS, HOUR_MS } from '../../support/cluster-objects.ts';
import { viewOf } from './service-harness.ts';

const CLUSTER_ID = 'c'.repeat(25);
const NODE_ID = 'n'.repeat(25);
const START_MS = Date.UTC(2030, 0, 1);
const LIFETIME_MS = 90 * DAY_MS;
const AUTHORITY = newAuthority(CLUSTER_ID, START_MS);
const KEY = generateKey();
const SUBJECT = { clusterId: CLUSTER_ID, nodeId: NODE_ID, role: 'manager' } as const;

function issued(at_ms: number, lifetime_ms = LIFETIME_MS, key = KEY): string {
  const authority = { ...AUTHORITY, privateKey: importKey(AUTHORITY.privateKey) };
  return issueCertificate({ authority, publicKey: key, subject: SUBJECT, now_ms: at_ms, lifetime_ms });
}

function identityWith(certificate: string): NodeIdentityFile {
  return {
    ...SUBJECT,
    raftId: 7,
    storeMade: true,
    certificates: [certificate],
    key: exportKey(KEY),
    roots: [AUTHORITY.certificate],
    managers: [],
  };
}

function recorded(certificate: string, change: Partial<NodeObject> = {}): NodeObject {
  const { notAfter_ms, publicKeyFingerprint } = describeCertificate(certificate);
  const digest = authorityDigest(AUTHORITY.certificate).toString('hex');
  return {
    ...aNode('n', 'manager', 7),
    id: NODE_ID,
    certificate: { certificate, publicKeyFingerprint, notAfter_ms, authorityDigest: digest },
    ...change,
  };
}

const FIRST = issued(START_MS);
const LATER_MS = START_MS + 100 * DAY_MS;
const RENEWED = issued(LATER_MS);
const AHEAD = issued(START_MS + 400 * DAY_MS, STAND_IN_MS);

interface Case {
  readonly what: string;
  readonly own?: string;
  readonly state?: readonly ClusterObject[];
  readonly now_ms: number;
  readonly does: 'none' | 'issue' | 'recorded' | 'cluster.identity-expired' | 'cluster.node-removed';
}

const CASES: readonly Case[] = [
  { what: 'a certificate that is valid is kept', now_ms: START_MS + DAY_MS, does: 'none' },
  { what: 'one is made for a certificate that has expired', now_ms: LATER_MS, does: 'issue' },
  {
    what: 'a manager that is on its way out makes one too: until it is out, its vote may be needed',
    state: [AUTHORITY, recorded(FIRST, { leaving: 'removed' })],
    now_ms: LATER_MS,
    does: 'issue',
  },
  {
    what: 'the one that the log has taken is used, if a crash came before it was put into use',
    state: [AUTHORITY, recorded(RENEWED)],
    now_ms: LATER_MS,
    does: 'recorded',
  },
  {
    what: 'not so if the log has taken it for another key, which was lost',
    state: [AUTHORITY, recorded(issued(LATER_MS, LIFETIME_MS, generateKey()))],
    now_ms: LATER_MS,
    does: 'issue',
  },
  {
    what: 'a clock that is behind, by the certificates of others too, makes none',
    own: RENEWED,
    state: [AUTHORITY, recorded(RENEWED), recorded(RENEWED, { id: 'another' })],
    now_ms: LATER_MS - DAY_MS,
    does: 'none',
  },
  { what: 'a clock that is before the CA makes none', now_ms: START_MS - DAY_MS, does: 'none' },
  {
    what: 'one that was made while the clock was ahead is made anew, though the log has taken it',
    own: AHEAD,
    state: [AUTHORITY, recorded(AHEAD), recorded(RENEWED, { id: 'another' })],
    now_ms: LATER_MS,
    does: 'issue',
  },
  {
    what: 'what was made while the clock was ahead gives way to what the others know',
    own: AHEAD,
    state: [AUTHORITY, recorded(FIRST)],
    now_ms: START_MS + DAY_MS,
    does: 'recorded',
  },
  {
    what: 'what was made while the clock was ahead is made anew, if what the others know has expired',
    own: AHEAD,
    state: [AUTHORITY, recorded(FIRST)],
    now_ms: LATER_MS,
    does: 'issue',
  },
  {
    what: 'none is made where the state does not list the manager',
    state: [AUTHORITY],
    now_ms: LATER_MS,
    does: 'cluster.identity-expired',
  },
  {
    what: 'none is made where the state lists it as a worker',
    state: [AUTHORITY, recorded(FIRST, { role: 'worker', raftId: 0 })],
    now_ms: LATER_MS,
    does: 'cluster.identity-expired',
  },
  {
    what: 'none is made where the state says that it was removed',
    state: [AUTHORITY, aRevocation(NODE_ID)],
    now_ms: LATER_MS,
    does: 'cluster.node-removed',
  },
  {
    what: 'none is made where there is no state yet',
    state: [],
    now_ms: LATER_MS,
    does: 'cluster.identity-expired',
  },
  {
    what: 'none is made when the CA itself has expired, which is said',
    now_ms: START_MS + 21 * 365 * DAY_MS,
    does: 'cluster.identity-expired',
  },
];

describe("a manager's own certificate", () => {
  for (const { what, own = FIRST, state = [AUTHORITY, recorded(FIRST)], now_ms, does } of CASES) {
    test(what, () => {
      const options = { identity: identityWith(own), view: viewOf(...state), now_ms };
      if (does.startsWith('cluster.')) {
        assert.throws(() => standInFor(options), { code: does });
      } else {
        assert.equal(standInFor(options).kind, does);
      }
    });
  }

  test('is taken for expired a little before it is, by a manager that waits for a majority', () => {
    const options = { identity: identityWith(FIRST), view: viewOf(AUTHORITY, recorded(FIRST)) };
    const now_ms = START_MS + LIFETIME_MS - HOUR_MS;
    assert.equal(standInFor({ ...options, now_ms }).kind, 'none');
    assert.equal(standInFor({ ...options, now_ms, margin_ms: 2 * HOUR_MS }).kind, 'issue');
  });

  for (const [when, authority] of [
    ['at any time', AUTHORITY],
    ['in the middle of a rotation', nextAuthority(AUTHORITY, CLUSTER_ID, LATER_MS)],
  ] as readonly (readonly [string, AuthorityObject])[]) {
    test(`is made for its own key and an hour, so that those who trust the old root believe it, ${when}`, () => {
      const identity = identityWith(FIRST);
      const view = viewOf(authority, recorded(FIRST));
      const { certificates = [] } = standInChange({ identity, view, now_ms: LATER_MS }) ?? {};
      const { notAfter_ms } = checkChain({
        chain: certificates,
        roots: [AUTHORITY.certificate],
        expect: SUBJECT,
        publicKey: KEY,
        now_ms: LATER_MS,
      });
      assert.equal(notAfter_ms, LATER_MS + STAND_IN_MS);
    });
  }

  test('that the log has taken is shown with what leads to the old root', () => {
    const view = viewOf(AUTHORITY, recorded(RENEWED));
    const change = standInChange({ identity: identityWith(FIRST), view, now_ms: LATER_MS });
    assert.deepEqual(change?.certificates, [RENEWED]);
  });
});

describe('a manager that hears of no leader', () => {
  for (const { what, code, detail, says } of [
    {
      what: 'tells of a CA that was rotated while it was off',
      code: 'pki.certificate-invalid',
      detail:
        'the certificate of whoever answers at 10.0.0.1:7373 is not valid: UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      says: /rotated meanwhile/,
    },
    {
      what: 'tells of clocks that differ',
      code: 'pki.certificate-invalid',
      detail: 'the certificate of whoever answers at 10.0.0.1:7373 is not valid: CERT_NOT_YET_VALID',
      says: /clock/,
    },
    {
      what: 'tells of a removal that the others have forgotten',
      code: 'cluster.node-unknown',
      detail: 'node n is not known here',
      says: /do not know this node/,
    },
    {
      what: 'tells nothing of a peer that is down',
      code: 'transport.unreachable',
      detail: 'x',
      says: undefined,
    },
  ] as const) {
    test(what, () => {
      const problem = cutOffBy(new CofferError(code, detail));
      assert.equal(problem === undefined, says === undefined);
      assert.match(problem?.detail ?? '', says ?? /^$/);
      assert.ok(problem === undefined || problem.hint !== undefined);
    });
  }
});

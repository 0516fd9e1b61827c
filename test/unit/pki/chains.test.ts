// SPDX-License-Identifier: Apache-2.0
// What a joiner checks before it writes anything (after swarmkit's TestValidateCertificateChain).
import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError } from '../../../src/common/index.ts';
import {
  type Authority,
  authorityDigest,
  authorityKeyId,
  checkChain,
  type CheckChainOptions,
  createAuthority,
  crossSign,
  describeCertificate,
  generateKey,
  issueCertificate,
  splitPemBundle,
} from '../../../src/pki/index.ts';
import { decodePem, encodePem, CERTIFICATE_PEM } from '../../../src/pki/pem.ts';
import { assertProperty } from '../../support/property.ts';
import { pemMutations } from './mutations.ts';
import {
  CLUSTER_ID,
  DAY_MS,
  issueTo,
  MANAGER,
  NOW_MS,
  OTHER_CLUSTER_ID,
  OTHER_NODE_ID,
} from './pki-harness.ts';

function authorityAt(now_ms: number, lifetime_ms = 1_000 * DAY_MS, clusterId = CLUSTER_ID): Authority {
  return createAuthority({ clusterId, now_ms, lifetime_ms });
}

function leafAt(authority: Authority, now_ms: number): string {
  return issueCertificate({
    authority,
    publicKey: generateKey(),
    subject: MANAGER,
    now_ms,
    lifetime_ms: 90 * DAY_MS,
  });
}

const old = authorityAt(NOW_MS);
const next = authorityAt(NOW_MS);
const foreign = authorityAt(NOW_MS);
const leaf = leafAt(old, NOW_MS);
const nextLeaf = leafAt(next, NOW_MS);
const cross = crossSign({ by: old, subject: next, now_ms: NOW_MS });

describe('a chain (A45)', () => {
  const good = { chain: [leaf], roots: [old.certificate], expect: {}, now_ms: NOW_MS } as const;
  const rotating = { ...good, chain: [nextLeaf, cross] } as const;

  const GOOD: readonly (readonly [string, CheckChainOptions])[] = [
    ['of a leaf', good],
    ['of a leaf, to one root of several', { ...good, roots: [foreign.certificate, old.certificate] }],
    ['of a leaf with its root behind it', { ...good, chain: [leaf, old.certificate] }],
    ['over a cross-signed root to the old root', rotating],
    ['with a cross-signed root to the new root', { ...rotating, roots: [next.certificate] }],
    ['that all is expected of', { ...good, expect: MANAGER }],
    ['at its first second', { ...good, now_ms: describeCertificate(leaf).notBefore_ms }],
    ['at its last moment', { ...good, now_ms: describeCertificate(leaf).notAfter_ms - 1 }],
  ];
  for (const [name, options] of GOOD) {
    test(`${name} is good`, () => {
      const [first = ''] = options.chain;
      assert.deepEqual(checkChain(options), describeCertificate(first));
    });
  }

  const expiringRoot = authorityAt(NOW_MS, 10 * DAY_MS);
  const expiringCross = crossSign({ by: expiringRoot, subject: next, now_ms: NOW_MS });
  const laterRoot = authorityAt(NOW_MS + 20 * DAY_MS);
  // The same key under the same name, but valid later: the links hold, the times do not meet.
  const laterTwin = createAuthority({
    clusterId: CLUSTER_ID,
    now_ms: NOW_MS + 200 * DAY_MS,
    key: old.privateKey,
  });
  const otherCluster = authorityAt(NOW_MS, DAY_MS, OTHER_CLUSTER_ID);
  const after_ms = NOW_MS + 15 * DAY_MS;

  const third = authorityAt(NOW_MS);
  const twiceCrossed = [
    leafAt(third, NOW_MS),
    crossSign({ by: next, subject: third, now_ms: NOW_MS }),
    cross,
  ];

  const REFUSED: readonly (readonly [string, CheckChainOptions, RegExp])[] = [
    ['with nothing in it', { ...good, chain: [] }, /holds no certificate/],
    ['without a root to trust', { ...good, roots: [] }, /leads to no trusted root/],
    ['of a foreign root', { ...good, roots: [foreign.certificate] }, /leads to no trusted root/],
    [
      'that brings its own root',
      { ...good, chain: [leaf, old.certificate], roots: [foreign.certificate] },
      /leads to no trusted root/,
    ],
    [
      'of a root with the right name and another key',
      { ...good, roots: [imitationOf(old).certificate] },
      /leads to no trusted root/,
    ],
    ['that trusts a leaf as a root', { ...good, roots: [leaf] }, /leads to no trusted root/],
    [
      'whose leaf has expired',
      { ...good, now_ms: NOW_MS + 90 * DAY_MS },
      /node's certificate expired at 2026-05-04T04:05:06\.000Z/,
    ],
    [
      'whose leaf is not valid yet',
      { ...good, chain: [leafAt(old, NOW_MS + DAY_MS)] },
      /node's certificate is not valid before 2026-02-04T03:05:06\.000Z/,
    ],
    [
      'whose root has expired',
      {
        ...good,
        chain: [leafAt(next, NOW_MS), expiringCross],
        roots: [expiringRoot.certificate],
        now_ms: after_ms,
      },
      /certificate 2 of the chain expired at 2026-02-13/,
    ],
    [
      'whose root is not valid yet',
      { ...good, chain: [leafAt(laterRoot, NOW_MS + 20 * DAY_MS)], roots: [laterRoot.certificate] },
      /is not valid before 2026-02-23/,
    ],
    [
      'whose certificates are valid at different times',
      { ...good, roots: [laterTwin.certificate], now_ms: NOW_MS + 200 * DAY_MS },
      /at no time valid together/,
    ],
    [
      'in the wrong order',
      { ...rotating, chain: [nextLeaf, old.certificate, cross] },
      /node's certificate is not issued by the one after it/,
    ],
    ['that begins with the CA', { ...rotating, chain: [cross, nextLeaf] }, /is that of a CA, not of a node/],
    [
      'with a certificate that has no part in it',
      { ...good, chain: [leaf, cross] },
      /not issued by the one after it/,
    ],
    [
      'with another leaf behind the leaf',
      { ...good, chain: [leaf, nextLeaf] },
      /certificate 2 .*is not that of a CA/,
    ],
    [
      'over two cross-signed roots',
      { ...good, chain: twiceCrossed },
      /longer than 2 certificates and a root/,
    ],
    [
      'of a root that says it is no CA',
      { ...good, roots: [withoutCaFlag(old.certificate)] },
      /no trusted root/,
    ],
    ['that is the root alone', { ...good, chain: [old.certificate] }, /is self-signed/],
    ['for a worker', { ...good, expect: { role: 'worker' } }, /for a manager, not a worker/],
    [
      'for another cluster',
      { ...good, expect: { clusterId: OTHER_CLUSTER_ID } },
      /for cluster clustera+, not clusterb+/,
    ],
    ['for another node', { ...good, expect: { nodeId: OTHER_NODE_ID } }, /for node \w+a, not \w+b/],
    ['for another key', { ...good, publicKey: generateKey() }, /for another key/],
    [
      'of another cluster altogether',
      { ...good, roots: [otherCluster.certificate] },
      /leads to no trusted root/,
    ],
    ['of 17 certificates', { ...good, chain: Array<string>(17).fill(leaf) }, /more than 16 certificates/],
    [
      'with 17 roots',
      { ...good, roots: Array<string>(17).fill(old.certificate) },
      /more than 16 certificates/,
    ],
    [
      'whose entries are bundles',
      { ...good, chain: [nextLeaf + cross] },
      /several certificates where one is due/,
    ],
    ['of words', { ...good, chain: ['words'] }, /no certificate in PEM/],
  ];
  for (const [name, options, reason] of REFUSED) {
    test(`${name} is refused, and the reason is told`, () => {
      assert.throws(
        () => checkChain(options),
        (error) =>
          error instanceof CofferError &&
          error.code === 'pki.certificate-invalid' &&
          reason.test(error.detail),
      );
    });
  }

  test('is held against the key of the one who asks, private or public', () => {
    const { certificate, key } = issueTo(old, MANAGER, NOW_MS);
    for (const publicKey of [key, createPublicKey(key)]) {
      assert.deepEqual(checkChain({ ...good, chain: [certificate], publicKey }).subject, MANAGER);
    }
  });

  test('with a leaf that is damaged anywhere is refused', (t) => {
    const der = decodePem(CERTIFICATE_PEM, leaf)[0] ?? Buffer.alloc(0);
    assertProperty(
      t,
      1_000,
      fc.property(pemMutations(CERTIFICATE_PEM, leaf, der), (text) => {
        try {
          checkChain({ ...good, chain: [text] });
          assert.deepEqual(decodePem(CERTIFICATE_PEM, text), [der], 'it was damaged, and is trusted');
        } catch (error) {
          assertInvalid(error);
        }
      }),
    );
  });

  test('of damaged or random certificates never ends in another error', (t) => {
    const root = old.certificate;
    const texts = [leaf, root].map((pem) =>
      pemMutations(CERTIFICATE_PEM, pem, decodePem(CERTIFICATE_PEM, pem)[0] ?? Buffer.alloc(0)),
    );
    assertProperty(
      t,
      1_000,
      fc.property(fc.oneof(...texts), (text) => {
        for (const attempt of [
          () => checkChain({ ...good, chain: [leaf, text] }),
          () => checkChain({ ...good, roots: [text] }),
          () => authorityKeyId(text),
          () => describeCertificate(text),
          () => authorityDigest(text),
          () => splitPemBundle(text),
        ]) {
          try {
            attempt();
          } catch (error) {
            assertInvalid(error);
          }
        }
      }),
    );
  });
});

function assertInvalid(error: unknown): void {
  assert.ok(error instanceof CofferError && error.code === 'pki.certificate-invalid', String(error));
}

/** A root with another's name and key id, but a key of its own: what an attacker makes who has seen the real one. */
function imitationOf(authority: Authority): Authority {
  const { certificate } = authorityAt(NOW_MS);
  const [theirs = '', own = ''] = [authority.certificate, certificate].map((pem) => authorityKeyId(pem));
  const der = (decodePem(CERTIFICATE_PEM, certificate)[0] ?? Buffer.alloc(0)).toString('latin1');
  const [theirBytes, ownBytes] = [theirs, own].map((id) => Buffer.from(id, 'hex').toString('latin1'));
  const renamed = der.replaceAll(own, theirs).replaceAll(ownBytes ?? '', theirBytes ?? '');
  const pem = encodePem(CERTIFICATE_PEM, Buffer.from(renamed, 'latin1'));
  const judged = new X509Certificate(leaf).checkIssued(new X509Certificate(pem));
  assert.ok(judged, 'only the signature tells the imitation from the real one');
  return { certificate: pem, privateKey: authority.privateKey };
}

/** The root with CA:FALSE, which nothing but its own signature could tell: and that of a root is not looked at. */
function withoutCaFlag(pem: string): string {
  const der = decodePem(CERTIFICATE_PEM, pem)[0] ?? Buffer.alloc(0);
  const flag = der.indexOf(Buffer.from('30060101ff020101', 'hex'));
  assert.ok(flag > 0);
  const altered = Buffer.from(der);
  altered.writeUInt8(0, flag + 4);
  return encodePem(CERTIFICATE_PEM, altered);
}

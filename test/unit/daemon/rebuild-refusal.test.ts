// SPDX-License-Identifier: Apache-2.0
// When a manager may be rebuilt, and what it is told otherwise.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError, type ErrorCode } from '../../../src/common/index.ts';
import { rebuildRefusal } from '../../../src/daemon/rebuild-refusal.ts';

interface Case {
  readonly reason?: ErrorCode;
  readonly problem?: ErrorCode;
  readonly hasToken?: boolean;
  /** What the refusal says; undefined if there is none. */
  readonly says: RegExp | undefined;
}

const CASES: Readonly<Record<string, Case>> = {
  'a healthy manager is not': { says: /healthy: there is nothing to rebuild/ },
  'nor is a healthy one that was given a token': { hasToken: true, says: /healthy/ },
  'a damaged one is': { reason: 'store.damaged', says: undefined },
  'a damaged one is, with a token too': { reason: 'store.damaged', hasToken: true, says: undefined },
  'a locked one has to be unlocked first': { reason: 'store.locked', says: /locked.*docker coffer unlock/ },
  'a locked one too, whatever token is given': { reason: 'store.locked', hasToken: true, says: /locked/ },
  'a worker has no store': { reason: 'cluster.not-a-manager', says: /worker/ },
  'one that is starting is waited for': { reason: 'store.starting', says: /starting/ },
  'one whose disk fails is not: the disk comes first': { reason: 'store.faulted', says: /faulted/ },
  'one that joins goes on joining': { reason: 'cluster.joining', says: /joining already/ },
  'one that was removed needs a token': { reason: 'cluster.node-removed', says: /--token -/ },
  'one that was removed comes back with a token': {
    reason: 'cluster.node-removed',
    hasToken: true,
    says: undefined,
  },
  'one without its certificate needs a token': { reason: 'cluster.identity-missing', says: /--token -/ },
  'one whose certificate cannot be renewed needs a token': {
    reason: 'cluster.identity-expired',
    says: /--token -/,
  },
  'one that serves, and missed the rotation of the CA, needs a token': {
    problem: 'pki.certificate-invalid',
    says: /--token -/,
  },
  'one that serves, and missed the rotation of the CA, comes back with a token': {
    problem: 'pki.certificate-invalid',
    hasToken: true,
    says: undefined,
  },
  'one that serves, and whose port is taken, is not': {
    problem: 'settings.invalid',
    hasToken: true,
    says: /healthy/,
  },
};

describe('of the managers that are to be rebuilt', () => {
  for (const [what, { hasToken = false, problem, reason, says }] of Object.entries(CASES)) {
    test(what, () => {
      const error = (code: ErrorCode | undefined): CofferError | undefined =>
        code && new CofferError(code, `it is ${code}`);
      const refusal = rebuildRefusal({ reason: error(reason), problem: error(problem), hasToken });
      assert.equal(refusal === undefined, says === undefined);
      assert.match(`${refusal?.detail ?? ''} ${refusal?.hint ?? ''}`, says ?? /^ $/);
    });
  }
});

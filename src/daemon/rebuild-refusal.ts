// SPDX-License-Identifier: Apache-2.0
import { CofferError, type ErrorCode } from '../common/index.ts';

export interface RebuildSituation {
  /** Why the store does not serve; undefined if it does. */
  readonly reason: CofferError | undefined;
  /** Why this node is not heard by the others. */
  readonly problem: CofferError | undefined;
  /** Whether a join token was given. */
  readonly hasToken: boolean;
}

/** The others will never hear this node again under its old id, whatever its store is like. */
const CUT_OFF: ReadonlySet<string> = new Set(['pki.certificate-invalid', 'cluster.node-removed']);
const NEEDS_TOKEN: ReadonlySet<string> = new Set([
  ...CUT_OFF,
  'cluster.identity-missing',
  'cluster.identity-expired',
]);

/** Something else comes first. */
const LATER: Readonly<Partial<Record<ErrorCode, (why: CofferError) => CofferError>>> = {
  'store.locked': (why) =>
    new CofferError('cluster.rebuild', 'this manager is locked, so nobody knows what its store is like', {
      cause: why,
      hint:
        'Unlock it first: docker coffer unlock. docker coffer unlock-key on a manager that runs shows the key; if the store ' +
        'is damaged, rebuild it then.',
    }),
  'cluster.not-a-manager': (why) =>
    new CofferError('cluster.rebuild', 'this node is a worker, which has no store to rebuild', {
      cause: why,
    }),
  'cluster.joining': (why) =>
    new CofferError('cluster.rebuild', `this node is joining already: ${why.detail}`, { cause: why }),
};

/** Pure: why this manager is not to be rebuilt, and what to do instead; undefined if it may be. */
export function rebuildRefusal({ hasToken, problem, reason }: RebuildSituation): CofferError | undefined {
  const why = reason ?? (problem !== undefined && CUT_OFF.has(problem.code) ? problem : undefined);
  if (why === undefined) {
    return new CofferError(
      'cluster.rebuild',
      'the store of this manager is healthy: there is nothing to rebuild',
      {
        hint: 'docker coffer doctor says how it is.',
      },
    );
  }
  if (why.code === 'store.damaged') {
    return undefined;
  }
  if (NEEDS_TOKEN.has(why.code)) {
    return hasToken
      ? undefined
      : new CofferError('cluster.rebuild', `${why.detail}; a join token has to say that it may come in`, {
          cause: why,
          hint:
            'Make one on another manager (docker coffer join-token manager), and give it here: ' +
            'docker coffer rebuild --join ADDRESS --token -',
        });
  }
  return LATER[why.code]?.(why) ?? why;
}

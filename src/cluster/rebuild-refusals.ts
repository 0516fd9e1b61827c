// SPDX-License-Identifier: Apache-2.0
// Why a manager is not rebuilt, and what to do instead.
import { CofferError } from '../common/index.ts';
import { type JoinToken, parseJoinToken } from '../pki/index.ts';

const WITH_TOKEN = 'docker coffer rebuild --join ADDRESS --token -';

export function managerToken(text: string): JoinToken {
  const token = parseJoinToken(text);
  if (token.role !== 'manager') {
    throw new CofferError('cluster.token-invalid', 'the join token is for workers', {
      hint: 'On a manager, docker coffer join-token manager makes another.',
    });
  }
  return token;
}

export function onlyManager(): CofferError {
  return new CofferError(
    'cluster.quorum',
    'this is the only manager of its cluster: there is nobody to copy from',
    {
      hint:
        'Put back a copy of its state directory, or move it away, start coffer anew, and restore a backup: docker coffer ' +
        'restore FILE. If there are other managers, name one: --join ADDRESS.',
    },
  );
}

export function tokenNeeded(detail: string): CofferError {
  return new CofferError(
    'cluster.identity-missing',
    `${detail}: a join token has to say for it that it may come in`,
    {
      hint: `Make one on another manager (docker coffer join-token manager), and give it here: ${WITH_TOKEN}`,
    },
  );
}

/** What the others say of the node that it was. */
export function asStranger(error: CofferError): CofferError {
  const { code, detail } = error;
  const isStranger =
    code === 'cluster.node-removed' || code === 'cluster.node-unknown' || code === 'cluster.role';
  if (!isStranger && code !== 'pki.certificate-invalid') {
    return error;
  }
  return new CofferError(code, detail, {
    cause: error,
    hint: `If it is to come back, make a join token on another manager, and give it here: ${WITH_TOKEN}`,
  });
}

// SPDX-License-Identifier: Apache-2.0
// Why a daemon could not be spoken to.
import { systemErrorCode } from '../common/index.ts';
import { CommandError, requestError } from './command-error.ts';

/** What a connection that failed is told of as. */
export function explained(thrown: unknown, socketPath: string): CommandError {
  if (thrown instanceof CommandError) {
    return thrown;
  }
  switch (systemErrorCode(thrown) ?? '') {
    case 'EACCES':
    case 'EPERM':
      return permissionError(socketPath);
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTSOCK':
    case 'EINVAL':
    case 'ENAMETOOLONG':
      return requestError(
        `no coffer daemon answers at ${socketPath}`,
        'Start it (docker plugin enable coffer), or name its socket with --socket PATH.',
      );
    default:
      return requestError(`the daemon ended the connection at ${socketPath} before its answer was complete`);
  }
}

/** The control socket is for root alone. */
export function permissionError(socketPath: string): CommandError {
  return requestError(`you may not use ${socketPath}`, 'Only root may. Type the command again with sudo.');
}

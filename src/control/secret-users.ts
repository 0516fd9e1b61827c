// SPDX-License-Identifier: Apache-2.0
// Whether a secret is still in use: then it is not removed.
import { CofferError, withDeadline } from '../common/index.ts';
import type { Secret } from '../secrets/index.ts';
import type { ControlOptions } from './options.ts';

const USERS_TIMEOUT_MS = 5_000;

/** Asks the engine. Throws `secret.in-use` with what to take it from, and `engine.unreachable` if that is not known. */
export async function refuseIfUsed(users: ControlOptions['users'], secret: Secret): Promise<void> {
  const { services, engineSecrets } = await withDeadline(
    users(secret.name),
    USERS_TIMEOUT_MS,
    'engine.unreachable',
    `the engine did not say in ${USERS_TIMEOUT_MS / 1_000} s who uses secret ${secret.name}`,
  ).catch((thrown: unknown) => {
    const error = CofferError.from(thrown, 'engine.unreachable');
    throw new CofferError(error.code, error.detail, {
      hint: `To remove it without asking the engine: docker coffer rm --force ${secret.name}`,
      cause: thrown,
    });
  });
  if (services.length > 0 || engineSecrets.length > 0) {
    throw inUse(secret, services, engineSecrets);
  }
}

function inUse(secret: Secret, services: readonly string[], engineSecrets: readonly string[]): CofferError {
  if (services.length > 0) {
    const noun = services.length === 1 ? 'service' : 'services';
    return new CofferError(
      'secret.in-use',
      `secret ${secret.name} is in use by the following ${noun}: ${services.join(', ')}`,
      {
        hint: `Take it from them first: docker service update --secret-rm ${engineSecrets[0] ?? secret.name} ${services[0]}`,
      },
    );
  }
  const names = engineSecrets.join(' ');
  return new CofferError(
    'secret.in-use',
    `the engine still has secrets that take their value from here: ${names}`,
    {
      hint:
        secret.origin === 'gateway'
          ? `Remove both at once through the gateway: docker secret rm ${names}`
          : `Remove those first: docker secret rm ${names}`,
    },
  );
}

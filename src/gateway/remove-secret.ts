// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import type { EngineSecret } from '../engine/index.ts';
import {
  type Answer,
  boundSecret,
  type ClientCall,
  engineSecret,
  engineWrite,
  type GatewayContext,
  isInNoSwarm,
  isOurs,
} from './context.ts';
import { removeLocally } from './local-write.ts';

/** Removes in the engine first, which knows whether a service uses the secret, and then the value. */
export async function removeSecret(
  context: GatewayContext,
  call: ClientCall,
  reference: string,
): Promise<Answer> {
  const { secret, reply: lookUp } = await engineSecret(context, call, reference);
  if (lookUp.status === 503 && (await isInNoSwarm(context))) {
    return removeLocally(context, reference, lookUp.headers);
  }
  if (secret === undefined || !isOurs(context, secret.driver)) {
    return 'pass-through';
  }
  // By its id: the name may mean another secret by now.
  const path = `${call.prefix}/secrets/${secret.id}`;
  const reply = await engineWrite(context, call, { method: 'DELETE', path });
  if (reply.status === 204) {
    await removeValue(context, secret);
  }
  return reply;
}

// The engine has removed it, and that is the answer; a value that stays behind is the reconciler's.
async function removeValue(context: GatewayContext, registered: EngineSecret): Promise<void> {
  try {
    const store = context.store();
    const bound = boundSecret(store, registered);
    if (bound?.origin === 'gateway') {
      await store.propose({ kind: 'remove', id: bound.id });
    }
  } catch (thrown) {
    const error = CofferError.from(thrown);
    context.logger.warn('the value of a removed secret is still in the store', {
      engineSecret: registered.id,
      code: error.code,
      detail: error.detail,
    });
  }
}

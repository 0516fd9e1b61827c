// SPDX-License-Identifier: Apache-2.0
// A name that coffer's store has already: it stays taken, unless what holds it is a left-over.
import { type CofferError, unreachable } from '../common/index.ts';
import { nameKey, type Secret } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { type GatewayContext, isOurs, PENDING_GRACE_MS } from './context.ts';
import { alreadyExists } from './engine-texts.ts';

/**
 * Undefined if the name is free, or was held by what an earlier failure left behind, which is removed. Otherwise
 * the engine's text for a name that exists, with where it is in case the engine does not show it.
 */
export async function settleTakenName(
  context: GatewayContext,
  store: SecretStore,
  name: string,
  swarmId: string,
): Promise<string | undefined> {
  const holder = store.byName(name);
  if (holder === undefined) {
    return undefined;
  }
  const exists = alreadyExists(name);
  if (holder.pending) {
    return (await settlePending(context, store, holder, swarmId))
      ? undefined
      : `${exists} (an earlier create is not settled yet: try again in half a minute)`;
  }
  if (holder.engine === undefined) {
    return `${exists} in coffer's store (${whereItIs(holder)})`;
  }
  if (holder.engine.swarmId !== swarmId) {
    return `${exists} in coffer's store, from another swarm (docker coffer rm ${holder.name} removes it)`;
  }
  const isGone = (await context.engine.inspectSecret(holder.engine.secretId)) === undefined;
  return isGone && holder.origin === 'gateway' && (await remove(store, holder)) ? undefined : exists;
}

/** True if the pending secret was a left-over and is gone; one that the engine has after all is completed. */
async function settlePending(
  context: GatewayContext,
  store: SecretStore,
  holder: Secret,
  swarmId: string,
): Promise<boolean> {
  const named = await context.engine.listSecrets({ names: [holder.name] });
  const registered = named.find(
    (secret) => nameKey(secret.name) === nameKey(holder.name) && isOurs(context, secret.driver),
  );
  if (registered !== undefined) {
    const engine = { secretId: registered.id, swarmId };
    await store.propose({ kind: 'activate', id: holder.id, engine, at_ms: context.now() });
    return false;
  }
  return context.now() - holder.createdAt_ms >= PENDING_GRACE_MS && (await remove(store, holder));
}

async function remove(store: SecretStore, holder: Secret): Promise<boolean> {
  try {
    await store.propose({ kind: 'remove', id: holder.id });
    return true;
  } catch (thrown) {
    if ((thrown as CofferError).code === 'secret.not-found') {
      return true;
    }
    throw thrown;
  }
}

function whereItIs(holder: Secret): string {
  switch (holder.origin) {
    case 'control':
      return 'put there with docker coffer put; docker secret create --driver registers it without a value';
    case 'generated':
      return 'generated there';
    case 'gateway':
      return `restored from a backup, or created while this engine was in no swarm; docker coffer rm ${holder.name} removes it`;
    default:
      return unreachable(holder.origin);
  }
}

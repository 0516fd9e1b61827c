// SPDX-License-Identifier: Apache-2.0
// Whether the engine's secrets that are coffer's have values.
import { CofferError } from '../common/index.ts';
import type { Check } from '../control/index.ts';
import { type EngineClient, type EngineSecret, isSameDriver } from '../engine/index.ts';
import { checkSealedSecret, sealedTextIn } from '../sealing/index.ts';
import { isMadeAtFirstUse, LABELS, storeNameOf } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { counted } from '../wording/index.ts';
import { shortList } from './doctor-words.ts';

/** Secrets of the engine that would be refused if a task asked for them now. */
export async function missingValues(
  engine: Pick<EngineClient, 'listSecrets'>,
  store: SecretStore,
  driverName: string,
): Promise<Check> {
  const own = (await engine.listSecrets()).filter(
    ({ driver }) => driver !== undefined && isSameDriver(driver, driverName),
  );
  const missing = own
    .filter(
      (secret) =>
        !isMadeAtFirstUse(secret.labels) &&
        secret.labels[LABELS.sealed] === undefined &&
        store.byName(storeNameOf(secret)) === undefined,
    )
    .map(storeNameOf);
  const [unreadable] = own.flatMap((secret) => sealedProblem(store, secret) ?? []);
  if (unreadable !== undefined) {
    return unreadable;
  }
  if (missing.length === 0) {
    return {
      name: 'secrets',
      level: 'ok',
      message: `the engine has ${counted(own.length, 'secret')} of coffer, each with a value`,
    };
  }
  return {
    name: 'secrets',
    level: 'warning',
    message: `the engine has secrets of coffer without a value: ${shortList(missing)}`,
    mend: `Store it: docker coffer put ${missing[0] ?? 'NAME'} -`,
  };
}

/** What can be told without opening it. */
function sealedProblem(store: SecretStore, { labels, name }: EngineSecret): Check | undefined {
  try {
    const text = sealedTextIn(labels);
    if (text !== undefined) {
      checkSealedSecret(store, name, text);
    }
    return undefined;
  } catch (thrown) {
    const { detail, hint } = CofferError.from(thrown);
    return {
      name: 'secrets',
      level: 'warning',
      message: `secret ${name} of the engine cannot be handed out: ${detail}`,
      mend: hint ?? `docker coffer why ${name}`,
    };
  }
}

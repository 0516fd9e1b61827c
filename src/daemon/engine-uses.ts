// SPDX-License-Identifier: Apache-2.0
// Which secrets of the engine, and which services, come to coffer for a name.
import type { EngineUses } from '../control/index.ts';
import { type EngineClient, isSameDriver } from '../engine/index.ts';
import { nameKey, storeNameOf } from '../secrets/index.ts';

/** Asks the engine who uses the secret of that name in the store. Nobody, where there is no swarm. */
export async function usesOf(engine: EngineClient, driverName: string, name: string): Promise<EngineUses> {
  const { controlAvailable } = await engine.info();
  if (!controlAvailable) {
    return { services: [], engineSecrets: [] };
  }
  const [secrets, services] = await Promise.all([engine.listSecrets(), engine.listServices()]);
  const own = secrets.filter(
    (secret) =>
      secret.driver !== undefined &&
      isSameDriver(secret.driver, driverName) &&
      nameKey(storeNameOf(secret)) === nameKey(name),
  );
  const ids = new Set(own.map(({ id }) => id));
  return {
    engineSecrets: own.map((secret) => secret.name),
    services: services
      .filter((service) => service.secrets.some(({ id }) => ids.has(id)))
      .map((service) => service.name),
  };
}

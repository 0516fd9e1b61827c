// SPDX-License-Identifier: Apache-2.0
// Which secrets of coffer's a service has. Pure.
import { parseVolume } from '../distribution/index.ts';
import type { EngineMount, EngineSecret, EngineService } from '../engine/index.ts';
import { type Labels, nameKey, storeNameOf } from '../secrets/index.ts';

/** One secret of a service's. */
export interface UsedSecret {
  /** Its name in coffer's store. */
  readonly secret: string;
  /** What the engine's own secret of it is called, which is what Docker shows; of a volume, the volume. */
  readonly registered: string;
  /** Of the engine's secret: they say which version is wanted, and what to make where there is none. */
  readonly labels: Labels;
  readonly via: 'secret' | 'volume';
}

/** Those that it mounts, and those in its volumes; each once. `isOwn` tells coffer's driver by its name. */
export function usesOfService(
  { mounts, secrets }: Pick<EngineService, 'mounts' | 'secrets'>,
  registered: ReadonlyMap<string, EngineSecret>,
  isOwn: (driver: string) => boolean,
): readonly UsedSecret[] {
  const mounted = secrets.flatMap(({ id }): readonly UsedSecret[] => {
    const secret = registered.get(id);
    return secret?.driver === undefined || !isOwn(secret.driver)
      ? []
      : [{ secret: storeNameOf(secret), registered: secret.name, labels: secret.labels, via: 'secret' }];
  });
  const inVolumes = mounts
    .filter(({ driver }) => isOwn(driver))
    .flatMap((mount) =>
      secretsIn(mount).map(
        (secret): UsedSecret => ({ secret, registered: mount.source, labels: {}, via: 'volume' }),
      ),
    );
  return distinct([...mounted, ...inVolumes]);
}

/** None of a volume that says nothing clear: its tasks are refused whatever is in the store. */
function secretsIn({ options, source }: EngineMount): readonly string[] {
  try {
    return parseVolume(source, options).files.map(({ secret }) => secret);
  } catch {
    return [];
  }
}

function distinct(uses: readonly UsedSecret[]): readonly UsedSecret[] {
  const byKey = new Map<string, UsedSecret>();
  for (const use of uses) {
    const key = JSON.stringify([use.via, use.registered, nameKey(use.secret)]);
    byKey.set(key, byKey.get(key) ?? use);
  }
  return [...byKey.values()];
}

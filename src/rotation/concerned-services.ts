// SPDX-License-Identifier: Apache-2.0
// Which services a rotation of a secret concerns: pure.
import type { EngineSecret, EngineService, RollingService } from '../engine/index.ts';
import { NO_MARK, type RotatedService } from '../membership/index.ts';

/** A secret of the engine which takes its value from the one that is rotated. */
export interface SourcedSecret extends Pick<EngineSecret, 'id'> {
  /** Which version: a number, `current`, or `previous`, which is another one after a rotation, too. */
  readonly wanted: string;
}

/**
 * The services that mount one of these secrets, by name. Those whose tasks would get the same version as before are left out,
 * and likewise jobs, which would run once more.
 */
export function concernedServices(
  sources: readonly SourcedSecret[],
  services: readonly EngineService[],
  modes: ReadonlyMap<string, RollingService['mode']>,
): readonly RotatedService[] {
  const byId = new Map(sources.map((source) => [source.id, source] as const));
  return services
    .flatMap((service): readonly RotatedService[] => {
      const used = service.secrets.flatMap(({ id }) => byId.get(id) ?? []);
      if (used.length === 0) {
        return [];
      }
      const note = reasonAgainst(used, modes.get(service.id));
      const state = note === '' ? 'waiting' : 'left-out';
      return [{ id: service.id, name: service.name, state, note, ...NO_MARK }];
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function reasonAgainst(used: readonly SourcedSecret[], mode: RollingService['mode'] | undefined): string {
  const pins = used.map(({ wanted }) => wanted).filter((wanted) => /^\d+$/.test(wanted));
  if (pins.length === used.length) {
    return `it is held at version ${pins.join(', ').slice(0, 80)} by a label`;
  }
  return mode === 'job' ? 'it is a job, which an update would run once more' : '';
}

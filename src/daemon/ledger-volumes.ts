// SPDX-License-Identifier: Apache-2.0
// Which tasks and containers have which secrets in volumes, as their nodes have acknowledged it.
import type { LedgerEntry } from '../control/index.ts';
import type { HolderHoldings, NodeHoldings } from '../distribution/index.ts';
import type { EngineService, EngineTask } from '../engine/index.ts';
import { ofVersion, type SecretLookup } from './ledger.ts';

export interface VolumeLedgerInput {
  readonly holdings: readonly NodeHoldings[];
  /** Empty where the engine does not tell. */
  readonly tasks: readonly EngineTask[];
  readonly services: readonly EngineService[];
  readonly secrets: SecretLookup;
}

/** An entry for each secret that a task or a container may read in its volumes. */
export function volumeEntries({
  holdings,
  secrets,
  services,
  tasks,
}: VolumeLedgerInput): readonly LedgerEntry[] {
  const names = new Map(services.map(({ id, name }) => [id, name]));
  const serviceOf = new Map(
    tasks.map(({ id, serviceId }) => [id, { id: serviceId, name: names.get(serviceId) ?? '' }]),
  );
  const user = ({ id, kind, name }: HolderHoldings): Pick<LedgerEntry, 'service' | 'task' | 'container'> =>
    kind === 'task' ? { task: id, service: serviceOf.get(id) } : { container: { id, name } };
  return holdings.flatMap(({ holders, hostname, nodeId }) =>
    holders.flatMap((holder) =>
      holder.secrets.map(
        ({ id, name, version }): LedgerEntry => ({
          ...ofVersion(id, name, version, secrets),
          pinned: false,
          via: 'volume',
          ...user(holder),
          node: { id: nodeId, hostname },
        }),
      ),
    ),
  );
}

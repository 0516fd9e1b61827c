// SPDX-License-Identifier: Apache-2.0
// Does what a schedule has planned, and makes it good again.
import type { ChaosCluster, Site } from './chaos-cluster.ts';
import { type FaultKind, meetsAll, type Target } from './fault-kinds.ts';
import { type Fault, FAULTS } from './faults.ts';
import type { PlannedFault, Step } from './schedule.ts';

/** A fault that has been done. */
interface Wound {
  readonly kind: FaultKind;
  readonly site: Site;
  readonly heal: () => Promise<void>;
}

export class Nemesis {
  readonly #cluster: ChaosCluster;
  readonly #tell: (line: string) => void;
  #wounds: readonly Wound[] = [];

  /** `tell` is given a line for each fault. */
  constructor(cluster: ChaosCluster, tell: (line: string) => void) {
    this.#cluster = cluster;
    this.#tell = tell;
  }

  /** Does the faults of a step, the second to another engine than the first. */
  async strike({ number, faults, hold_ms }: Step): Promise<void> {
    for (const planned of faults) {
      const { site, role } = await this.#free(planned);
      const whom = meetsAll(planned.kind) ? 'all engines' : `${site.name}${role}`;
      this.#tell(`fault ${number}: ${planned.kind} ${whom} for ${hold_ms} ms`);
      const fault: Fault = FAULTS[planned.kind];
      const heal = await fault({ cluster: this.#cluster, site, strength: planned.strength, hold_ms });
      this.#wounds = [...this.#wounds, { kind: planned.kind, site, heal }];
    }
  }

  /** Makes all good, the newest first; rejects with the first thing that could not be, having tried all. */
  async heal(): Promise<void> {
    const wounds = this.#wounds.toReversed();
    this.#wounds = [];
    const failures: Error[] = [];
    for (const { kind, site, heal } of wounds) {
      try {
        await heal();
      } catch (cause) {
        failures.push(new Error(`${kind} on ${site.name} could not be made good`, { cause }));
      }
    }
    const [first] = failures;
    if (first !== undefined) {
      throw first;
    }
  }

  async #free({ target }: PlannedFault): Promise<{ readonly site: Site; readonly role: string }> {
    const site = await siteOf(this.#cluster, target);
    const taken = this.#wounds.some((wound) => wound.site === site);
    return taken ? { site: this.#cluster.neighbourOf(site), role: '' } : { site, role: whoIs(target) };
  }
}

async function siteOf(cluster: ChaosCluster, target: Target): Promise<Site> {
  if (typeof target === 'number') {
    return cluster.numbered(target);
  }
  return target === 'coffer leader' ? cluster.cofferLeader() : cluster.swarmLeader();
}

function whoIs(target: Target): string {
  return typeof target === 'number' ? '' : ` (${target})`;
}

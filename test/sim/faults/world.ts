// SPDX-License-Identifier: Apache-2.0
import type { Violations } from '../checks/violations.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Coverage } from '../kernel/coverage.ts';
import type { Scheduler } from '../kernel/scheduler.ts';
import type { Trace } from '../kernel/trace.ts';
import type { SimNetwork } from '../network/sim-network.ts';
import type { SimConfig } from './sim-config.ts';

/** What those who make trouble, and those who mend it, have at hand. */
export interface World {
  readonly scheduler: Scheduler;
  readonly config: SimConfig;
  readonly cluster: Cluster;
  readonly network: SimNetwork;
  readonly trace: Trace;
  readonly coverage: Coverage;
  readonly violations: Violations;
  /** No fault begins any more; those that are there end. */
  calm: boolean;
}

// SPDX-License-Identifier: Apache-2.0
// Configurations that lead where bugs of some kind would show.
import type { FaultKind } from './faults/fault-kinds.ts';
import type { ConfigOverrides } from './faults/sim-config.ts';

export const SECOND_US = 1_000_000;
export const MS_US = 1_000;
/** Elections that take a fifth of a second. */
const QUICK = { tick_ms: 10 } as const;

export interface Aim {
  /** The faults that may be on; all by default. */
  readonly faults?: readonly FaultKind[];
  /** What is not drawn by the seed. */
  readonly overrides?: ConfigOverrides;
}

/** Elections all the time. */
export const UNREST: Aim = {
  overrides: {
    voters: 5,
    voters_min: 5,
    safety_us: 8 * SECOND_US,
    outage_us: 50 * MS_US,
    settings: QUICK,
    disk: { sync_us: 5 * MS_US, spread: 8, byte_us: 0.01 },
    faults: {
      kill: 250 * MS_US,
      'isolate-leader': 500 * MS_US,
      partition: 1 * SECOND_US,
      storm: 2 * SECOND_US,
      transfer: 1 * SECOND_US,
    },
  },
};

/** Leaders that append what they never commit, and are followed by others. */
export const LONG_TAILS: Aim = {
  overrides: {
    voters: 3,
    voters_min: 3,
    safety_us: 8 * SECOND_US,
    outage_us: 300 * MS_US,
    settings: {
      ...QUICK,
      appendBytesMax: 64,
      inflightBytesMax: 0,
      inflightAppendsMax: 4,
      uncommittedBytesMax: 1 << 20,
      logLimits: { entriesMax: 10_000, bytesMax: 1 << 26 },
    },
    workload: {
      clients: 3,
      think_us: 10 * MS_US,
      reads: 0.02,
      timeout_us: 100 * MS_US,
      attempts_max: 1,
      loyalty: 0.97,
    },
    faults: { kill: 1 * SECOND_US, 'isolate-leader': 400 * MS_US },
  },
};

export const CHURN: Aim = {
  overrides: {
    voters: 3,
    voters_min: 2,
    members_max: 6,
    replacements: 0.6,
    againstLeader: 0.6,
    safety_us: 8 * SECOND_US,
    outage_us: 300 * MS_US,
    settings: QUICK,
    faults: {
      membership: 100 * MS_US,
      'isolate-leader': 1 * SECOND_US,
      kill: 1 * SECOND_US,
      partition: 2 * SECOND_US,
      'slow-link': 1 * SECOND_US,
    },
  },
};

export const SNAPSHOTS: Aim = {
  overrides: {
    voters: 3,
    voters_min: 3,
    safety_us: 8 * SECOND_US,
    outage_us: 500 * MS_US,
    disk: { sync_us: 10 * MS_US, spread: 5, byte_us: 0.01 },
    settings: { ...QUICK, logLimits: { entriesMax: 4, bytesMax: 1 << 20 } },
    workload: { clients: 4, think_us: 10 * MS_US, reads: 0.1 },
    faults: {
      kill: 1 * SECOND_US,
      'power-cut': 1 * SECOND_US,
      'cut-link': 500 * MS_US,
      storm: 1 * SECOND_US,
    },
  },
};

export const DAMAGE: Aim = {
  overrides: {
    voters: 3,
    voters_min: 3,
    safety_us: 8 * SECOND_US,
    outage_us: 200 * MS_US,
    settings: QUICK,
    faults: {
      rot: 700 * MS_US,
      rollback: 700 * MS_US,
      'isolate-leader': 2 * SECOND_US,
      partition: 2 * SECOND_US,
    },
  },
};

/** Leaders that are cut off with clients who stay with them, and with slow clocks. */
export const STALE_LEADERS: Aim = {
  overrides: {
    voters: 3,
    voters_min: 3,
    safety_us: 8 * SECOND_US,
    settings: QUICK,
    drift: 0.6,
    workload: {
      clients: 5,
      names: 1,
      think_us: 10 * MS_US,
      reads: 0.9,
      timeout_us: 100 * MS_US,
      attempts_max: 1,
      loyalty: 0.97,
    },
    faults: { 'isolate-leader': 600 * MS_US },
  },
};

/** Leaders that have not heard yet what their predecessors have committed. */
export const NEW_LEADERS: Aim = {
  overrides: {
    voters: 3,
    voters_min: 3,
    safety_us: 8 * SECOND_US,
    settings: QUICK,
    network: { delay_us: 3 * MS_US, spread: 60, loss: 0 },
    disk: { sync_us: 10 * MS_US, spread: 8, byte_us: 0.01 },
    workload: {
      clients: 5,
      names: 1,
      think_us: 5 * MS_US,
      reads: 0.6,
      timeout_us: 300 * MS_US,
      loyalty: 0.3,
    },
    faults: { transfer: 150 * MS_US, kill: 500 * MS_US, 'slow-disk': 1 * SECOND_US },
    outage_us: 200 * MS_US,
  },
};

/** Data keys that are rotated all the time, on nodes that are killed and written to. */
export const ROTATIONS: Aim = {
  overrides: {
    voters: 3,
    voters_min: 3,
    safety_us: 8 * SECOND_US,
    outage_us: 50 * MS_US,
    settings: QUICK,
    disk: { sync_us: 5 * MS_US, spread: 8, byte_us: 0.01 },
    workload: { clients: 4, think_us: 10 * MS_US, reads: 0.2 },
    faults: { kill: 300 * MS_US, 'power-cut': 500 * MS_US, 'rotate-key': 100 * MS_US },
  },
};

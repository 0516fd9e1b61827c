// SPDX-License-Identifier: Apache-2.0
// What a seed draws before it begins: how large the cluster is, what its parts are like, and which faults there are.
// Runs in which only some faults occur find what runs with all of them hide (Groce et al., "Swarm Testing", 2012).
import { DEFAULT_SETTINGS, type ReplicaSettings } from '../../../src/store/index.ts';
import type { DiskTiming } from '../disk/disk-behaviour.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { NetworkTraits } from '../network/link.ts';
import { FAULT_KINDS, type FaultKind } from './fault-kinds.ts';

export interface WorkloadTraits {
  readonly clients: number;
  readonly names: number;
  readonly think_us: number;
  readonly timeout_us: number;
  /** Attempts under one request id. */
  readonly attempts_max: number;
  readonly valueBytes_max: number;
  /** Of all calls, those that read. */
  readonly reads: number;
  readonly replyLoss: number;
  /** Of all calls, those that go to the node that the client used last. */
  readonly loyalty: number;
}

export interface SimConfig {
  /** Voters that the cluster begins with. */
  readonly voters: number;
  /** Members of all kinds that it grows to, and voters that it never has fewer of. */
  readonly members_max: number;
  readonly voters_min: number;
  /** Nodes have ids as in production, of 48 bits; or else small ones, which are easier to read. */
  readonly largeIds: boolean;
  /** Of all membership changes, those that replace a voter by another one, in one step; and those that hit the leader. */
  readonly replacements: number;
  readonly againstLeader: number;
  readonly safety_us: number;
  readonly settings: ReplicaSettings;
  readonly network: NetworkTraits;
  readonly disk: DiskTiming;
  /** How much too fast or too slow clocks run, at most: 0.05 is 5 %. */
  readonly drift: number;
  /** How long a node stays down, on average. */
  readonly outage_us: number;
  readonly workload: WorkloadTraits;
  /** The average time between two faults of a kind; those that are absent do not occur. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
}

/** What a caller sets by hand; the rest is drawn. */
export type ConfigOverrides = Partial<Omit<SimConfig, 'settings' | 'network' | 'workload'>> & {
  readonly settings?: Partial<ReplicaSettings>;
  readonly network?: Partial<NetworkTraits>;
  readonly workload?: Partial<WorkloadTraits>;
};

const SECOND_US = 1_000_000;
const MS_US = 1_000;

/** How rare each kind is, as the average time between two of them when it is on. */
const INTERVALS_US: Readonly<Record<FaultKind, readonly [number, number]>> = {
  kill: [1 * SECOND_US, 8 * SECOND_US],
  stop: [1 * SECOND_US, 8 * SECOND_US],
  'power-cut': [1 * SECOND_US, 8 * SECOND_US],
  blackout: [5 * SECOND_US, 15 * SECOND_US],
  pause: [1 * SECOND_US, 6 * SECOND_US],
  partition: [2 * SECOND_US, 8 * SECOND_US],
  'isolate-leader': [2 * SECOND_US, 8 * SECOND_US],
  'cut-link': [1 * SECOND_US, 6 * SECOND_US],
  'swizzle-clog': [2 * SECOND_US, 8 * SECOND_US],
  'slow-link': [1 * SECOND_US, 6 * SECOND_US],
  storm: [2 * SECOND_US, 8 * SECOND_US],
  'slow-disk': [2 * SECOND_US, 8 * SECOND_US],
  'hang-disk': [2 * SECOND_US, 10 * SECOND_US],
  'full-disk': [2 * SECOND_US, 8 * SECOND_US],
  'disk-error': [2 * SECOND_US, 10 * SECOND_US],
  clock: [2 * SECOND_US, 8 * SECOND_US],
  transfer: [500 * MS_US, 5 * SECOND_US],
  membership: [300 * MS_US, 3 * SECOND_US],
  rot: [1 * SECOND_US, 5 * SECOND_US],
  rollback: [1 * SECOND_US, 5 * SECOND_US],
  'cut-stream': [100 * MS_US, 2 * SECOND_US],
  'rotate-key': [500 * MS_US, 5 * SECOND_US],
};

/** Draws a configuration. `only` restricts the faults that may be on. */
export function drawConfig(
  random: RandomStream,
  only: readonly FaultKind[] = FAULT_KINDS,
  overrides: ConfigOverrides = {},
): SimConfig {
  const drawn = draw(random, only);
  return {
    ...drawn,
    ...overrides,
    settings: { ...drawn.settings, ...overrides.settings },
    network: { ...drawn.network, ...overrides.network },
    workload: { ...drawn.workload, ...overrides.workload },
  };
}

function draw(random: RandomStream, only: readonly FaultKind[]): SimConfig {
  const voters = random.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 7]);
  const faults = drawFaults(random.fork('faults'), only);
  // Of three voters one can be damaged; of fewer, none.
  const damaged = faults.rot !== undefined || faults.rollback !== undefined;
  const voters_min = damaged ? 3 : random.between(1, 3);
  return {
    voters,
    members_max: Math.max(voters, random.between(3, 7)),
    voters_min: faults.membership === undefined ? voters : Math.min(voters, voters_min),
    largeIds: random.chance(0.2),
    replacements: random.pick([0.1, 0.3, 0.7]),
    againstLeader: random.pick([0, 0.3, 0.8]),
    safety_us: random.between(6, 16) * SECOND_US,
    settings: drawSettings(random.fork('settings')),
    network: drawNetwork(random.fork('network')),
    disk: {
      sync_us: random.magnitude(200, 5_000),
      spread: random.magnitude(1.5, 20),
      byte_us: random.magnitude(0.001, 0.05),
    },
    drift: random.pick([0, 0.001, 0.02, 0.1]),
    outage_us: random.magnitude(100 * MS_US, 4 * SECOND_US),
    workload: drawWorkload(random.fork('workload')),
    faults,
  };
}

function drawSettings(random: RandomStream): ReplicaSettings {
  const appendBytesMax = random.pick([64, 1_024, 64 * 1_024, DEFAULT_SETTINGS.appendBytesMax]);
  return {
    ...DEFAULT_SETTINGS,
    tick_ms: random.pick([50, 50, 100]),
    appendBytesMax,
    inflightAppendsMax: random.pick([1, 2, 4, 16]),
    inflightBytesMax: random.pick([0, appendBytesMax, DEFAULT_SETTINGS.inflightBytesMax]),
    uncommittedBytesMax: random.pick([1_024, 64 * 1_024, DEFAULT_SETTINGS.uncommittedBytesMax]),
    logLimits: random.pick([
      { entriesMax: 4, bytesMax: 1 << 20 },
      { entriesMax: 16, bytesMax: 1 << 20 },
      { entriesMax: 60, bytesMax: 8_192 },
      { entriesMax: 10_000, bytesMax: 1 << 26 },
    ]),
    diskStall_ms: random.pick([300, 1_000]),
    diskHang_ms: random.pick([3_000, 30_000]),
  };
}

function drawNetwork(random: RandomStream): NetworkTraits {
  const ordered = random.chance(0.6);
  return {
    ordered,
    loss: random.pick([0, 0, 0.01, 0.05, 0.15]),
    duplication: ordered ? 0 : random.pick([0, 0.01, 0.1]),
    delay_us: random.magnitude(100, 10 * MS_US),
    spread: random.magnitude(1.2, 30),
    bytes_per_ms: random.magnitude(1_000, 1_000_000),
  };
}

function drawWorkload(random: RandomStream): WorkloadTraits {
  return {
    clients: random.between(1, 5),
    names: random.between(1, 5),
    think_us: random.magnitude(5 * MS_US, 300 * MS_US),
    timeout_us: random.magnitude(200 * MS_US, 3 * SECOND_US),
    attempts_max: random.between(1, 5),
    valueBytes_max: random.pick([20, 200, 4_000]),
    reads: random.pick([0.2, 0.5, 0.8]),
    replyLoss: random.pick([0, 0.02, 0.2]),
    loyalty: random.pick([0, 0.5, 0.95]),
  };
}

function drawFaults(random: RandomStream, only: readonly FaultKind[]): SimConfig['faults'] {
  const share = random.pick([0.15, 0.3, 0.5]);
  const faults: Partial<Record<FaultKind, number>> = {};
  for (const kind of FAULT_KINDS) {
    // Drawn for all kinds, so that leaving one out does not change the others.
    const on = random.chance(share);
    const interval_us = random.magnitude(...INTERVALS_US[kind]);
    if (on && only.includes(kind)) {
      faults[kind] = interval_us;
    }
  }
  return faults;
}

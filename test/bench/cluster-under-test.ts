// SPDX-License-Identifier: Apache-2.0
import type { Target } from './cluster-clients.ts';

/** A cluster of three that is measured. */
export interface ClusterUnderTest {
  readonly name: string;
  readonly targets: readonly Target[];
  /** What a write is called, and a read; none if the values can not be read. */
  readonly write: string;
  readonly read: string | undefined;
  /** Removes what a measurement has stored, where it would burden the next one. */
  readonly clear?: () => Promise<void>;
  /** Resolves to the leader, once the cluster is whole. */
  readonly leader: () => Promise<Killable>;
  readonly stop: () => Promise<void>;
}

export interface Killable {
  /** Sends SIGKILL. */
  readonly kill: () => Promise<void>;
  /** Starts it again. */
  readonly start: () => Promise<void>;
}

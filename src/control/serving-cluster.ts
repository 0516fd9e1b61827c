// SPDX-License-Identifier: Apache-2.0
// The cluster, for the routes about it, and how long they wait for what it does.
import { CofferError, withDeadline } from '../common/index.ts';
import type { ClusterAdmin } from './cluster-wire.ts';
import type { ControlOptions } from './options.ts';

const START_WAIT_MS = 5_000;
const READ_TIMEOUT_MS = 10_000;
const CHANGE_TIMEOUT_MS = 25_000;

/** The cluster; a call that comes while the daemon starts waits a little, as those for secrets do. */
export async function servingCluster({ cluster, storeStarted }: ControlOptions): Promise<ClusterAdmin> {
  if (cluster === undefined) {
    throw new CofferError('store.unavailable', 'this daemon does not administer a cluster');
  }
  await storeStarted?.(START_WAIT_MS);
  return cluster();
}

export function reading<T>(work: Promise<T>): Promise<T> {
  return withDeadline(work, READ_TIMEOUT_MS, 'store.timeout', 'the cluster did not answer in time');
}

export function changing<T>(work: Promise<T>, timeout_ms: number = CHANGE_TIMEOUT_MS): Promise<T> {
  const sentence = `the change has not taken effect after ${timeout_ms / 1_000} s; it may yet`;
  return withDeadline(work, timeout_ms, 'store.timeout', sentence);
}

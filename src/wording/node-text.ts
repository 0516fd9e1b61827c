// SPDX-License-Identifier: Apache-2.0
// How a node is told.
import type { NodeDescription } from '../control/index.ts';

/** As docker writes it: `Ready`. */
export function statusText({ status }: NodeDescription): string {
  return status.slice(0, 1).toUpperCase() + status.slice(1);
}

/** Of managers, in docker's words; of workers nothing. */
export function managerStatus({ role, leader, voter, status }: NodeDescription): string {
  if (role === 'worker') {
    return '';
  }
  if (leader) {
    return 'Leader';
  }
  if (status === 'down') {
    return 'Unreachable';
  }
  if (!voter) {
    return 'Joining';
  }
  return status === 'unknown' ? 'Unknown' : 'Reachable';
}

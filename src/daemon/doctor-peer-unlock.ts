// SPDX-License-Identifier: Apache-2.0
// What doctor says of peer unlock: what it means while it is on, and what has come of it on a node that is locked.
import type { PeerUnlockState } from '../cluster/index.ts';
import type { Check } from '../control/index.ts';
import type { StoreKeeper } from './store-keeper.ts';

const name = 'peer unlock';
const MEANING =
  "whoever takes this disk and reaches the managers' port before this node is removed can unlock it (docker coffer node rm ends that)";

/** Nothing where there is nothing to say of it. */
export function peerUnlockChecks(keeper: StoreKeeper, state: PeerUnlockState | undefined): readonly Check[] {
  if (keeper.reason !== undefined) {
    return state?.asking === true ? [askingCheck(state)] : [];
  }
  const store = keeper.source();
  const { cluster } = store;
  if (cluster.autolock?.peerUnlock === undefined) {
    return [];
  }
  const isKnown = cluster.peerUnlock(store.status().nodeId) !== undefined;
  if (!isKnown) {
    const message = 'peer unlock is on, and the others do not know this manager yet by what to unlock it';
    return [
      { name, level: 'warning', message, mend: 'See that most managers are up: docker coffer node ls' },
    ];
  }
  if (cluster.peerUnlocks().length < 2) {
    const message = 'peer unlock is on, and there is no other manager that could unlock this one';
    return [
      { name, level: 'warning', message, mend: 'Let another one join: docker coffer join-token manager' },
    ];
  }
  return [{ name, level: 'ok', message: `peer unlock is on: ${MEANING}` }];
}

function askingCheck({ problem }: PeerUnlockState): Check {
  const last = problem === undefined ? 'none has answered yet' : `the last answer: ${problem.detail}`;
  return {
    name,
    level: 'warning',
    message: `the other managers are asked for the unlock key; ${last}`,
    mend: 'Unlock one of them, or this one: docker coffer unlock',
  };
}

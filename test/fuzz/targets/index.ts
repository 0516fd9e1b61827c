// SPDX-License-Identifier: Apache-2.0
import type { FuzzTarget } from '../target.ts';
import { nodeTargets } from './nodes.ts';
import { raftTargets } from './raft.ts';
import { storeTargets } from './store.ts';
import { transportTargets } from './transport.ts';

/** Every parser that is fuzzed, by name. */
export const TARGETS: readonly FuzzTarget[] = [
  ...transportTargets,
  ...raftTargets,
  ...storeTargets,
  ...nodeTargets,
].toSorted((one, other) => (one.name < other.name ? -1 : 1));

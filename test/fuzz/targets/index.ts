// SPDX-License-Identifier: Apache-2.0
import type { FuzzTarget } from '../target.ts';
import { backupTargets } from './backups.ts';
import { controlTargets } from './control.ts';
import { engineTargets } from './engine.ts';
import { fileTargets } from './files.ts';
import { keyTargets } from './keys.ts';
import { listenerTargets } from './listeners.ts';
import { nodeTargets } from './nodes.ts';
import { raftTargets } from './raft.ts';
import { receiverTargets } from './receivers.ts';
import { storeTargets } from './store.ts';
import { transportTargets } from './transport.ts';
import { typedTargets } from './typed.ts';

/** Every parser that is fuzzed, by name. */
export const TARGETS: readonly FuzzTarget[] = [
  ...transportTargets,
  ...raftTargets,
  ...storeTargets,
  ...nodeTargets,
  ...keyTargets,
  ...engineTargets,
  ...controlTargets,
  ...typedTargets,
  ...fileTargets,
  ...backupTargets,
  ...listenerTargets,
  ...receiverTargets,
].toSorted((one, other) => (one.name < other.name ? -1 : 1));

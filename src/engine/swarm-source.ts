// SPDX-License-Identifier: Apache-2.0
import type { SwarmSnapshot } from './swarm-model.ts';

/** What this node's engine says that its swarm is to do, kept up to date. */
export interface SwarmSource {
  /** The last one that was read. Undefined: the engine is in no swarm. `unknown`: nothing has been read yet. */
  snapshot(): SwarmSnapshot | undefined | 'unknown';
  /** Calls back after each reading, also one that found nothing new: `begunAt_ms` is later. Returns what ends that. */
  watch(listener: () => void): () => void;
  /** Reads it anew soon: somebody waits for what may have happened since. Further calls until then cost nothing. */
  refresh(): void;
}

// SPDX-License-Identifier: Apache-2.0
import type { EngineContainer } from './container-model.ts';

/**
 * `change`: containers may be others now. `restart`: the engine itself has restarted, or events were missed, so that all that
 * was known of containers has to be looked up anew.
 */
export type ContainerNews = 'change' | 'restart';

/** What the node's own engine tells of its containers. */
export interface ContainerSource {
  /**
   * The containers, in whatever state, that mount at least one of these volumes. Rejects with `engine.unreachable` or
   * `engine.refused`.
   */
  list(volumes: readonly string[]): Promise<readonly EngineContainer[]>;
  /** Calls the listener, which must not throw, until the function that it returns is called. */
  watch(listener: (news: ContainerNews) => void): () => void;
  /**
   * Sends a signal (`SIGHUP`) to a container's first process. Nothing happens if the container does not run. Rejects with
   * `engine.unreachable` or `engine.refused`.
   */
  signal(containerId: string, signal: string): Promise<void>;
}

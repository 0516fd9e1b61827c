// SPDX-License-Identifier: Apache-2.0
import type { NodeId } from '../../raft/index.ts';

/** Who wants to know what changes. */
export interface ReplicaWatcher {
  /** The objects of the cluster, or the configuration of the log, are others now. */
  readonly onClusterChange: () => void;
  /** Another node leads, or none (0). */
  readonly onLeader: (lead: NodeId) => void;
  /** A proposal of this node is committed and applied here, so long after it was made. */
  readonly onCommitted?: (duration_ms: number) => void;
}

export class ReplicaWatchers {
  readonly #watchers = new Set<ReplicaWatcher>();

  /** Returns what ends it. */
  add(watcher: ReplicaWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Told after the current turn: whoever is told may propose. */
  clusterChanged(): void {
    queueMicrotask(() => this.#watchers.forEach(({ onClusterChange }) => onClusterChange()));
  }

  leaderIs(lead: NodeId): void {
    this.#watchers.forEach(({ onLeader }) => onLeader(lead));
  }

  committed(duration_ms: number): void {
    this.#watchers.forEach(({ onCommitted }) => onCommitted?.(duration_ms));
  }
}

// SPDX-License-Identifier: Apache-2.0
// What is known when somebody asks why: all of it was read before anything is judged.
import type { ManagerAnswer, ManagerReport } from '../cluster/index.ts';
import type { CofferError } from '../common/index.ts';
import type {
  EngineContainer,
  EngineNode,
  EngineSecret,
  EngineService,
  EngineTask,
} from '../engine/index.ts';
import type { ClusterView, GrantObject } from '../membership/index.ts';
import type { Delivery } from '../secrets/index.ts';
import type { Freshness } from '../store/index.ts';
import type { OutlookStore } from './outlook.ts';

export interface WhyFacts {
  readonly now_ms: number;
  readonly swarm: SwarmFacts;
  readonly store: StoreFacts;
  /** Of this node's own. */
  readonly report: ManagerReport;
  readonly others: readonly ManagerAnswer[];
  readonly volumes: VolumesFacts;
}

export type SwarmFacts =
  | {
      readonly kind: 'known';
      readonly services: readonly EngineService[];
      readonly tasks: readonly EngineTask[];
      readonly nodes: readonly EngineNode[];
      readonly secrets: readonly EngineSecret[];
      /** The id of this node's engine in its swarm. */
      readonly ownNodeId: string;
    }
  /** The engine is in none. */
  | { readonly kind: 'none' }
  /** It does not answer, or is no manager of its swarm. */
  | { readonly kind: 'unknown'; readonly problem: CofferError };

export type StoreFacts =
  | {
      readonly kind: 'serving';
      readonly store: OutlookStore & { readonly cluster: Pick<ClusterView, 'nodes'> };
      readonly deliveries: readonly Delivery[];
      readonly freshness: Freshness;
      /** This node's id in the cluster. */
      readonly ownId: string;
      /** Whether managers have to be unlocked after a start. */
      readonly isAutolocked: boolean;
      /** Those of this node. */
      readonly grants: readonly GrantObject[];
    }
  | { readonly kind: 'refused'; readonly reason: CofferError };

/** What this node has in volumes. */
export interface VolumesFacts {
  readonly volumes: readonly VolumeFacts[];
  /** Those that mount at least one of them. */
  readonly containers: readonly EngineContainer[];
  /** Why it is given no secrets for them. */
  readonly problem: string | undefined;
}

export interface VolumeFacts {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
  readonly isMounted: boolean;
}

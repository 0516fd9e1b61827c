// SPDX-License-Identifier: Apache-2.0
// What the planner decides from, and what it decides.
import type { SwarmSnapshot } from '../engine/index.ts';
import type { GrantObject, Policy } from '../membership/index.ts';
import type { Holder, NodeFacts } from './protocol.ts';

/** A node that has a session. */
export interface PlanNode {
  readonly id: string;
  readonly hostname: string;
  /** The node's id in the engine's swarm, which no other node has; empty if it is in none, or another node was there first. */
  readonly engineNodeId: string;
  readonly facts: NodeFacts;
  /** When they came, on the clock of `SwarmSnapshot.begunAt_ms`. */
  readonly reportedAt_ms: number;
}

/** A secret of the store, at its current version. */
export interface PlannedSecret {
  readonly id: string;
  readonly name: string;
  readonly version: number;
}

export interface PlanInput {
  readonly nodes: readonly PlanNode[];
  /** Undefined: the leader's engine is in no swarm. */
  readonly swarm: SwarmSnapshot | undefined;
  readonly grants: readonly GrantObject[];
  readonly policy: Policy;
  /** By name, without regard to case. */
  readonly secret: (name: string) => PlannedSecret | undefined;
  /** Whether a volume's driver is coffer. */
  readonly isDriver: (name: string) => boolean;
}

/** What one node is due. Each secret of it is named by a holder, and each that a holder names is in it. */
export interface NodePlan {
  /** False while nobody can tell which tasks there are: it is silent on those, and takes no secret away. */
  readonly isWhole: boolean;
  /** By id. */
  readonly secrets: ReadonlyMap<string, PlannedSecret>;
  /** By key. */
  readonly holders: ReadonlyMap<string, Holder>;
}

/** By node id: of each node of the input. */
export type Plan = ReadonlyMap<string, NodePlan>;

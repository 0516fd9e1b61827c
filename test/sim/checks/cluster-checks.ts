// SPDX-License-Identifier: Apache-2.0
// What must hold of a cluster at every moment, checked after everything that happens, in the time that the change takes.
import type { ConfState, NodeId, PeerMessage, Status } from '../../../src/raft/index.ts';
import type { Replica } from '../../../src/store/index.ts';
import type { DiskModel, DurableLog } from './disk-model.ts';
import { DurabilityChecks, type Promises } from './durability-checks.ts';
import { ElectionChecks } from './election-checks.ts';
import type { EntryRegistry, StoredEntry } from './entry-registry.ts';
import { MembershipChecks } from './membership-checks.ts';
import { checkProgress } from './progress-checks.ts';
import { StateChecks } from './state-checks.ts';
import type { Violations } from './violations.ts';

/** A node as the checks see it. */
export interface CheckedNode {
  readonly id: NodeId;
  readonly name: string;
  /** How far its state is applied, if it runs. */
  readonly appliedIndex: number;
  readonly model: DiskModel;
  /** What was durable before the disk lost it: it was promised, and the node's votes are withheld for it. */
  readonly lost: DurableLog | undefined;
  /** Whether it has lost something, and has not yet said that its recovery has ended. */
  readonly wounded: boolean;
}

/** What a node said of itself when it was looked at last. */
interface Seen {
  readonly status: Status;
  readonly appliedIndex: number;
  readonly confState: ConfState;
}

export interface CheckOptions {
  readonly violations: Violations;
  readonly registry: EntryRegistry;
  readonly nodeOf: (id: NodeId) => CheckedNode | undefined;
  readonly inflightAppendsMax: number;
}

export class ClusterChecks {
  readonly #options: CheckOptions;
  readonly #elections: ElectionChecks;
  readonly #durability: DurabilityChecks;
  readonly #states: StateChecks;
  readonly #membership: MembershipChecks;
  readonly #seen = new Map<NodeId, Seen>();

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#elections = new ElectionChecks(options);
    this.#durability = new DurabilityChecks(options);
    this.#states = new StateChecks(options);
    this.#membership = new MembershipChecks(options);
  }

  /** What the node has told others, and must not forget. */
  promisesOf(id: NodeId): Promises {
    return this.#durability.promisesOf(id);
  }

  /** The node's process has died: the next one begins anew. */
  ended(node: CheckedNode): void {
    this.#seen.delete(node.id);
  }

  /** A replica was opened on what the disk holds. */
  opened(node: CheckedNode, replica: Replica): void {
    const status = replica.status();
    this.#durability.opened(node, status);
    const { appliedIndex, confState } = replica.state;
    this.#seen.set(node.id, { status, appliedIndex, confState });
  }

  /** A message leaves a node. */
  sent(message: PeerMessage): void {
    this.#elections.sent(message);
    this.#durability.sent(message);
    this.#membership.sent(message);
  }

  /** An entry that was durable on a node is gone from its disk, or another one stands in its place. */
  removed(node: CheckedNode, entry: StoredEntry): void {
    this.#durability.removed(node, entry);
  }

  /** The node has done something, and is as `status` says. */
  ran(node: CheckedNode, replica: Replica, status: Status): void {
    const { appliedIndex, confState } = replica.state;
    const before = this.#seen.get(node.id) ?? { status, appliedIndex, confState };
    this.#pointers(node, status, appliedIndex, before);
    this.#states.applied(node, replica, status.term, before.appliedIndex);
    if (status.raftState === 'StateLeader') {
      this.#leader(node, status, confState, before);
    }
    this.#seen.set(node.id, { status, appliedIndex, confState });
  }

  #pointers(node: CheckedNode, status: Status, appliedIndex: number, before: Seen): void {
    const { violations } = this.#options;
    const { applied, commit, lastIndex, term, vote } = status;
    if (applied > commit || commit > lastIndex || appliedIndex > commit) {
      violations.report(
        'pointer order',
        `${node.name}: applied ${applied} (state ${appliedIndex}) <= committed ${commit} <= last ${lastIndex}`,
      );
    }
    const { status: old } = before;
    if (
      commit < old.commit ||
      applied < old.applied ||
      term < old.term ||
      appliedIndex < before.appliedIndex
    ) {
      violations.report(
        'monotony',
        `${node.name}: term ${old.term} -> ${term}, committed ${old.commit} -> ${commit}, applied ${old.applied} -> ${applied}`,
      );
    }
    if (term === old.term && old.vote !== 0 && vote !== old.vote) {
      violations.report(
        'one vote',
        `${node.name} changed its vote of term ${term} from ${old.vote} to ${vote}`,
      );
    }
  }

  #leader(node: CheckedNode, status: Status, confState: ConfState, before: Seen): void {
    const { violations, inflightAppendsMax } = this.#options;
    const { status: old } = before;
    const elected = old.raftState !== 'StateLeader' || old.term !== status.term;
    this.#durability.leads(node, status, old);
    if (elected) {
      this.#elections.elected(node, status, confState);
    } else if (status.lastIndex < old.lastIndex) {
      violations.report(
        'leader append-only',
        `${node.name} cut its log from ${old.lastIndex} to ${status.lastIndex}`,
      );
    }
    if (status.commit > old.commit) {
      this.#durability.committed(node, status, [before.confState, confState]);
    }
    checkProgress(violations, node.name, status, inflightAppendsMax);
  }
}

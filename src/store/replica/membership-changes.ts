// SPDX-License-Identifier: Apache-2.0
// Membership changes on their way, and those who wait for them.
import { CofferError } from '../../common/index.ts';
import { type AnyConfChange, asV2, type ConfState, type NodeId, type RawNode } from '../../raft/index.ts';
import { type Clock, withTimeout } from './clock.ts';

interface Waiter {
  readonly resolve: (confState: ConfState) => void;
  readonly reject: (error: CofferError) => void;
}

const TIMEOUT_MS = 10_000;
/** What stands before the caller's own context, so that a change is recognised when it takes effect. */
const ID_BYTES = 16;

export class MembershipChanges {
  readonly #node: RawNode;
  readonly #clock: Clock;
  readonly #newId: () => Buffer;
  readonly #waiters = new Map<string, Waiter>();

  constructor(node: RawNode, clock: Clock, newId: () => Buffer) {
    this.#node = node;
    this.#clock = clock;
    this.#newId = newId;
  }

  /**
   * Resolves when the change has taken effect here. One change at a time: a leader drops a change while another is
   * under way, and then nobody answers. Throws `store.unavailable` while there is no leader, and
   * `cluster.node-removed` for a change that adds a node which was removed.
   */
  async propose(change: AnyConfChange): Promise<ConfState> {
    const id = this.#newId();
    const context = Buffer.concat([id, change.context]);
    const refusal = this.#node.proposeConfChange({ ...change, context });
    if (refusal !== undefined) {
      throw new CofferError('store.unavailable', 'no leader takes a membership change now', {
        hint: 'Try again in a moment.',
      });
    }
    const key = keyOf(id);
    const applied = new Promise<ConfState>((resolve, reject) => {
      this.#waiters.set(key, { resolve, reject });
    });
    return withTimeout(this.#clock, applied, TIMEOUT_MS, () => {
      this.#waiters.delete(key);
      return new CofferError(
        'store.timeout',
        `the membership change did not take effect within ${TIMEOUT_MS / 1_000} s`,
        { hint: 'Look at the membership: the change may have been dropped for another, or still happen.' },
      );
    });
  }

  applied(context: Buffer, confState: ConfState): void {
    const key = keyOf(context);
    this.#waiters.get(key)?.resolve(confState);
    this.#waiters.delete(key);
  }

  /** All nodes apply the change as nothing, for this reason. */
  refused(context: Buffer, error: CofferError): void {
    const key = keyOf(context);
    this.#waiters.get(key)?.reject(error);
    this.#waiters.delete(key);
  }

  rejectAll(error: CofferError): void {
    for (const { reject } of this.#waiters.values()) {
      reject(error);
    }
    this.#waiters.clear();
  }
}

/** Whether the change removes this node, or makes it a learner. */
export function takesVote(change: AnyConfChange, id: NodeId): boolean {
  return asV2(change).changes.some(
    ({ nodeId, type }) =>
      nodeId === id && (type === 'ConfChangeRemoveNode' || type === 'ConfChangeAddLearnerNode'),
  );
}

function keyOf(context: Buffer): string {
  return context.subarray(0, ID_BYTES).toString('latin1');
}

// SPDX-License-Identifier: Apache-2.0
// Committed entries become state here, in the order of the log and on every node alike.
import { CofferError } from '../../common/index.ts';
import {
  type AnyConfChange,
  type ConfState,
  decodeConfChange,
  type Entry,
  type RawNode,
} from '../../raft/index.ts';
import {
  applyRequest,
  decodeRequest,
  type Effect,
  type Request,
  type RequestOutcome,
} from '../../secrets/index.ts';
import type { RaftLog } from '../../storage/index.ts';
import { removedNodeError } from '../state/removed-nodes.ts';
import type { SecretState } from '../state/secret-state.ts';

export interface ApplierOptions {
  readonly node: RawNode;
  readonly log: RaftLog;
  readonly state: SecretState;
  /** Called for each request that was applied, refused, or found to be applied already. */
  readonly onRequest: (requestId: string, outcome: RequestOutcome) => void;
  /** Called for each membership change that took effect, with the context that it was proposed with. */
  readonly onConfChange: (context: Buffer, confState: ConfState) => void;
  /** Called for each request that has changed something. */
  readonly onEffects: (effects: readonly Effect[]) => void;
  /** Called when objects of the cluster have changed. */
  readonly onClusterChange: () => void;
  /** Called for each membership change that every node refuses to put into effect. */
  readonly onConfChangeRefused: (context: Buffer, error: CofferError) => void;
}

/** The state machine's side of the core. */
export class Applier {
  readonly #options: ApplierOptions;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** Applies the entries; what cannot be applied throws, and must end the process: the log would be stuck there. */
  apply(entries: readonly Entry[]): void {
    const { log } = this.#options;
    const last = entries.at(-1);
    if (last !== undefined) {
      // Before any is wiped: a membership change makes the core send entries at once, and it must not find wiped ones.
      log.release(last.index);
    }
    for (const entry of entries) {
      try {
        this.#applyOne(entry);
      } catch (thrown) {
        const { detail } = CofferError.from(thrown);
        const sentence = `entry ${entry.index} of the log is committed and cannot be applied: ${detail}`;
        throw new CofferError('store.faulted', sentence, { cause: thrown });
      }
      // The plaintext has done its work; whoever needs the entry again opens it from the disk.
      entry.data.fill(0);
    }
  }

  #applyOne(entry: Entry): void {
    switch (entry.type) {
      case 'EntryNormal':
        this.#applyRequest(entry);
        break;
      case 'EntryConfChange':
      case 'EntryConfChangeV2':
        this.#applyConfChange(entry.index, decodeConfChange(entry.type, entry.data));
        break;
    }
  }

  #applyConfChange(index: number, change: AnyConfChange): void {
    const { node, state, onConfChange, onConfChangeRefused } = this.#options;
    const refusal = removedNodeError(state.removedNodes, change);
    if (refusal !== undefined) {
      // The core is not told: for it, the entry is one like any other.
      state.apply(index, []);
      onConfChangeRefused(change.context, refusal);
      return;
    }
    const confState = node.applyConfChange(change);
    state.applyConfState(index, confState);
    onConfChange(change.context, confState);
  }

  #applyRequest({ index, data }: Entry): void {
    const { state, onClusterChange, onEffects, onRequest } = this.#options;
    if (data.length === 0) {
      // The entry that a leader begins its term with.
      state.apply(index, []);
      return;
    }
    const request = decodeRequest(data, 'view');
    const outcome = this.#outcomeOf(request, index);
    state.apply(index, outcome.effects);
    onEffects(outcome.effects);
    if (outcome.effects.some(isOfObject)) {
      onClusterChange();
    }
    if ('value' in request.command) {
      request.command.value.wipe();
    }
    onRequest(request.id, outcome);
  }

  /** What a node forwarded before it was removed, and comes after, is refused on every node alike. */
  #outcomeOf(request: Request, index: number): RequestOutcome {
    const { state } = this.#options;
    if (!state.removedNodes.has(request.proposer)) {
      return applyRequest(state.index, request, index);
    }
    const error = new CofferError('cluster.node-removed', 'the node that asked for this was removed');
    return { kind: 'refused', error, effects: [], index };
  }
}

/** Some commands are about a secret, and an object of the cluster as well. */
function isOfObject({ kind }: Effect): boolean {
  return kind === 'put-object' || kind === 'delete-object';
}

// SPDX-License-Identifier: Apache-2.0
// The secrets as they must be: a second, plain reading of the committed log to hold the nodes' states against.
import { isClusterCommand } from '../../../src/membership/index.ts';
import { asV2, type ConfChangeV2, decodeConfChange, type NodeId } from '../../../src/raft/index.ts';
import { type Command, decodeRequest, nameKey, REQUESTS_KEPT } from '../../../src/secrets/index.ts';
import { type Call, perform, type Register } from '../workload/secret-register.ts';
import { tagOf } from '../workload/values.ts';
import type { StoredEntry } from './entry-registry.ts';

/** What became of a request when it was applied first. */
export interface Effected {
  readonly index: number;
  /** Why it was refused; undefined if it was done. */
  readonly refused: string | undefined;
  readonly name: string;
  /** What the store shows of the secret then: as it is after, or as it was when it was removed. */
  readonly shown: Register;
}

type WriteCall = Exclude<Call, { kind: 'read' }>;

/** Applies each committed entry once, in order. */
export class ReferenceState {
  readonly #registers = new Map<string, Register>();
  readonly #nameOfId = new Map<string, string>();
  readonly #requests = new Map<string, Effected>();
  /** Every state that a name ever had, with the index that it began at. */
  readonly #history = new Map<string, { readonly index: number; readonly register: Register }[]>();
  #repetitions = 0;
  readonly #members = new Members();

  /** How many entries repeated a request. */
  get repetitions(): number {
    return this.#repetitions;
  }

  apply(entry: StoredEntry): void {
    if (entry.type !== 'EntryNormal') {
      this.#members.change(asV2(decodeConfChange(entry.type, entry.data)));
      return;
    }
    if (entry.data.length === 0) {
      return;
    }
    const { id, baseIndex, proposer, command } = decodeRequest(entry.data);
    if (this.#members.removed.has(proposer)) {
      return;
    }
    if (this.#requests.has(id)) {
      this.#repetitions += 1;
      return;
    }
    if (entry.index <= baseIndex + REQUESTS_KEPT) {
      this.#requests.set(id, { index: entry.index, ...this.#perform(command, entry.index) });
    }
  }

  requestOf(id: string): Effected | undefined {
    return this.#requests.get(id);
  }

  /** What stands under a name after the entry at `index`. */
  registerAt(name: string, index: number): Register {
    const states = this.#history.get(name) ?? [];
    return states.findLast((state) => state.index <= index)?.register ?? 'absent';
  }

  /** All states that a name was in from the entry at `index` on. */
  registersSince(name: string, index: number): readonly Register[] {
    const later = (this.#history.get(name) ?? []).filter((state) => state.index > index);
    return [this.registerAt(name, index), ...later.map(({ register }) => register)];
  }

  /** All that is not absent, by name. */
  get registers(): ReadonlyMap<string, Register> {
    return new Map([...this.#registers].filter(([, register]) => register !== 'absent'));
  }

  /** Does what the command asks for, or returns why it is refused. */
  #perform(command: Command, index: number): Omit<Effected, 'index'> {
    const write = this.#writeOf(command);
    if (write === undefined) {
      return { refused: 'secret.not-found', name: '', shown: 'absent' };
    }
    const { name, call } = write;
    const before = this.#registers.get(name) ?? 'absent';
    const after = perform(before, call);
    if (typeof after === 'object' && 'refused' in after) {
      return { refused: after.refused, name, shown: 'absent' };
    }
    this.#registers.set(name, after);
    if (after !== 'absent') {
      this.#nameOfId.set(after.id, name);
    }
    this.#history.set(name, [...(this.#history.get(name) ?? []), { index, register: after }]);
    return { refused: undefined, name, shown: call.kind === 'remove' ? before : after };
  }

  #writeOf(command: Command): { readonly name: string; readonly call: WriteCall } | undefined {
    if (isClusterCommand(command)) {
      return undefined;
    }
    switch (command.kind) {
      case 'put': {
        const { expect, id: newId, name, value } = command;
        const call = { kind: 'put', expect, newId, value: tagOf(value.expose()) } as const;
        return { name: nameKey(name), call };
      }
      case 'create': {
        const { id: newId, name, value } = command;
        return { name: nameKey(name), call: { kind: 'create', newId, value: tagOf(value.expose()) } };
      }
      case 'remove': {
        const name = this.#nameOfId.get(command.id);
        return name === undefined ? undefined : { name, call: { kind: 'remove', id: command.id } };
      }
      case 'rollback': {
        const { expect = 0, id } = command;
        const name = this.#nameOfId.get(id);
        return name === undefined ? undefined : { name, call: { kind: 'rollback', id, expect } };
      }
      case 'activate':
      case 'set-labels':
      case 'record-deliveries':
        return undefined;
      case 'destroy':
      case 'prune':
      case 'rotate':
      case 'revert-rotation':
      case 'restore':
      case 'restore-versions':
        // No client of the simulation destroys, prunes, rotates or restores.
        return undefined;
      default:
        return undefined;
    }
  }
}

/** Which nodes were removed: what comes from them afterwards changes nothing. */
class Members {
  readonly removed = new Set<NodeId>();
  readonly #voters = new Set<NodeId>();
  readonly #learners = new Set<NodeId>();
  #leaving = new Set<NodeId>();

  change({ changes, transition }: ConfChangeV2): void {
    const leaving = changes.filter(({ type }) => type === 'ConfChangeRemoveNode');
    const refused = changes.some(
      ({ type, nodeId }) => type !== 'ConfChangeRemoveNode' && this.removed.has(nodeId),
    );
    if (refused) {
      return;
    }
    for (const { nodeId } of leaving) {
      // A joint configuration still counts the voters who leave with it, and no learners.
      if (this.#voters.delete(nodeId)) {
        this.#leaving.add(nodeId);
      } else if (this.#learners.delete(nodeId)) {
        this.removed.add(nodeId);
      }
    }
    for (const { type, nodeId } of changes) {
      if (type === 'ConfChangeAddNode' || type === 'ConfChangeAddLearnerNode') {
        const [role, other] =
          type === 'ConfChangeAddNode' ? [this.#voters, this.#learners] : [this.#learners, this.#voters];
        role.add(nodeId);
        other.delete(nodeId);
        this.#leaving.delete(nodeId);
      }
    }
    const joint = changes.length > 1 || (changes.length > 0 && transition !== 'ConfChangeTransitionAuto');
    if (!joint) {
      this.#leaving.forEach((nodeId) => this.removed.add(nodeId));
      this.#leaving = new Set();
    }
  }
}

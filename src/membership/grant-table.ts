// SPDX-License-Identifier: Apache-2.0
// The grants by the node that they are for, since that is how they are looked up whenever a container starts.
import type { GrantObject } from './grant.ts';

export class GrantTable {
  readonly #byNode = new Map<string, Map<string, GrantObject>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** One of an id that is not in the table yet. */
  add(grant: GrantObject): void {
    const ofNode = this.#byNode.get(grant.nodeId) ?? new Map<string, GrantObject>();
    this.#byNode.set(grant.nodeId, ofNode.set(grant.id, grant));
    this.#size += 1;
  }

  delete({ id, nodeId }: GrantObject): void {
    const ofNode = this.#byNode.get(nodeId);
    if (ofNode?.delete(id) === true) {
      this.#size -= 1;
    }
    if (ofNode?.size === 0) {
      this.#byNode.delete(nodeId);
    }
  }

  /** In the order in which they were granted. */
  of(nodeId: string): readonly GrantObject[] {
    return inOrder([...(this.#byNode.get(nodeId)?.values() ?? [])]);
  }

  /** Likewise. */
  all(): readonly GrantObject[] {
    return inOrder([...this.#byNode.values()].flatMap((ofNode) => [...ofNode.values()]));
  }
}

/** The same on every manager, also where the objects were read in another order. */
function inOrder(grants: readonly GrantObject[]): readonly GrantObject[] {
  return grants.toSorted((a, b) => a.grantedAt_ms - b.grantedAt_ms || (a.id < b.id ? -1 : 1));
}

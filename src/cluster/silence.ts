// SPDX-License-Identifier: Apache-2.0
// For how long nodes have not been heard from: one that is just being started again is silent as well.

export interface SilenceOptions {
  /** How long a silence is to last until it is a long one. */
  readonly patience_ms: number;
  readonly monotonic_ms: () => number;
}

export class Silence {
  readonly #options: SilenceOptions;
  /** Of each node that was not heard from when it was looked at last: since when it was not. */
  readonly #since_ms = new Map<string, number>();

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  /** Looks at a node; whether it was never heard from when it was looked at, for longer than the patience lasts. */
  isLong(nodeId: string, isHeard: boolean): boolean {
    if (isHeard) {
      this.#since_ms.delete(nodeId);
      return false;
    }
    const { monotonic_ms, patience_ms } = this.#options;
    const at_ms = monotonic_ms();
    const since_ms = this.#since_ms.get(nodeId) ?? at_ms;
    this.#since_ms.set(nodeId, since_ms);
    return at_ms - since_ms >= patience_ms;
  }

  /** Nobody looks any longer: each silence begins anew. */
  forget(): void {
    this.#since_ms.clear();
  }
}

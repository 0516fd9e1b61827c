// SPDX-License-Identifier: Apache-2.0
// Whether this node is a manager no longer: whoever asked it to leave is told so, though its store is closed by then.
import type { CofferError } from '../common/index.ts';

/** Whom a manager tells that it is none any longer. */
export interface DepartureCallbacks {
  readonly onDemoted: () => void;
  readonly onRemoved: (reason: CofferError) => void;
}

export class Departure {
  /** Resolves when the node was demoted or removed; it may never. */
  readonly happened: Promise<void>;
  #tell: () => void = () => undefined;

  constructor() {
    this.happened = new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  /** The callbacks, with this one told first. */
  telling({ onDemoted, onRemoved }: DepartureCallbacks): DepartureCallbacks {
    return {
      onDemoted: () => {
        this.#tell();
        onDemoted();
      },
      onRemoved: (reason) => {
        this.#tell();
        onRemoved(reason);
      },
    };
  }
}

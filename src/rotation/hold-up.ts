// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import type { RotationObject } from '../membership/index.ts';
import type { SecretStore } from '../store/index.ts';
import { shortened } from './shortened.ts';

/** An engine that is started again is not worth an entry in the log. */
const TOLD_AFTER_MS = 10_000;
const PROPOSE_TIMEOUT_MS = 5_000;

export interface HoldUpOptions {
  readonly store: Pick<SecretStore, 'propose'>;
  readonly now_ms: () => number;
  readonly monotonic_ms: () => number;
}

/** Tells every manager, through the store, when the leader cannot go on with a rotation, since when, and why. */
export class HoldUp {
  readonly #options: HoldUpOptions;
  /** The first of the looks that failed, without one in between that did not. */
  #first: { readonly id: string; readonly at_ms: number; readonly monotonic_ms: number } | undefined;

  constructor(options: HoldUpOptions) {
    this.#options = options;
  }

  /** A look has failed. What is wrong with the engine is told, once it has lasted; a store that does not answer cannot be told. */
  async failed({ heldBecause, id }: RotationObject, thrown: unknown): Promise<void> {
    const { monotonic_ms, now_ms } = this.#options;
    const { code, detail } = CofferError.from(thrown);
    if (!code.startsWith('engine.')) {
      return;
    }
    if (this.#first?.id !== id) {
      this.#first = { id, at_ms: now_ms(), monotonic_ms: monotonic_ms() };
    }
    const because = shortened(detail);
    if (because !== heldBecause && monotonic_ms() - this.#first.monotonic_ms >= TOLD_AFTER_MS) {
      await this.#hold(id, because, this.#first.at_ms);
    }
  }

  /** A look has not failed. A step that it has taken says so by itself. */
  async passed({ heldBecause, id }: RotationObject): Promise<void> {
    this.#first = undefined;
    if (heldBecause !== '') {
      await this.#hold(id, '', this.#options.now_ms());
    }
  }

  async #hold(id: string, because: string, at_ms: number): Promise<void> {
    await this.#options.store.propose(
      { kind: 'hold-rotation', id, because, at_ms },
      { timeout_ms: PROPOSE_TIMEOUT_MS },
    );
  }
}

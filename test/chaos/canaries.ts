// SPDX-License-Identifier: Apache-2.0
// The secrets of a run: random values, none like another, so that each is known wherever it turns up.
import { randomBytes } from 'node:crypto';
import { type Leak, LeakScanner } from '../support/leak-scanner.ts';

const VALUE_BYTES = 24;

/** A secret, and what is known of it. */
export interface Canary {
  readonly name: string;
  /** The one node that is due it; absent where all are. */
  readonly node?: string | undefined;
  /** All values that it was given or may have been, in this order. */
  readonly values: readonly string[];
  /** Whether it was removed, as somebody was told. */
  readonly removed: boolean;
}

export class Canaries {
  readonly scanner = new LeakScanner();
  readonly #canaries = new Map<string, Canary>();
  readonly #owners = new Map<string, string>();

  /** A new secret, with its first value. */
  make(name: string, node?: string): Canary {
    this.#canaries.set(name, { name, node, values: [], removed: false });
    this.newValue(name);
    return this.get(name);
  }

  /** A further value: whoever gives it to a secret takes it here before. */
  newValue(name: string): string {
    const value = randomBytes(VALUE_BYTES).toString('base64url');
    const canary = this.get(name);
    this.#canaries.set(name, { ...canary, values: [...canary.values, value] });
    this.#owners.set(value, name);
    this.scanner.add(name, Buffer.from(value));
    return value;
  }

  get(name: string): Canary {
    const canary = this.#canaries.get(name);
    if (canary === undefined) {
      throw new RangeError(`there is no secret ${name}`);
    }
    return canary;
  }

  removed(name: string): void {
    this.#canaries.set(name, { ...this.get(name), removed: true });
  }

  /** The secret that a value is of; `undefined` for a value of nobody's. */
  ownerOf(value: string): Canary | undefined {
    const name = this.#owners.get(value);
    return name === undefined ? undefined : this.get(name);
  }

  all(): readonly Canary[] {
    return [...this.#canaries.values()];
  }

  /** What stands in the bytes, in any form. */
  find(bytes: Buffer, place: string): readonly Leak[] {
    return this.scanner.scan(bytes, place);
  }
}

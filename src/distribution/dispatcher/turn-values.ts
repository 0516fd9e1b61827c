// SPDX-License-Identifier: Apache-2.0
import { SecretValue } from '../../common/index.ts';
import type { ReadValue } from './assignment-diff.ts';

/** So many bytes of values are kept at most: what is due to all nodes is small, or they would not take it at once. */
const KEPT_BYTES_MAX = 1024 * 1024;

/**
 * Opens a value once for all nodes that are sent it in one turn of the event loop. It is wiped when the turn ends; each node's is a
 * copy, which whoever asked for it wipes.
 */
export class TurnValues {
  readonly #read: ReadValue;
  readonly #kept = new Map<string, SecretValue>();
  #kept_bytes = 0;
  #turn: NodeJS.Immediate | undefined;

  constructor(read: ReadValue) {
    this.#read = read;
  }

  /** Throws as `read` does. */
  read(secretId: string, version: number): SecretValue {
    const key = `${secretId}/${version}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      return SecretValue.copyOf(kept.expose());
    }
    const value = this.#read(secretId, version);
    if (this.#kept_bytes + value.byteLength <= KEPT_BYTES_MAX) {
      this.#kept.set(key, SecretValue.copyOf(value.expose()));
      this.#kept_bytes += value.byteLength;
      this.#turn ??= setImmediate(() => this.wipe());
    }
    return value;
  }

  /** What was read before is read anew. */
  wipe(): void {
    clearImmediate(this.#turn);
    this.#turn = undefined;
    this.#kept.forEach((value) => value.wipe());
    this.#kept.clear();
    this.#kept_bytes = 0;
  }
}

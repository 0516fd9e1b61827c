// SPDX-License-Identifier: Apache-2.0
import type { SecretValue } from '../common/index.ts';

/** The unlock key that a process was given, while it runs: on the disk it is nowhere. */
export class UnlockKeyHolder {
  #key: SecretValue | undefined;

  get current(): SecretValue | undefined {
    return this.#key;
  }

  /** Takes `key` over, and wipes the one before it. */
  hold(key: SecretValue | undefined): void {
    if (this.#key !== key) {
      this.#key?.wipe();
      this.#key = key;
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
import type { CofferError } from '../common/index.ts';
import { NAME_LENGTH_MAX, nameKey } from '../secrets/index.ts';
import type { PlannedSecret } from './plan-model.ts';
import type { HeldSecret, Holder, RefusedSecret } from './protocol.ts';

/** So that a holder fits a message: more than a container has volumes for. */
const SECRETS_MAX = 10_000;
/** Further ones are not told: who is not told of a secret is not entitled to it either. */
const REFUSED_MAX = 200;

/** A holder that is being put together: each secret and each refusal once. */
export class HolderDraft {
  readonly #key: string;
  readonly #secrets = new Map<string, HeldSecret>();
  readonly #refused = new Map<string, RefusedSecret>();

  constructor(key: string) {
    this.#key = key;
  }

  /** By the name that somebody has written; `secret` is what the store has of it. True if the holder has it now. */
  add(name: string, secret: PlannedSecret | undefined): secret is PlannedSecret {
    if (secret === undefined) {
      this.#refuse(name, 'secret.not-found', `coffer holds no secret ${name}`);
      return false;
    }
    if (this.#secrets.size >= SECRETS_MAX && !this.#secrets.has(secret.id)) {
      this.#refuse(name, 'volume.refused', `there are more than ${SECRETS_MAX} secrets for one container`);
      return false;
    }
    this.#secrets.set(secret.id, { secretId: secret.id, name: secret.name });
    return true;
  }

  /** `name` is that of a secret, or of a volume whose options say nothing clear. */
  refuse(name: string, { code, detail }: CofferError): void {
    this.#refuse(name, code, detail);
  }

  #refuse(name: string, code: RefusedSecret['code'], message: string): void {
    if (this.#refused.size < REFUSED_MAX) {
      this.#refused.set(nameKey(name), { name: name.slice(0, NAME_LENGTH_MAX), code, message });
    }
  }

  finish(): Holder {
    return {
      key: this.#key,
      secrets: [...this.#secrets.values()],
      refused: [...this.#refused.values()],
    };
  }
}

// SPDX-License-Identifier: Apache-2.0
import { SecretValue, unreachable } from '../../common/index.ts';
import type { Change, Holder, PutSecret } from '../protocol.ts';

/** A secret as this node has it. */
export interface HeldVersion {
  readonly secretId: string;
  readonly version: number;
  readonly value: SecretValue;
}

/** What the leader has given this node: secrets, in memory, and who may have them. A value that goes is overwritten. */
export class Holdings {
  readonly #secrets = new Map<string, HeldVersion>();
  readonly #holders = new Map<string, Holder>();
  #isKnown = false;

  /** Whether the leader has said all of it once: before that, nothing can be said to be due no more. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  get secretCount(): number {
    return this.#secrets.size;
  }

  secret(id: string): HeldVersion | undefined {
    return this.#secrets.get(id);
  }

  /** Undefined: the leader has not answered for it. */
  holder(key: string): Holder | undefined {
    return this.#holders.get(key);
  }

  /** Carries out all of it at once, and takes the values over. What a complete assignment does not name goes. */
  apply(changes: readonly Change[], complete: boolean): void {
    changes.forEach((change) => this.#carryOut(change));
    if (complete) {
      const secrets = new Set(changes.flatMap((one) => (one.kind === 'put-secret' ? [one.secretId] : [])));
      const holders = new Set(changes.flatMap((one) => (one.kind === 'put-holder' ? [one.holder.key] : [])));
      [...this.#secrets.keys()].filter((id) => !secrets.has(id)).forEach((id) => this.#removeSecret(id));
      [...this.#holders.keys()]
        .filter((key) => !holders.has(key))
        .forEach((key) => this.#holders.delete(key));
      this.#isKnown = true;
    }
  }

  /** Overwrites all values. Nothing is due any more, as far as this node is concerned. */
  clear(): void {
    [...this.#secrets.keys()].forEach((id) => this.#removeSecret(id));
    this.#holders.clear();
    this.#isKnown = true;
  }

  #carryOut(change: Change): void {
    switch (change.kind) {
      case 'put-secret':
        this.#putSecret(change);
        return;
      case 'remove-secret':
        this.#removeSecret(change.secretId);
        return;
      case 'put-holder':
        this.#holders.set(change.holder.key, change.holder);
        return;
      case 'remove-holder':
        this.#holders.delete(change.key);
        return;
      default:
        unreachable(change);
    }
  }

  #putSecret({ secretId, version, value }: PutSecret): void {
    this.#removeSecret(secretId);
    this.#secrets.set(secretId, { secretId, version, value: SecretValue.takeOver(value) });
  }

  #removeSecret(id: string): void {
    this.#secrets.get(id)?.value.wipe();
    this.#secrets.delete(id);
  }
}

/** Overwrites the values of changes that will not be carried out. */
export function wipeChanges(changes: readonly Change[]): void {
  for (const change of changes) {
    if (change.kind === 'put-secret') {
      change.value.fill(0);
    }
  }
}

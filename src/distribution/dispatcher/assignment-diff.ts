// SPDX-License-Identifier: Apache-2.0
// What turns the assignment that a node has into what it is due.
import { CofferError, type ErrorCode, type SecretValue } from '../../common/index.ts';
import type { NodePlan, PlannedSecret } from '../plan-model.ts';
import type { Change, HeldSecret, Holder, PutSecret, RefusedSecret } from '../protocol.ts';
import { areSame } from '../same-list.ts';

/** Opens the value of a version. The caller wipes it. */
export type ReadValue = (secretId: string, version: number) => SecretValue;

export const EMPTY_PLAN: NodePlan = { isWhole: true, secrets: new Map(), holders: new Map() };

/** What says that one value cannot be had. Anything else says that nothing can be had just now. */
const UNREADABLE: readonly ErrorCode[] = ['store.damaged', 'secret.not-found', 'secret.version-not-found'];

/** The way from one plan to another. */
export class AssignmentDiff {
  readonly #from: NodePlan;
  readonly #to: NodePlan;
  readonly #read: ReadValue;
  #reached: NodePlan;

  constructor(from: NodePlan, to: NodePlan, read: ReadValue) {
    this.#from = from;
    this.#to = to;
    this.#read = read;
    this.#reached = from;
  }

  /**
   * The changes, in the order in which they must be carried out: nothing is named before it is there, and nothing goes that is
   * still named. Each value is read when it is asked for, and is the caller's to wipe. Throws as `read` does, but for a
   * value that alone cannot be read: that secret is refused to all who hold it.
   */
  *changes(): Generator<Change> {
    const unreadable = new Map<string, CofferError>();
    for (const secret of this.#to.secrets.values()) {
      if (this.#from.secrets.get(secret.id)?.version !== secret.version) {
        const put = this.#put(secret);
        if (put instanceof CofferError) {
          unreadable.set(secret.id, put);
        } else {
          yield put;
        }
      }
    }
    const to = unreadable.size === 0 ? this.#to : refuse(this.#to, unreadable);
    yield* holderChanges(this.#from, to);
    for (const secretId of this.#from.secrets.keys()) {
      // A task of which nothing is said may hold it.
      if (to.isWhole && !to.secrets.has(secretId)) {
        yield { kind: 'remove-secret', secretId };
      }
    }
    this.#reached = to;
  }

  /** What the node has when it has carried out all changes that were asked for. */
  get reached(): NodePlan {
    return this.#reached;
  }

  #put({ id, name, version }: PlannedSecret): PutSecret | CofferError {
    try {
      const value = this.#read(id, version).expose();
      return { kind: 'put-secret', secretId: id, name, version, value };
    } catch (thrown) {
      if (thrown instanceof CofferError && UNREADABLE.includes(thrown.code)) {
        return thrown;
      }
      throw thrown;
    }
  }
}

function* holderChanges(from: NodePlan, to: NodePlan): Generator<Change> {
  for (const [key, holder] of to.holders) {
    const before = from.holders.get(key);
    if (before === undefined || !isSame(before, holder)) {
      yield { kind: 'put-holder', holder };
    }
  }
  for (const key of from.holders.keys()) {
    if (!to.holders.has(key)) {
      yield { kind: 'remove-holder', key };
    }
  }
}

function isSame(one: Holder, other: Holder): boolean {
  return (
    one === other ||
    (areSame(one.secrets, other.secrets, isSameSecret) && areSame(one.refused, other.refused, isSameRefusal))
  );
}

function isSameSecret(one: HeldSecret, other: HeldSecret): boolean {
  return one.secretId === other.secretId && one.name === other.name;
}

function isSameRefusal(one: RefusedSecret, other: RefusedSecret): boolean {
  return one.name === other.name && one.code === other.code && one.message === other.message;
}

/** The plan without these secrets, and with the reason where they were held. */
function refuse(plan: NodePlan, unreadable: ReadonlyMap<string, CofferError>): NodePlan {
  const secrets = new Map([...plan.secrets].filter(([id]) => !unreadable.has(id)));
  const holders = new Map([...plan.holders].map(([key, holder]) => [key, refuseIn(holder, unreadable)]));
  return { isWhole: plan.isWhole, secrets, holders };
}

function refuseIn(holder: Holder, unreadable: ReadonlyMap<string, CofferError>): Holder {
  const refused = holder.secrets.flatMap(({ secretId, name }) => {
    const error = unreadable.get(secretId);
    return error === undefined ? [] : [{ name, code: error.code, message: error.detail }];
  });
  if (refused.length === 0) {
    return holder;
  }
  const secrets = holder.secrets.filter(({ secretId }) => !unreadable.has(secretId));
  return { key: holder.key, secrets, refused: [...holder.refused, ...refused] };
}

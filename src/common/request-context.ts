// SPDX-License-Identifier: Apache-2.0
// Which request something is done for: its id goes along with what it causes, into the log, the audit log and the answer.
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomInt } from 'node:crypto';

/** Node's own way to let something follow a call over all its awaits. It holds nothing outside of a call. */
const current = new AsyncLocalStorage<RequestContext | undefined>();
/**
 * What is followed now. While that is nothing, Node's hooks are off: they are called for every promise of the process, and
 * cost a put a tenth of its time.
 */
const followed = new Set<RequestContext>();

/** Two words of 8 hexadecimal digits each. */
const ID_WORDS = 2;
const WORD_LIMIT = 2 ** 32;
const WORD_DIGITS = 8;
/** What may stand in a line of a log, and in a header. */
export const REQUEST_ID_PATTERN = /^[A-Za-z0-9._~-]{1,64}$/;

export class RequestContext {
  readonly id: string;
  #ended = false;

  /** With the id that the client has given, if it is a single well-formed one; else with a new one. */
  constructor(given?: string | readonly string[]) {
    this.id = typeof given === 'string' && REQUEST_ID_PATTERN.test(given) ? given : newId();
  }

  /** Does `work` for this request, which must come to its end: until then all that the process does is followed. */
  run<T>(work: () => T): T {
    if (this.#ended) {
      return outsideRequests(work);
    }
    followed.add(this);
    return current.run(this, work);
  }

  /** It is answered: what it has begun and what goes on by itself is for nobody's request from now on. */
  end(): void {
    this.#ended = true;
    if (followed.delete(this)) {
      // Not in the midst of a call that Node's hooks have seen the beginning of; and the next request is often here by then.
      setImmediate(unfollow);
    }
  }

  get hasEnded(): boolean {
    return this.#ended;
  }
}

/** By way of `randomInt`, which draws many at a time: asking the system for each costs more than the rest of a request's head. */
function newId(): string {
  const word = (): string => randomInt(WORD_LIMIT).toString(16).padStart(WORD_DIGITS, '0');
  return Array.from({ length: ID_WORDS }, word).join('');
}

function unfollow(): void {
  if (followed.size === 0) {
    current.disable();
  }
}

/** The id of the request that the present call is for; undefined where there is none, or it is answered. */
export function currentRequest(): string | undefined {
  const context = current.getStore();
  return context === undefined || context.hasEnded ? undefined : context.id;
}

/** Does `work`, which is for several at once, for none of them. */
export function outsideRequests<T>(work: () => T): T {
  // Not `exit`, which turns Node's hooks off and on again.
  return current.getStore() === undefined ? work() : current.run(undefined, work);
}

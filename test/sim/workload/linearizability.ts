// SPDX-License-Identifier: Apache-2.0
// Whether a history of concurrent operations could have happened one after another: the search of Wing and Gong
// ("Testing and Verifying Concurrent Objects", 1993), which remembers what it has tried (Lowe, "Testing for
// Linearizability", 2017).

/** An operation on an object with states of type S, as a client saw it. */
export interface TimedOperation<S> {
  readonly invokedAt: number;
  /** Infinity if no answer ever came: then the operation may take effect at any later time, or never. */
  readonly returnedAt: number;
  /** Where the search looks first among those that may come next; any number, for speed alone. */
  readonly hint: number;
  /** The state after the operation; undefined if the answer that came is not possible in that state. */
  readonly step: (state: S) => S | undefined;
  readonly describe: () => string;
}

export type Verdict =
  | { readonly kind: 'linearizable' }
  /** No order explains the history. `longest` is how much of it could be explained, `stuck` what could not come next. */
  | { readonly kind: 'violation'; readonly longest: number; readonly stuck: readonly string[] }
  /** The search was given up, with the same to say of how far it came. */
  | { readonly kind: 'undecided'; readonly longest: number; readonly stuck: readonly string[] };

interface Ordered<S> {
  readonly operation: TimedOperation<S>;
  readonly number: number;
}

interface Frame<S> {
  readonly state: S;
  readonly candidates: readonly Ordered<S>[];
  next: number;
  /** What was linearized to get here. */
  readonly chosen: Ordered<S> | undefined;
}

/**
 * Searches for an order of the operations in which each answer is right, and in which none comes after one that was
 * invoked only after its return. `keyOf` tells states apart. After `tried_max` states the search is given up.
 */
export function checkLinearizable<S>(
  history: readonly TimedOperation<S>[],
  initial: S,
  keyOf: (state: S) => string,
  tried_max: number,
): Verdict {
  const ordered = [...history]
    .sort((a, b) => a.hint - b.hint || a.invokedAt - b.invokedAt)
    .map((operation, number): Ordered<S> => ({ operation, number }));
  const done = new Uint8Array(ordered.length);
  const known = new Set<string>();
  let tried = 0;
  let longest = -1;
  let stuck: readonly string[] = [];
  let depth = 0;
  const stack: Frame<S>[] = [frame(initial, undefined)];

  function frame(state: S, chosen: Ordered<S> | undefined): Frame<S> {
    return { state, chosen, next: 0, candidates: candidatesOf(ordered, done) };
  }

  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (ordered.every(({ operation, number }) => done[number] === 1 || operation.returnedAt === Infinity)) {
      return { kind: 'linearizable' };
    }
    const candidate = top.candidates[top.next];
    top.next += 1;
    if (candidate === undefined) {
      if (depth > longest) {
        longest = depth;
        stuck = top.candidates.map(({ operation }) => operation.describe());
      }
      stack.pop();
      if (top.chosen !== undefined) {
        done[top.chosen.number] = 0;
        depth -= 1;
      }
      continue;
    }
    const after = candidate.operation.step(top.state);
    if (after === undefined) {
      continue;
    }
    done[candidate.number] = 1;
    const key = `${Buffer.from(done).toString('latin1')} ${keyOf(after)}`;
    if (known.has(key)) {
      done[candidate.number] = 0;
      continue;
    }
    known.add(key);
    tried += 1;
    if (tried > tried_max) {
      return { kind: 'undecided', longest, stuck };
    }
    depth += 1;
    stack.push(frame(after, candidate));
  }
  return { kind: 'violation', longest: Math.max(longest, 0), stuck };
}

/** Those that may come next: no other one that is still to come had returned before they were invoked. */
function candidatesOf<S>(ordered: readonly Ordered<S>[], done: Uint8Array): readonly Ordered<S>[] {
  let earliestReturn = Infinity;
  for (const { operation, number } of ordered) {
    if (done[number] === 0 && operation.returnedAt < earliestReturn) {
      earliestReturn = operation.returnedAt;
    }
  }
  return ordered.filter(
    ({ operation, number }) => done[number] === 0 && operation.invokedAt <= earliestReturn,
  );
}

// SPDX-License-Identifier: Apache-2.0

/** More edits than these are another word. */
const EDITS_MAX = 2;
/** Longer ones are not compared. */
const LENGTH_MAX = 32;

/** Which of `words` somebody may have meant who typed `typed`; undefined if it is like none of them. */
export function nearest<Word extends string>(typed: string, words: readonly Word[]): Word | undefined {
  if (typed.length > LENGTH_MAX) {
    return undefined;
  }
  const found = words
    .map((word) => ({ word, edits: editsBetween(typed.toLowerCase(), word) }))
    .filter(({ word, edits }) => edits <= EDITS_MAX && edits < word.length - 1)
    .sort((one, other) => one.edits - other.edits);
  return found[0]?.word;
}

/** Letters to add, to leave out or to exchange: Levenshtein's distance, one row of the table at a time. */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [above, letter] of one.split('').entries()) {
    const next = [above + 1];
    for (let at = 0; at < other.length; at += 1) {
      const exchanged = (row[at] ?? 0) + (other[at] === letter ? 0 : 1);
      next.push(Math.min(exchanged, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

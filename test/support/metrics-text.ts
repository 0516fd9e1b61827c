// SPDX-License-Identifier: Apache-2.0
// What Prometheus reads of a daemon, and what is asked of Prometheus about it.

/** The samples of an exposition, by the name with its labels as they stand there. */
export function samplesIn(exposition: string): ReadonlyMap<string, number> {
  const lines = exposition.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))] as const;
    }),
  );
}

/** The names of its series. */
export function seriesIn(exposition: string): ReadonlySet<string> {
  return new Set([...samplesIn(exposition).keys()].map((sample) => sample.replace(/\{.*/, '')));
}

const OPERATORS: readonly string[] = ['and', 'or', 'unless', 'bool', 'offset'];

/** The series that a query in PromQL names: words that are no function, no operator, and no label. */
export function seriesOf(query: string): readonly string[] {
  const bare = query
    .replaceAll(/\{[^}]*\}/g, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ');
  return [...bare.matchAll(/\b[a-zA-Z_]\w*\b(?!\s*\()/g)]
    .map(([word]) => word)
    .filter((word) => !OPERATORS.includes(word));
}

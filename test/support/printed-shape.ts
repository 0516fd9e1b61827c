// SPDX-License-Identifier: Apache-2.0
// What a page shows of a command's output, held against what it prints: times, ages, ids, digests and column widths are left aside.
import assert from 'node:assert/strict';

/** What varies, and what stands in its place. The order counts. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, 'TIME'],
  [/\b[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d(?::\d\d \d{4} GMT)?/g, 'DATE'],
  [
    /\b(?:less than a second|about an? (?:minute|hour)|\d+ (?:second|minute|hour|day|week|month|year)s?)\b/gi,
    'AGE',
  ],
  [/(?<=#token=|\bcoffer-1-[mw]-)[\w-]+/g, 'TOKEN'],
  [/(?:coffer-sealed-1\.)[\w-]+/g, 'SEALED'],
  [/\b[0-9a-f]{16,}\b/g, 'HEX'],
  // One in fifty of the short ones has no digit.
  [/\b[a-z0-9]{25}\b/g, 'ID'],
  [/\b[a-z0-9]{12}\b/g, 'ID'],
  [/unix:\/\/[^\s;:,]+[^\s;:,.]/g, 'SOCKET'],
  [/(?<=\s)\/\S+\.sock\b/g, 'SOCKET'],
  [/\b\d+\.\d+\.\d+\+dfsg\d+\b/g, 'RELEASE'],
  [/127\.0\.0\.1:\d+/g, 'ADDRESS'],
  [/\s+/g, ' '],
];

function shapeOf(line: string): string {
  return VARYING.reduce((text, [form, word]) => text.replaceAll(form, word), line).trim();
}

/** `...` is anything: alone, any lines; in a line, any text. */
function patternOf(lines: readonly string[], like: (line: string) => string): RegExp {
  const parts = lines.map((line) =>
    line.trim() === '...'
      ? String.raw`(?:[^\n]*\n)*?`
      : `${like(shapeOf(line)).split('...').map(escaped).join('[^\\n]*')}\\n`,
  );
  return new RegExp(`^${parts.join('')}$`);
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** A question is put at a terminal alone. */
const QUESTION = /\[y\/N\] y$/;

/** Throws unless what was printed is of the shape that the page shows. */
export function checkShape(
  shown: readonly string[],
  printed: string,
  { numbersVary, where }: { readonly where: string; readonly numbersVary: boolean },
): void {
  const like = numbersVary ? (line: string) => line.replaceAll(/\d+/g, '0') : (line: string) => line;
  const lines = printed.replaceAll('\r', '').trimEnd().split('\n');
  const shape = lines.map((line) => `${like(shapeOf(line))}\n`).join('');
  const pattern = patternOf(
    shown.filter((line) => !QUESTION.test(line)),
    like,
  );
  assert.ok(pattern.test(shape), `${where}: the page shows\n${shown.join('\n')}\nand it prints\n${printed}`);
}

// SPDX-License-Identifier: Apache-2.0
// Markdown as the pages that are written by hand have it.

/** A table whose columns are as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', String.raw`\|`)));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lineOf = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |\n`;
  const [first = [], ...others] = cells;
  return [first, widths.map((width) => '-'.repeat(width)), ...others].map(lineOf).join('');
}

/** As it stands there. */
export function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\`\n`;
}

export function code(text: string): string {
  return `\`${text}\``;
}

/** The place on the page that a title makes. */
export function anchor(title: string): string {
  return `#${title.toLowerCase().replaceAll(' ', '-')}`;
}

// SPDX-License-Identifier: Apache-2.0
import { appendFileSync } from 'node:fs';

/** A row of a table, as a line of the file that `--json FILE` names. */
export interface NotedRow {
  readonly head: readonly string[];
  /** Numbers where they are nothing else. */
  readonly cells: readonly (string | number)[];
}

/**
 * Prints a table to the standard output: the first row is the head, the first column is aligned to the left. With
 * `--json FILE` among the program's words each row is noted there too.
 */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    const line = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    process.stdout.write(`${line.join('  ').trimEnd()}\n`);
  }
  noteRows(rows);
}

/** Notes the rows of a table that is not printed as one, or nothing where nobody has asked for that. */
export function noteRows([head = [], ...rows]: readonly (readonly string[])[]): void {
  const option = process.argv.indexOf('--json');
  const file = process.argv[option + 1];
  if (option >= 0 && file !== undefined) {
    const lines = rows.map((row): NotedRow => ({ head, cells: row.map(numberIfOne) }));
    appendFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
}

function numberIfOne(cell: string): string | number {
  return /^-?\d+(\.\d+)?$/.test(cell) ? Number(cell) : cell;
}

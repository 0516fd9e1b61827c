// SPDX-License-Identifier: Apache-2.0
// How things look on the screen: tables, and JSON.
import { printable } from '../wording/index.ts';

export { counted, humanAge, humanDuration, humanSize, humanValidity, printable } from '../wording/index.ts';

/** Columns as wide as their widest cell, three spaces apart, as in docker's lists; no lines, no wrapping. */
export function renderTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows.map((row) => row.map(printable))];
  const widths = headings.map((_heading, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === line.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 3)))
        .join('')
        .trimEnd(),
    )
    .join('\n');
}

/** One line for each pair: a name, and from column `width` on its value. */
export function renderFields(rows: readonly (readonly [string, string])[], width: number): string {
  return rows.map(([key, value]) => printable(`${key.padEnd(width)}${value}`)).join('\n');
}

/**
 * A reply of the daemon in the form of docker's own JSON: keys begin with a capital letter (`createdAt_ms`
 * becomes `CreatedAt`, an RFC 3339 time; `nodeId` becomes `NodeID`). Labels keep their keys.
 */
export function dockerForm(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(dockerForm);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]): [string, unknown] => {
      if (/(^at|At|After)_ms$/.test(key) && typeof inner === 'number') {
        return [capitalised(key.slice(0, -'_ms'.length)), new Date(inner).toISOString()];
      }
      return [capitalised(key), /^(?:labels|\w+Labels)$/.test(key) ? inner : dockerForm(inner)];
    }),
  );
}

function capitalised(key: string): string {
  const name = key.slice(0, 1).toUpperCase() + key.slice(1);
  return name.replace(/Id$/, 'ID');
}

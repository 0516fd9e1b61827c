// SPDX-License-Identifier: Apache-2.0
// What a section of the report has found: a table, of which a plot can be made.
import type { ScaleKind } from './axis.ts';
import { type Spread, spreadOf } from './spread.ts';

export interface Row {
  readonly label: string;
  /** Where it lies on the plot; undefined for one that has a name alone. */
  readonly x: number | undefined;
  /** One for each column; undefined where nothing was measured. */
  readonly spreads: readonly (Spread | undefined)[];
}

/** What does not change from run to run. */
export interface Subject {
  /** Also the name of the plot's file. */
  readonly id: string;
  readonly title: string;
  /** A sentence or two. */
  readonly about: string;
  /** What the rows are: `clients`, `secrets`. */
  readonly rowTitle: string;
  /** What the numbers are: `puts per second`. */
  readonly unit: string;
  readonly better: 'more' | 'less';
  readonly scales: { readonly x: ScaleKind; readonly y: ScaleKind };
  /** One of what the rows count, where it is to be told how the cost grows with it. */
  readonly each?: string;
  /** The unit in such a sentence; `unit` by default. */
  readonly shortUnit?: string;
}

export type Ratio = readonly [column: string, against: string];

export interface Finding extends Subject {
  /** Who, or what, was measured. */
  readonly columns: readonly string[];
  /** Which column is held against which other one. */
  readonly ratios: readonly Ratio[];
  readonly rows: readonly Row[];
}

/** Those of which anything was measured. */
export function found(findings: readonly (Finding | undefined)[]): readonly Finding[] {
  return findings.filter((finding) => finding !== undefined);
}

/** Takes what each run measures, in any order. */
export class Samples {
  readonly #values = new Map<string, number[]>();
  readonly #rows = new Map<string, number | undefined>();

  /** One run's measurement in the column of this name. A row is numbered unless its label is no number. */
  note(row: string | number, column: string, value: number): void {
    const label = typeof row === 'number' ? row.toLocaleString('en-US') : row;
    this.#rows.set(label, typeof row === 'number' ? row : undefined);
    const key = JSON.stringify([label, column]);
    this.#values.set(key, [...(this.#values.get(key) ?? []), value]);
  }

  /** Undefined where nothing was noted. Columns of which nothing was noted are left out, and the ratios with them. */
  finding(subject: Subject, wanted: readonly string[], ratios: readonly Ratio[] = []): Finding | undefined {
    const valuesAt = (row: string, column: string): readonly number[] | undefined =>
      this.#values.get(JSON.stringify([row, column]));
    const labels = [...this.#rows.keys()];
    const columns = wanted.filter((name) => labels.some((label) => valuesAt(label, name) !== undefined));
    const rows = [...this.#rows].map(([label, x]): Row => {
      const spreads = columns.map((name) => {
        const values = valuesAt(label, name);
        return values === undefined ? undefined : spreadOf(values);
      });
      return { label, x, spreads };
    });
    const kept = ratios.filter((ratio) => ratio.every((name) => columns.includes(name)));
    return columns.length === 0 ? undefined : { ...subject, columns, ratios: kept, rows };
  }
}

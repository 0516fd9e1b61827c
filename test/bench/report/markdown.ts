// SPDX-License-Identifier: Apache-2.0
// The report as Markdown, and its plots: from what was found, purely.
import { fitGrowth, fittedCost, type Growth, growthInWords } from './growth.ts';
import type { Finding, Row } from './finding.ts';
import { plotSvg, type Series, SERIES_MAX } from './plot.ts';
import type { Spread } from './spread.ts';

export interface Fact {
  readonly what: string;
  readonly value: string;
}

export interface Section {
  readonly title: string;
  readonly findings: readonly Finding[];
  /** What was to be measured and was not, and why. */
  readonly leftOut: readonly string[];
}

export interface Report {
  /** The machine, the versions, when it was made and how long that took. */
  readonly facts: readonly Fact[];
  readonly sections: readonly Section[];
}

/** `pictureOf` gives the place of a finding's plot, as it stands in the text. */
export function reportInMarkdown(report: Report, pictureOf: (id: string) => string): string {
  return `${[
    '# Benchmarks',
    'Made by `make bench-report`, which measures all of this again on the machine where it is run. Each number is the median of ' +
      'several runs, with the lowest and the highest in brackets, or of one run where there are none; those that stand side by side were measured in turn. What is ' +
      'one machine here are several in earnest: all members of a cluster share its processors and its disk. ' +
      'Ratios are between medians. A dashed line is the growth that was fitted to the points, by the better of a power law and a straight line.',
    table(
      ['', ''],
      report.facts.map(({ what, value }) => [what, value]),
    ),
    ...report.sections.flatMap((section) => sectionInMarkdown(section, pictureOf)),
  ].join('\n\n')}\n`;
}

function sectionInMarkdown(section: Section, pictureOf: (id: string) => string): readonly string[] {
  return [
    `## ${section.title}`,
    ...section.findings.flatMap((finding) => [
      `### ${finding.title}`,
      `${finding.about} ${finding.better === 'more' ? 'More' : 'Less'} is better.`,
      ...(isPlotted(finding) ? [`![${finding.title}](${pictureOf(finding.id)})`] : []),
      tableOf(finding),
      ...growthOf(finding),
    ]),
    ...section.leftOut.map((reason) => `Left out: ${reason}`),
  ];
}

/** The plots by the ids of their findings. */
export function plotsOf(report: Report): ReadonlyMap<string, string> {
  const findings = report.sections.flatMap((section) => section.findings);
  return new Map(
    findings.filter(isPlotted).map((finding) => {
      const { id, title, unit, rowTitle, scales } = finding;
      const series = finding.columns.map((name, place) => seriesOf(finding, name, place));
      const plot = {
        title,
        x: { title: rowTitle, scale: scales.x },
        y: { title: unit, scale: hasNothing(finding) ? 'linear' : scales.y },
        series,
      };
      return [id, plotSvg(plot)];
    }),
  );
}

/** A logarithmic axis has no place for a cost of 0, to which what is very small may be rounded. */
function hasNothing({ rows }: Finding): boolean {
  return rows.some(({ spreads }) => spreads.some((spread) => spread !== undefined && spread.min <= 0));
}

/** Where there is a line to be drawn. */
function isPlotted({ columns, rows }: Finding): boolean {
  return rows.filter(({ x }) => x !== undefined).length > 2 && columns.length <= SERIES_MAX;
}

function seriesOf(finding: Finding, name: string, place: number): Series {
  const points = finding.rows.flatMap(({ x, spreads }) => {
    const spread = spreads[place];
    return x === undefined || spread === undefined ? [] : [{ x, spread }];
  });
  const growth = finding.each === undefined ? undefined : growthAt(finding, place);
  const isKnown = growth !== undefined && growth.kind !== 'unknown';
  return { name, points, ...(isKnown ? { fitted: (x) => fittedCost(growth, x) } : {}) };
}

function growthAt({ rows }: Finding, place: number): Growth {
  return fitGrowth(
    rows.flatMap(({ x, spreads }) => {
      const cost = spreads[place]?.median;
      return x === undefined || cost === undefined ? [] : [{ n: x, cost }];
    }),
  );
}

/** A line for each column, of how it grows. */
function growthOf(finding: Finding): readonly string[] {
  const { columns, rows, each, unit, shortUnit = unit } = finding;
  const lines = columns.flatMap((name, place) => {
    const measured = rows.filter(({ spreads }) => spreads[place] !== undefined).map(({ x = 0 }) => x);
    const sizes = [Math.min(...measured), Math.max(...measured)] as const;
    return each === undefined
      ? []
      : [`- ${name}: ${growthInWords(growthAt(finding, place), { unit: shortUnit, each, sizes })}`];
  });
  return lines.length === 0 ? [] : [lines.join('\n')];
}

function tableOf({ columns, ratios, rows, rowTitle }: Finding): string {
  return table(
    [rowTitle, ...columns, ...ratios.map(([name, other]) => `${name} / ${other}`)],
    rows.map((row) => [
      row.label,
      ...row.spreads.map(spreadInWords),
      ...ratios.map(([name, other]) => ratioOf(row, columns.indexOf(name), columns.indexOf(other))),
    ]),
  );
}

function ratioOf({ spreads }: Row, place: number, against: number): string {
  const [one, other] = [spreads[place]?.median, spreads[against]?.median];
  return one === undefined || other === undefined || other === 0 ? '' : (one / other).toFixed(2);
}

function spreadInWords(spread: Spread | undefined): string {
  if (spread === undefined) {
    return '';
  }
  const { median, min, max, runs } = spread;
  return runs === 1 ? inDigits(median) : `${inDigits(median)} (${inDigits(min)}–${inDigits(max)})`;
}

/** Three digits that count, or all that there are before the point. */
export function inDigits(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 6) });
}

/** The first column is aligned to the left, the others to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(4, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (column === 0 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(cells[0] ?? []), rule, ...cells.slice(1).map(line)].join('\n');
}

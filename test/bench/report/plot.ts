// SPDX-License-Identifier: Apache-2.0
// A plot as SVG: points with whiskers from the lowest run to the highest, lines, and the fitted curve where there is one.
import { unreachable } from '../../../src/common/index.ts';
import { type Axis, axisFor, type ScaleKind, tickLabel, withTicks } from './axis.ts';
import type { Spread } from './spread.ts';
import { element, escaped, text } from './svg.ts';

export interface PlotAxis {
  /** With its unit. */
  readonly title: string;
  readonly scale: ScaleKind;
}

export interface Series {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly spread: Spread }[];
  /** Drawn as a dashed line behind the points: the fitted cost at x. */
  readonly fitted?: (x: number) => number | undefined;
}

export interface Plot {
  readonly title: string;
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  readonly series: readonly Series[];
}

export const WIDTH = 760;
export const HEIGHT = 440;
const LEFT = 64;
const RIGHT = 24;
const BOTTOM = 52;
const TITLE_Y = 26;
const LEGEND_Y = 50;
const LEGEND_ROW = 18;
const LABEL_SIZE = 12;
/** Of a letter, on average, in a typeface without serifs: more than most need, so that nothing meets. */
const LETTER = 0.6;
const TICKS_OF_DATA_MAX = 8;
const FIT_STEPS = 40;
/** Half the width of a whisker's end. */
const CAP = 4;

/** Told apart without colours too, by their marks. In light and in dark. */
const LOOKS = [
  { light: '#0b61a4', dark: '#6cb6ff', mark: 'circle' },
  { light: '#c2410c', dark: '#ff9d5c', mark: 'square' },
  { light: '#1a7f37', dark: '#56d364', mark: 'triangle' },
  { light: '#8250df', dark: '#d2a8ff', mark: 'diamond' },
  { light: '#9a6700', dark: '#e3b341', mark: 'cross' },
  { light: '#bf3989', dark: '#f778ba', mark: 'ring' },
] as const;
export const SERIES_MAX = LOOKS.length;

interface Frame {
  readonly x: Axis;
  readonly y: Axis;
  readonly top: number;
  readonly atX: (value: number) => number;
  readonly atY: (value: number) => number;
}

/** How wide a text is at most. */
export function widthOf(content: string): number {
  return content.length * LABEL_SIZE * LETTER;
}

/** The whole file. Throws a RangeError where there is nothing to plot, or more series than can be told apart. */
export function plotSvg(plot: Plot): string {
  const { series } = plot;
  if (series.length === 0 || series.length > SERIES_MAX) {
    throw new RangeError(`a plot has from 1 to ${SERIES_MAX} series`);
  }
  const legend = legendOf(series);
  const frame = frameOf(plot, LEGEND_Y + legend.rows * LEGEND_ROW + LABEL_SIZE);
  const body = [
    `<style>${styleOf(series.length)}</style>`,
    element('title', {}, [escaped(plot.title)]),
    element('rect', { class: 'page', width: WIDTH, height: HEIGHT }),
    text(plot.title, { class: 'title', x: LEFT, y: TITLE_Y }),
    ...legend.elements,
    ...grid(frame),
    text(plot.y.title, { class: 'label', x: LEFT, y: frame.top - LABEL_SIZE }),
    text(plot.x.title, {
      class: 'label',
      x: (LEFT + WIDTH - RIGHT) / 2,
      y: HEIGHT - 12,
      'text-anchor': 'middle',
    }),
    ...series.flatMap((one, number) => seriesOf(one, number, frame)),
  ];
  const root = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    width: WIDTH,
    role: 'img',
  };
  return `${element('svg', root, body)}\n`;
}

function frameOf({ series, x, y }: Plot, top: number): Frame {
  const xs = series.flatMap(({ points }) => points.map((point) => point.x));
  const ys = series.flatMap(({ points }) => points.flatMap(({ spread }) => [spread.min, spread.max]));
  const measured = new Set(xs);
  const plain = axisFor(xs, x.scale);
  const axes = {
    x: measured.size <= TICKS_OF_DATA_MAX ? withTicks(plain, xs) : plain,
    y: axisFor(ys, y.scale),
  };
  return {
    ...axes,
    top,
    atX: (value) => LEFT + axes.x.place(value) * (WIDTH - LEFT - RIGHT),
    atY: (value) => HEIGHT - BOTTOM - axes.y.place(value) * (HEIGHT - BOTTOM - top),
  };
}

function grid({ x, y, top, atX, atY }: Frame): readonly string[] {
  const bottom = HEIGHT - BOTTOM;
  const vertical = apart(x.ticks, atX).flatMap((tick) => [
    element('line', { class: 'grid', x1: atX(tick), x2: atX(tick), y1: top, y2: bottom }),
    text(tickLabel(tick), { class: 'label', x: atX(tick), y: bottom + 18, 'text-anchor': 'middle' }),
  ]);
  const horizontal = y.ticks.flatMap((tick) => [
    element('line', { class: 'grid', x1: LEFT, x2: WIDTH - RIGHT, y1: atY(tick), y2: atY(tick) }),
    text(tickLabel(tick), { class: 'label', x: LEFT - 8, y: atY(tick) + 4, 'text-anchor': 'end' }),
  ]);
  const edge = `M${LEFT} ${top}V${bottom}H${WIDTH - RIGHT}`;
  return [...vertical, ...horizontal, element('path', { class: 'edge', d: edge })];
}

/** Those whose labels do not meet, from the right: the largest is asked for most. */
function apart(ticks: readonly number[], atX: (value: number) => number): readonly number[] {
  const kept: number[] = [];
  let limit = WIDTH;
  for (const tick of ticks.toReversed()) {
    const half = widthOf(tickLabel(tick)) / 2;
    if (atX(tick) + half <= limit) {
      kept.push(tick);
      limit = atX(tick) - half - LABEL_SIZE / 2;
    }
  }
  return kept;
}

function legendOf(series: readonly Series[]): {
  readonly rows: number;
  readonly elements: readonly string[];
} {
  let [x, row] = [LEFT, 0];
  const elements = series.flatMap(({ name }, number) => {
    const width = 22 + widthOf(name);
    if (x > LEFT && x + width > WIDTH - RIGHT) {
      [x, row] = [LEFT, row + 1];
    }
    const y = LEGEND_Y + row * LEGEND_ROW;
    const drawn = [mark(number, x + 6, y - 4), text(name, { class: 'label', x: x + 18, y })];
    x += width + 16;
    return drawn;
  });
  return { rows: row + 1, elements };
}

function seriesOf({ points, fitted }: Series, number: number, frame: Frame): readonly string[] {
  const { atX, atY } = frame;
  const sorted = points.toSorted((a, b) => a.x - b.x);
  const line = pathThrough(sorted.map(({ x, spread }) => [atX(x), atY(spread.median)] as const));
  return [
    ...(fitted === undefined ? [] : fitOf(fitted, sorted, number, frame)),
    element('path', { class: fitted === undefined ? `line s${number}` : `line faint s${number}`, d: line }),
    ...sorted.flatMap(({ x, spread }) => whisker(atX(x), atY(spread.min), atY(spread.max), number)),
    ...sorted.map(({ x, spread }) => mark(number, atX(x), atY(spread.median))),
  ];
}

/** Only where it is within the axes: a fit may leave them between two points. */
function fitOf(
  fitted: (x: number) => number | undefined,
  points: Series['points'],
  number: number,
  { x, y, atX, atY }: Frame,
): readonly string[] {
  const [first, last] = [points[0]?.x ?? x.min, points.at(-1)?.x ?? x.max];
  const places = Array.from({ length: FIT_STEPS + 1 }, (_, step) => {
    const at = first * (last / first) ** (step / FIT_STEPS);
    const cost = fitted(at);
    return cost !== undefined && cost >= y.min && cost <= y.max ? ([atX(at), atY(cost)] as const) : undefined;
  }).filter((place) => place !== undefined);
  return places.length < 2 ? [] : [element('path', { class: `fit s${number}`, d: pathThrough(places) })];
}

function pathThrough(places: readonly (readonly [number, number])[]): string {
  return places.map(([x, y], at) => (at === 0 ? path`M${x} ${y}` : path`L${x} ${y}`)).join('');
}

function whisker(x: number, low: number, high: number, number: number): readonly string[] {
  const d = path`M${x - CAP} ${low}H${x + CAP}M${x - CAP} ${high}H${x + CAP}M${x} ${low}V${high}`;
  return low === high ? [] : [element('path', { class: `whisker s${number}`, d })];
}

function mark(number: number, x: number, y: number): string {
  const filled = { class: `mark s${number}` };
  const drawn = { class: `line s${number}` };
  const kind = LOOKS[number]?.mark;
  switch (kind) {
    case 'square':
      return element('rect', { ...filled, x: x - 4, y: y - 4, width: 8, height: 8 });
    case 'triangle':
      return element('path', { ...filled, d: path`M${x} ${y - 5}l5 9h-10z` });
    case 'diamond':
      return element('path', { ...filled, d: path`M${x} ${y - 5.5}l5.5 5.5l-5.5 5.5l-5.5 -5.5z` });
    case 'cross':
      return element('path', { ...drawn, d: path`M${x - 4} ${y - 4}l8 8m0 -8l-8 8` });
    case 'ring':
      return element('circle', { ...drawn, cx: x, cy: y, r: 4.5 });
    case 'circle':
    case undefined:
      return element('circle', { ...filled, cx: x, cy: y, r: 4.5 });
    default:
      return unreachable(kind);
  }
}

/** A path whose places are to the hundredth of a pixel. */
function path(words: TemplateStringsArray, ...places: readonly number[]): string {
  return words.map((word, at) => word + (places[at]?.toFixed(2) ?? '')).join('');
}

/** A page of its own colour: what shows a picture may be dark where the reader's system is light. */
function styleOf(series: number): string {
  const used = LOOKS.slice(0, series);
  const colours = (look: 'light' | 'dark', page: string, ink: string, grid: string): string =>
    `.page{fill:${page}}.title,.label{fill:${ink}}.grid{stroke:${grid}}.edge{stroke:${ink}}${used
      .map((one, number) => `.s${number}{color:${one[look]}}`)
      .join('')}`;
  return [
    'text{font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;font-size:12px}.title{font-size:16px;font-weight:600}',
    '.grid{stroke-width:1}.edge,.line,.fit,.whisker{fill:none}.line,.fit{stroke:currentColor;stroke-width:2}.faint{stroke-opacity:.35;stroke-width:1}',
    '.fit{stroke-dasharray:6 4;stroke-width:1.5}.whisker{stroke:currentColor;stroke-width:1.25}.mark{fill:currentColor}',
    colours('light', '#ffffff', '#24292f', '#d8dee4'),
    `@media (prefers-color-scheme:dark){${colours('dark', '#0d1117', '#e6edf3', '#30363d')}}`,
  ].join('');
}

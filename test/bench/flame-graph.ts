// SPDX-License-Identifier: Apache-2.0
// What Node's profiler has written (`--cpu-prof`), as a list and as a picture of where the time went. Pure.

export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** From 0, as the column. */
  readonly lineNumber: number;
  readonly columnNumber?: number;
}

/** Where a function was written: `FILE:LINE`; undefined for one that nobody knows the source of. */
export type FindSource = (frame: CallFrame) => string | undefined;

/** A .cpuprofile, as far as it is read (Chrome DevTools protocol, Profiler.Profile). */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  /** Ids of nodes, one for each look that the profiler took. */
  readonly samples: readonly number[];
  /** Microseconds before each of them. */
  readonly timeDeltas: readonly number[];
  /** Microseconds on the machine's own clock, from which the first of them counts. */
  readonly startTime: number;
}

/** A function as it was called by those above it. */
export interface Frame {
  readonly name: string;
  /** In the function itself. */
  self_us: number;
  /** With all that it called. */
  total_us: number;
  readonly callees: Map<string, Frame>;
}

/** Nothing is done in it. */
const IDLE = '(idle)';
const ROOT = 'all';
const WIDTH = 1_200;
const ROW_HEIGHT = 16;
const CHARACTER_WIDTH = 6.5;
const NARROWEST = 0.5;
const DEPTH_MAX = 200;

export interface Stretch {
  readonly from_us: number;
  readonly to_us: number;
}

/** What of a profile was seen within some stretches of time. */
export function cutTo(profile: CpuProfile, stretches: readonly Stretch[]): CpuProfile {
  const samples: number[] = [];
  const timeDeltas: number[] = [];
  let at_us = profile.startTime;
  profile.samples.forEach((id, place) => {
    const delta_us = profile.timeDeltas[place] ?? 0;
    at_us += delta_us;
    if (stretches.some(({ from_us, to_us }) => at_us >= from_us && at_us < to_us)) {
      samples.push(id);
      timeDeltas.push(delta_us);
    }
  });
  return { ...profile, samples, timeDeltas };
}

/** The calls of a profile from the outermost inwards; the same function called from the same place is one frame. */
export function frameTree(profile: CpuProfile, findSource: FindSource = () => undefined): Frame {
  const times_us = new Map<number, number>();
  profile.samples.forEach((id, at) => {
    times_us.set(id, (times_us.get(id) ?? 0) + Math.max(0, profile.timeDeltas[at] ?? 0));
  });
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const root: Frame = { name: ROOT, self_us: 0, total_us: 0, callees: new Map() };
  const add = (id: number, parent: Frame): number => {
    const node = nodes.get(id);
    if (node === undefined || node.callFrame.functionName === IDLE) {
      return 0;
    }
    const name = nameOf(node.callFrame, findSource);
    const frame = parent.callees.get(name) ?? { name, self_us: 0, total_us: 0, callees: new Map() };
    parent.callees.set(name, frame);
    const self_us = times_us.get(id) ?? 0;
    const inner_us = (node.children ?? []).reduce((sum, child) => sum + add(child, frame), 0);
    frame.self_us += self_us;
    frame.total_us += self_us + inner_us;
    return self_us + inner_us;
  };
  // The profiler's own root comes first.
  const [first] = profile.nodes;
  root.total_us = (first?.children ?? []).reduce((sum, child) => sum + add(child, root), 0);
  return root;
}

function nameOf(frame: CallFrame, findSource: FindSource): string {
  const { functionName, lineNumber, url } = frame;
  const name = functionName === '' ? '(anonymous)' : functionName;
  const source = findSource(frame);
  if (source !== undefined) {
    return `${name} ${source}`;
  }
  const file = url.split('/').at(-1) ?? '';
  return file === '' ? name : `${name} ${file}:${lineNumber + 1}`;
}

/** The functions that had the most time to themselves, as lines of text: share, milliseconds with and without callees, name. */
export function topFunctions(root: Frame, count_max: number): string {
  const self_us = new Map<string, number>();
  const total_us = new Map<string, number>();
  const visit = (frame: Frame, above: ReadonlySet<string>): void => {
    self_us.set(frame.name, (self_us.get(frame.name) ?? 0) + frame.self_us);
    // What calls itself is counted once.
    if (!above.has(frame.name)) {
      total_us.set(frame.name, (total_us.get(frame.name) ?? 0) + frame.total_us);
    }
    const around = new Set([...above, frame.name]);
    frame.callees.forEach((callee) => visit(callee, around));
  };
  root.callees.forEach((frame) => visit(frame, new Set()));
  const lines = [...self_us]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count_max)
    .map(([name, own_us]) => {
      const share = ((100 * own_us) / Math.max(1, root.total_us)).toFixed(1);
      const cells = [`${share} %`, inMilliseconds(own_us), inMilliseconds(total_us.get(name) ?? 0)];
      return `${cells.map((cell) => cell.padStart(10)).join('')}  ${name}`;
    });
  const head = ['share', 'own ms', 'all ms'].map((cell) => cell.padStart(10)).join('');
  return `${[`${head}  function`, ...lines].join('\n')}\n`;
}

function inMilliseconds(time_us: number): string {
  return (time_us / 1_000).toFixed(1);
}

/** The picture, with what is as wide as that many pixels: who calls stands over who is called, and the width is the time. */
export function flameGraph(root: Frame, narrowest = NARROWEST): string {
  const boxes: string[] = [];
  let depth_max = 0;
  const draw = (frame: Frame, left: number, depth: number): void => {
    const width = (WIDTH * frame.total_us) / Math.max(1, root.total_us);
    if (width < narrowest || depth >= DEPTH_MAX) {
      return;
    }
    depth_max = Math.max(depth_max, depth);
    boxes.push(box(frame, { left, top: depth * ROW_HEIGHT, width }));
    let next = left;
    for (const callee of [...frame.callees.values()].sort((a, b) => b.total_us - a.total_us)) {
      draw(callee, next, depth + 1);
      next += (WIDTH * callee.total_us) / Math.max(1, root.total_us);
    }
  };
  draw(root, 0, 0);
  const height = (depth_max + 1) * ROW_HEIGHT;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
    `font-family="monospace" font-size="11">\n${boxes.join('\n')}\n</svg>\n`
  );
}

function box(
  { name, total_us }: Frame,
  { left, top, width }: { readonly left: number; readonly top: number; readonly width: number },
): string {
  const shown = name.slice(0, Math.max(0, Math.floor((width - 4) / CHARACTER_WIDTH)));
  const rect = `<rect x="${left.toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="${ROW_HEIGHT - 1}" fill="${colourOf(name)}"/>`;
  const text =
    shown.length < 3 ? '' : `<text x="${(left + 2).toFixed(1)}" y="${top + 11}">${escaped(shown)}</text>`;
  return `<g><title>${escaped(name)}: ${inMilliseconds(total_us)} ms</title>${rect}${text}</g>`;
}

/** The same function has the same colour in every picture. */
function colourOf(name: string): string {
  let hash = 0;
  for (const character of name) {
    hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 1_000;
  }
  return `hsl(${10 + (hash % 45)},80%,${60 + (hash % 20)}%)`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

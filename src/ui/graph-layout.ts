// SPDX-License-Identifier: Apache-2.0
// Where the users of a secret stand in a picture of them: the secret, its services, their tasks, the nodes of those. Pure.
import type { LedgerEntry, LedgerState } from '../control/index.ts';
import { isStale, nodeOf, userOf } from './holders.ts';

/** More is told by the table: a picture of hundreds of tasks tells nothing. */
export const SERVICES_MAX = 12;
export const TASKS_PER_SERVICE_MAX = 6;

export const BOX = { width: 190, height: 40, gap: 10, column: 250, margin: 10 } as const;

export type Kind = 'secret' | 'service' | 'task' | 'node';

export interface GraphBox {
  readonly kind: Kind;
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly detail: string;
  /** Of a task; of a service or a node, the worst of its tasks. */
  readonly state: LedgerState;
}

export interface GraphLine {
  readonly from: GraphBox;
  readonly to: GraphBox;
  readonly state: LedgerState;
}

export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly GraphBox[];
  readonly lines: readonly GraphLine[];
}

interface Row {
  readonly text: string;
  readonly detail: string;
  readonly state: LedgerState;
  readonly nodes: readonly string[];
}

interface Group {
  readonly name: string;
  readonly own: readonly LedgerEntry[];
  readonly rows: readonly Row[];
}

/** `entries` are those of one secret, in the order in which they are to be seen. */
export function layoutUsers(
  secret: { readonly name: string; readonly version: number },
  entries: readonly LedgerEntry[],
): GraphLayout {
  const groups = groupsOf(entries);
  const rows = groups.flatMap((group) => group.rows);
  const nodes = [...new Set(rows.flatMap((row) => row.nodes))];
  const height = Math.max(rows.length, nodes.length) * (BOX.height + BOX.gap) - BOX.gap + 2 * BOX.margin;
  const top = middle(0, 1, height);
  const secretBox = boxAt('secret', 0, top, secret.name, `version ${secret.version}`, 'current');
  const nodeBoxes = new Map(
    nodes.map((node, at) => {
      const state = worst(entries.filter((entry) => nodeOf(entry) === node));
      return [node, boxAt('node', 3, middle(at, nodes.length, height), node, 'node', state)];
    }),
  );
  const parts: Omit<GraphLayout, 'width' | 'height'>[] = [];
  let at = 0;
  for (const group of groups) {
    const places = group.rows.map((_row, index) => middle(at + index, rows.length, height));
    parts.push(layoutGroup(group, places, secretBox, nodeBoxes));
    at += group.rows.length;
  }
  return {
    width: 3 * BOX.column + BOX.width + 2 * BOX.margin,
    height,
    boxes: [secretBox, ...nodeBoxes.values(), ...parts.flatMap(({ boxes }) => boxes)],
    lines: parts.flatMap(({ lines }) => lines),
  };
}

/** One for each of the first services, and one for those that are left. */
function groupsOf(entries: readonly LedgerEntry[]): readonly Group[] {
  const services = byUser(entries);
  const rest = services.slice(SERVICES_MAX);
  const left = rest.flat();
  return [
    ...services.slice(0, SERVICES_MAX).map((own) => ({ name: nameOf(own), own, rows: rowsOf(own) })),
    ...(left.length === 0 ? [] : [{ name: `${rest.length} more`, own: left, rows: [together(left)] }]),
  ];
}

/** A service with its tasks, whose tops are `places`. */
function layoutGroup(
  { name, own, rows }: Group,
  places: readonly number[],
  secret: GraphBox,
  nodes: ReadonlyMap<string, GraphBox>,
): Omit<GraphLayout, 'width' | 'height'> {
  const top = ((places[0] ?? 0) + (places.at(-1) ?? 0)) / 2;
  const count = own.length === 1 ? '1 user' : `${own.length} users`;
  const service = boxAt('service', 1, top, name, count, worst(own));
  const tasks = rows.map(({ detail, state, text }, at) =>
    boxAt('task', 2, places[at] ?? 0, text, detail, state),
  );
  const lines = tasks.flatMap((task, at): readonly GraphLine[] => [
    { from: service, to: task, state: task.state },
    ...(rows[at]?.nodes ?? [])
      .flatMap((node) => nodes.get(node) ?? [])
      .map((node) => ({ from: task, to: node, state: task.state })),
  ]);
  return {
    boxes: [service, ...tasks],
    lines: [{ from: secret, to: service, state: service.state }, ...lines],
  };
}

function byUser(entries: readonly LedgerEntry[]): readonly (readonly LedgerEntry[])[] {
  const groups = new Map<string, LedgerEntry[]>();
  for (const entry of entries) {
    const { id } = userOf(entry);
    const group = groups.get(id);
    if (group === undefined) {
      groups.set(id, [entry]);
    } else {
      group.push(entry);
    }
  }
  return [...groups.values()];
}

/** One for each of the first tasks, and one for those that are left. */
function rowsOf(own: readonly LedgerEntry[]): readonly Row[] {
  const isAll = own.length <= TASKS_PER_SERVICE_MAX;
  const first = isAll ? own : own.slice(0, TASKS_PER_SERVICE_MAX - 1);
  const rows = first.map((entry): Row => {
    const id = entry.task ?? entry.container?.id ?? '';
    return {
      text: `${entry.task === undefined ? 'container' : 'task'} ${id.slice(0, 12)}`,
      detail: versionText(entry),
      state: entry.state,
      nodes: [nodeOf(entry)],
    };
  });
  return isAll ? rows : [...rows, together(own.slice(first.length))];
}

function together(entries: readonly LedgerEntry[]): Row {
  const nodes = new Set(entries.map(nodeOf)).size;
  const stale = entries.filter(isStale).length;
  return {
    text: `${entries.length} more`,
    detail: `on ${nodes === 1 ? '1 node' : `${nodes} nodes`}${stale > 0 ? `, ${stale} stale` : ''}`,
    state: worst(entries),
    nodes: [],
  };
}

function versionText({ pinned, sealed, state, version }: LedgerEntry): string {
  const known = version === undefined ? 'version unknown' : `version ${version}`;
  const number = sealed === undefined ? known : 'sealed value';
  return `${number}${state === 'current' || state === 'unknown' ? '' : `, ${state}`}${pinned ? ', pinned' : ''}`;
}

const WORST_FIRST = ['removed', 'stale', 'unknown', 'current'] as const;

function worst(entries: readonly LedgerEntry[]): LedgerState {
  return WORST_FIRST.find((state) => entries.some((entry) => entry.state === state)) ?? 'current';
}

function nameOf([first]: readonly LedgerEntry[]): string {
  return first === undefined ? '' : userOf(first).name;
}

/** The top of the `at`-th of `count` boxes that are spread over `height`. */
function middle(at: number, count: number, height: number): number {
  return Math.round(((height - 2 * BOX.margin) * (at + 0.5)) / count - BOX.height / 2 + BOX.margin);
}

function boxAt(
  kind: Kind,
  column: number,
  y: number,
  text: string,
  detail: string,
  state: LedgerState,
): GraphBox {
  return { kind, x: BOX.margin + column * BOX.column, y, text, detail, state };
}

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

/** `entries` are those of one secret, in the order in which they are to be seen. */
export function layoutUsers(
  secret: { readonly name: string; readonly version: number },
  entries: readonly LedgerEntry[],
): GraphLayout {
  const services = byUser(entries);
  const shown = services.slice(0, SERVICES_MAX);
  const rest = services.slice(SERVICES_MAX).flat();
  const groups = [
    ...shown.map((own) => ({ name: nameOf(own), own, rows: rowsOf(own) })),
    ...(rest.length === 0
      ? []
      : [{ name: `${services.length - SERVICES_MAX} more`, own: rest, rows: [together(rest)] }]),
  ];
  const rows = groups.flatMap((group) => group.rows);
  const nodes = [...new Set(rows.flatMap((row) => row.nodes))];
  const height = Math.max(rows.length, nodes.length) * (BOX.height + BOX.gap) - BOX.gap + 2 * BOX.margin;
  const secretBox = boxAt(
    'secret',
    0,
    middle(0, 1, height),
    secret.name,
    `version ${secret.version}`,
    'current',
  );
  const nodeBoxes = new Map(
    nodes.map((node, at) => [
      node,
      boxAt(
        'node',
        3,
        middle(at, nodes.length, height),
        node,
        'node',
        worst(entries.filter((entry) => nodeOf(entry) === node)),
      ),
    ]),
  );
  const boxes: GraphBox[] = [secretBox, ...nodeBoxes.values()];
  const lines: GraphLine[] = [];
  let at = 0;
  for (const { name, own, rows: ownRows } of groups) {
    const taskBoxes = ownRows.map(({ detail, state, text }, index) =>
      boxAt('task', 2, middle(at + index, rows.length, height), text, detail, state),
    );
    const y = ((taskBoxes[0]?.y ?? 0) + (taskBoxes.at(-1)?.y ?? 0)) / 2;
    const service = boxAt(
      'service',
      1,
      y,
      name,
      own.length === 1 ? '1 user' : `${own.length} users`,
      worst(own),
    );
    boxes.push(service, ...taskBoxes);
    lines.push({ from: secretBox, to: service, state: service.state });
    taskBoxes.forEach((task, index) => {
      lines.push({ from: service, to: task, state: task.state });
      for (const node of ownRows[index]?.nodes ?? []) {
        const box = nodeBoxes.get(node);
        if (box !== undefined) {
          lines.push({ from: task, to: box, state: task.state });
        }
      }
    });
    at += ownRows.length;
  }
  return { width: 3 * BOX.column + BOX.width + 2 * BOX.margin, height, boxes, lines };
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

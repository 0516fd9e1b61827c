// SPDX-License-Identifier: Apache-2.0
import { DAY_MS } from '../../common/index.ts';
import type { DaemonStatus, NodeDescription } from '../../control/index.ts';
import { humanValidity, managerStatus, statusText } from '../../wording/index.ts';
import { html, type Html, type Part, place } from '../html.ts';
import { ago, type Level, mark, paged, pager, table } from './parts.ts';

const WORKERS_PER_PAGE = 25;
/** A certificate is renewed long before. */
const EXPIRY_SOON_MS = 3 * DAY_MS;

const { compare } = new Intl.Collator('en', { numeric: true });

/** With what each does in the log, as the leader sees it. */
export function managersTable(
  nodes: readonly NodeDescription[],
  status: DaemonStatus | undefined,
  now_ms: number,
): Html {
  const managers = nodes.filter(({ role }) => role === 'manager').toSorted(byName);
  // No manager has an entry that the one with the longest log does not have.
  const last = Math.max(status?.store?.lastIndex ?? 0, ...managers.map(({ matchIndex = 0 }) => matchIndex));
  return table({
    caption: 'Managers',
    headings: ['Manager', 'Status', 'Vote', 'Log', 'Behind', 'Address', 'Certificate'],
    rows: managers.map((node) => [
      nameOf(node),
      statusMark(node, managerStatus(node)),
      node.voter ? 'yes' : 'not yet',
      node.matchIndex ?? '?',
      node.matchIndex === undefined ? '?' : entries(last - node.matchIndex),
      node.address,
      expiry(node.certificate.notAfter_ms, now_ms),
    ]),
    none: 'There is no manager.',
  });
}

export function workersTable(
  nodes: readonly NodeDescription[],
  view: { readonly now_ms: number; readonly page: number },
): Part {
  const workers = nodes.filter(({ role }) => role === 'worker').toSorted(byName);
  const page = paged(workers, view.page, WORKERS_PER_PAGE);
  return html`${table({
    caption: 'Workers',
    headings: ['Worker', 'Status', 'Joined', 'Certificate'],
    rows: page.shown.map((node) => [
      nameOf(node),
      statusMark(node, statusText(node)),
      ago(node.joinedAt_ms, view.now_ms),
      expiry(node.certificate.notAfter_ms, view.now_ms),
    ]),
    none: 'There is no worker in this cluster.',
  })}${pager(page, (number) => place('cluster', { page: number }), 'workers')}`;
}

export function expiry(notAfter_ms: number, now_ms: number): Html {
  const left_ms = notAfter_ms - now_ms;
  const level: Level = left_ms <= 0 ? 'failure' : left_ms < EXPIRY_SOON_MS ? 'warning' : 'plain';
  const text = humanValidity(notAfter_ms, now_ms);
  return level === 'plain' ? html`${text}` : mark(level, text);
}

function nameOf({ hostname, id, self }: NodeDescription): Html {
  return html`<strong title="${id}">${hostname}</strong>${self && ' (answers here)'}`;
}

function statusMark({ status }: NodeDescription, text: string): Html {
  const levels = { ready: 'ok', joining: 'running', down: 'failure', unknown: 'warning' } as const;
  return mark(levels[status], text);
}

function entries(behind: number): string {
  return behind <= 0 ? 'nothing' : `${behind} ${behind === 1 ? 'entry' : 'entries'}`;
}

function byName(one: NodeDescription, other: NodeDescription): number {
  return compare(one.hostname, other.hostname);
}

// SPDX-License-Identifier: Apache-2.0
// What this manager has written down, the newest first.
import { AUDIT_EVENTS } from '../../audit/index.ts';
import type { AuditStatus, AuditVerifyReply } from '../../control/index.ts';
import { counted } from '../../wording/index.ts';
import type { ShownRecord } from '../daemon.ts';
import { html, type Html, type Part, place } from '../html.ts';
import type { Told } from '../options.ts';
import { fields, ifTold, link, mark, problemNote, section, table } from './parts.ts';

export const RECORDS_PER_PAGE = 50;
/** What is older is told by `docker coffer audit`. */
export const AUDIT_PAGES_MAX = 100;

export interface AuditView {
  /** Empty: any. */
  readonly secret: string;
  /** Empty: any. */
  readonly event: string;
  readonly page: number;
  readonly hasOlder: boolean;
}

export interface AuditFacts {
  /** Those of the page, the newest first. */
  readonly records: readonly ShownRecord[];
  readonly state: AuditStatus | undefined;
  /** Absent unless it was asked for: all files are read for that. */
  readonly verified: Told<AuditVerifyReply> | undefined;
}

export function auditPage({ records, state, verified }: AuditFacts, view: AuditView): Html {
  const to = (page: number): string =>
    place('audit', { secret: view.secret || undefined, event: view.event || undefined, page });
  const chain = verified === undefined ? verifyLink() : ifTold(verified, verifiedNote);
  const list = table({
    caption: 'Audit records',
    headings: ['Time', 'Event', 'Secret', 'Service', 'Task or node', 'By', 'Outcome'],
    rows: records.map(rowOf),
    none: 'No record is like that.',
  });
  return html`${section('chain', 'The chain', chainFields(state), chain)}
${section('records', 'Records', filterForm(view), list, olderAndNewer(view, to))}`;
}

function verifyLink(): Html {
  return html`<p>${link('Verify the files of this manager now', 'audit', { verify: 1 })}</p>`;
}

function chainFields(state: AuditStatus | undefined): Part {
  if (state === undefined) {
    return problemNote({ message: 'It cannot be told whether the audit log is written.' });
  }
  const { problems, sinks, stopsDeliveries } = state;
  const stops = stopsDeliveries ? ['nothing is delivered until it can be written'] : [];
  const where = sinks.length === 0 ? mark('warning', 'nothing: it is off') : sinks.join(', ');
  return html`${fields([['Written to', where]])}
${[...problems, ...stops].map((message) => problemNote({ message }))}`;
}

function verifiedNote({ head, lost, problem, records, wholeTo }: AuditVerifyReply): Part {
  if (problem !== undefined) {
    return problemNote({
      message: `Line ${problem.line}: ${problem.what}. Whole before that: ${counted(records, 'record')}.`,
    });
  }
  const signature = {
    good: 'whose signature is good',
    bad: 'whose signature is wrong',
    'other-key': 'signed by another key',
  };
  const known =
    head === undefined ? '' : `; the others know of record ${head.seq}, ${signature[head.signature]}`;
  const level = head?.signature === 'bad' ? 'failure' : 'ok';
  const to = wholeTo === undefined ? '' : `, to ${wholeTo}`;
  const gone = lost && {
    message: `record ${lost.seq} was signed, and is not there any more`,
    hint: 'docker coffer audit verify tells more',
  };
  return html`<div role="status">${problemNote({ message: `the chain is whole: ${counted(records, 'record')}${to}${known}` }, level)}
${gone && problemNote(gone)}</div>`;
}

function filterForm({ event, secret }: AuditView): Html {
  const events = AUDIT_EVENTS.map(
    (name) => html`<option${name === event && html` selected`}>${name}</option>`,
  );
  return html`<form class="search" method="get" action="audit" role="search">
<label for="secret">Secret</label><input id="secret" name="secret" value="${secret}" maxlength="64">
<label for="event">Event</label><select id="event" name="event"><option value="">any</option>${events}</select>
<button>Filter</button></form>`;
}

function rowOf(record: ShownRecord): readonly Part[] {
  const { at, by, code, detail, event, secret, service, task, to, version, volume } = record;
  return [
    html`<time datetime="${at}">${at.slice(0, 19).replace('T', ' ')}</time>`,
    event,
    secret === undefined
      ? ''
      : html`${link(secret, 'secret', { name: secret })}${version !== undefined && ` version ${version}`}`,
    service ?? '',
    task ?? to ?? (volume === undefined ? '' : `volume ${volume}`),
    by ?? '',
    code === undefined ? (detail ?? 'done') : mark('warning', code),
  ];
}

function olderAndNewer({ hasOlder, page }: AuditView, to: (page: number) => string): Part {
  const step = (isThere: boolean, target: number, text: string): Html =>
    isThere ? html`<a href="${to(target)}">${text}</a>` : html`<span class="off">${text}</span>`;
  return html`<nav class="pager" aria-label="Pages of records">${step(page > 1, page - 1, 'Newer')}
<span>Page ${page}</span> ${step(hasOlder && page < AUDIT_PAGES_MAX, page + 1, 'Older')}</nav>`;
}

// SPDX-License-Identifier: Apache-2.0
// One secret: its versions, who has which of them, and what is wrong with that.
import type {
  Finding,
  LedgerEntry,
  LedgerReply,
  RotationsReply,
  SecretDescription,
  WhyReply,
} from '../../control/index.ts';
import { counted, humanSize, nextRotationText, versionHistory } from '../../wording/index.ts';
import { inOrder, isStale, nodeOf, userOf } from '../holders.ts';
import { html, type Html, type Part, place } from '../html.ts';
import type { Told } from '../options.ts';
import {
  ago,
  fields,
  findingsList,
  ifTold,
  link,
  mark,
  paged,
  pager,
  problemNote,
  section,
  type ShownFinding,
  table,
  valueExpiry,
} from './parts.ts';
import { expiry } from './node-tables.ts';
import { rotationsTable } from './rotations-page.ts';
import { usersGraph } from './users-graph.ts';

const HOLDERS_PER_PAGE = 25;
const ROTATIONS_SHOWN = 5;
const FINDINGS_SHOWN = 30;

export interface SecretFacts {
  readonly secret: SecretDescription;
  readonly ledger: Told<LedgerReply>;
  readonly why: Told<WhyReply>;
  readonly rotations: Told<RotationsReply>;
}

export interface SecretView {
  /** Of its users, from 1. */
  readonly page: number;
  readonly now_ms: number;
}

export function secretPage({ ledger, rotations, secret, why }: SecretFacts, view: SecretView): Html {
  const { now_ms } = view;
  return html`<p class="actions">${link(`Rotate ${secret.name}`, 'rotate', { secret: secret.name })}
${link('Its audit trail', 'audit', { secret: secret.name })}</p>
<div class="columns">${section('about', 'About', aboutFields(secret, now_ms))}
${section('history', 'Versions', historyTable(secret, now_ms))}</div>
${section(
  'users',
  'Users',
  ifTold(ledger, (told) => users(secret, told, view)),
)}
${section(
  'findings',
  'Findings',
  ifTold(why, (told) => whyFindings(told, now_ms)),
)}
${section(
  'rotations',
  'Rotations',
  ifTold(rotations, (told) => rotationsTable(told.rotations.slice(0, ROTATIONS_SHOWN), now_ms)),
)}`;
}

function aboutFields(secret: SecretDescription, now_ms: number): Html {
  const {
    certificate,
    createdAt_ms,
    expiresAt_ms,
    id,
    labels,
    nextRotationAt_ms,
    origin,
    size,
    updatedAt_ms,
    version,
  } = secret;
  const shown = Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return fields([
    ['Version', `${version}, ${humanSize(size)}`],
    certificate && [
      'Certificate',
      html`for ${certificate.names ?? certificate.subject}, ${expiry(certificate.notAfter_ms, now_ms)}`,
    ],
    ['Created', ago(createdAt_ms, now_ms)],
    ['Updated', ago(updatedAt_ms, now_ms)],
    ['Origin', origin],
    ['Id', html`<code>${id}</code>`],
    nextRotationAt_ms === undefined
      ? undefined
      : ['Next rotation', nextRotationText(nextRotationAt_ms, now_ms)],
    expiresAt_ms === undefined ? undefined : ['Expires', valueExpiry(expiresAt_ms, now_ms)],
    shown.length === 0
      ? undefined
      : ['Labels', shown.map(([key, text]) => html`<code>${key}=${text}</code> `)],
  ]);
}

function historyTable(secret: SecretDescription, now_ms: number): Html {
  return table({
    caption: `Versions of ${secret.name}`,
    headings: ['Version', 'Status', 'Created', 'Size'],
    rows: versionHistory(secret).map(({ createdAt_ms, destroyedAt_ms, size, status, version }) => [
      version,
      status === 'current' ? mark('ok', status) : html`${status} ${ago(destroyedAt_ms, now_ms)}`,
      ago(createdAt_ms, now_ms),
      humanSize(size),
    ]),
    none: 'No version is kept.',
  });
}

function users(secret: SecretDescription, { entries, gaps }: LedgerReply, view: SecretView): Part {
  const ordered = inOrder(entries);
  const page = paged(ordered, view.page, HOLDERS_PER_PAGE);
  const stale = ordered.filter(isStale).length;
  const staleMark = stale > 0 && mark('warning', `${stale} with an old version`);
  const to = (number: number): string => `${place('secret', { name: secret.name, page: number })}#users`;
  return html`<p class="lead">${counted(ordered.length, 'user')} ${staleMark}</p>
${gaps.map((gap) => problemNote(gap, 'warning'))}
${ordered.length > 0 && usersGraph({ name: secret.name, version: secret.version }, ordered)}
${table({
  caption: `Users of ${secret.name}`,
  headings: ['User', 'Task', 'Node', 'Version', 'State', 'By', 'Since'],
  rows: page.shown.map((entry) => rowOf(entry, view.now_ms)),
  none: 'Nobody holds it now.',
})}${pager(page, to, 'users')}`;
}

function rowOf(entry: LedgerEntry, now_ms: number): readonly Part[] {
  const { givenAt_ms, pinned, sealed, state, version, via } = entry;
  const id = entry.task ?? entry.container?.id ?? '';
  const level = isStale(entry) ? 'warning' : state === 'current' ? 'ok' : 'plain';
  return [
    userOf(entry).name,
    html`<code title="${id}">${id.slice(0, 12)}</code>`,
    nodeOf(entry),
    sealed === undefined ? (version ?? '?') : 'sealed',
    html`${mark(level, state)}${pinned && ' pinned'}`,
    via === 'volume' ? 'volume' : 'file',
    ago(givenAt_ms, now_ms),
  ];
}

function whyFindings({ findings, healthy, subjects }: WhyReply, now_ms: number): Part {
  const told = [
    ...findings.map((found) => shownFinding(found, '', now_ms)),
    ...subjects.flatMap(({ findings: own, kind, name, secrets }) =>
      [...own, ...secrets.flatMap((secret) => secret.findings)].map((found) =>
        shownFinding(found, `${kind} ${name}: `, now_ms),
      ),
    ),
  ];
  const wrong = told.filter(({ level }) => level !== 'ok');
  const left = wrong.length - FINDINGS_SHOWN;
  const whole = healthy ? mark('ok', 'Nothing is wrong') : mark('warning', counted(wrong.length, 'finding'));
  return html`<p class="lead">${whole}</p>
${findingsList(wrong.slice(0, FINDINGS_SHOWN))}
${left > 0 && html`<p class="hint">And ${left} more: docker coffer why tells them.</p>`}`;
}

function shownFinding({ at_ms, ...found }: Finding, who: string, now_ms: number): ShownFinding {
  return {
    ...found,
    who,
    when: at_ms !== undefined && html`<span class="hint">${ago(at_ms, now_ms)}</span>`,
  };
}

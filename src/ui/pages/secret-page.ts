// SPDX-License-Identifier: Apache-2.0
// One secret: its versions, who has which of them, and what is wrong with that.
import type {
  Finding,
  LedgerReply,
  RotationsReply,
  SecretDescription,
  WhyReply,
} from '../../control/index.ts';
import { counted, humanSize, nextRotationText, versionHistory } from '../../wording/index.ts';
import { inOrder, isStale, nodeOf, userOf } from '../holders.ts';
import { html, type Html, type Part, place } from '../html.ts';
import type { Told } from '../options.ts';
import { ago, fields, ifTold, link, mark, paged, pager, problemNote, section, table } from './parts.ts';
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
  const { createdAt_ms, id, labels, nextRotationAt_ms, origin, size, updatedAt_ms, version } = secret;
  const shown = Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return fields([
    ['Version', `${version}, ${humanSize(size)}`],
    ['Created', ago(createdAt_ms, now_ms)],
    ['Updated', ago(updatedAt_ms, now_ms)],
    ['Origin', origin],
    ['Id', html`<code>${id}</code>`],
    nextRotationAt_ms === undefined
      ? undefined
      : ['Next rotation', nextRotationText(nextRotationAt_ms, now_ms)],
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
  return html`<p class="lead">${counted(ordered.length, 'user')}${stale > 0 && html` ${mark('warning', `${stale} with an old version`)}`}</p>
${gaps.map(problemNote)}
${ordered.length > 0 && usersGraph({ name: secret.name, version: secret.version }, ordered)}
${table({
  caption: `Users of ${secret.name}`,
  headings: ['User', 'Task', 'Node', 'Version', 'State', 'By', 'Since'],
  rows: page.shown.map((entry) => [
    userOf(entry).name,
    html`<code title="${entry.task}">${(entry.task ?? entry.container?.id ?? '').slice(0, 12)}</code>`,
    nodeOf(entry),
    entry.version ?? '?',
    html`${mark(isStale(entry) ? 'warning' : entry.state === 'current' ? 'ok' : 'plain', entry.state)}${entry.pinned && ' pinned'}`,
    entry.via === 'volume' ? 'volume' : 'file',
    ago(entry.givenAt_ms, view.now_ms),
  ]),
  none: 'Nobody holds it now.',
})}${pager(page, (number) => `${place('secret', { name: secret.name, page: number })}#users`, 'users')}`;
}

const LEVEL_TEXT = { failure: 'Failure', warning: 'Warning', ok: 'Well' } as const;

function whyFindings({ findings, healthy, subjects }: WhyReply, now_ms: number): Part {
  const told = [
    ...findings.map((found) => ({ who: '', found })),
    ...subjects.flatMap(({ findings: own, kind, name, secrets }) =>
      [...own, ...secrets.flatMap((secret) => secret.findings)].map((found) => ({
        who: `${kind} ${name}: `,
        found,
      })),
    ),
  ];
  const wrong = told.filter(({ found }) => found.level !== 'ok');
  const left = wrong.length - FINDINGS_SHOWN;
  return html`<p class="lead">${healthy ? mark('ok', 'Nothing is wrong') : mark('warning', counted(wrong.length, 'finding'))}</p>
<ul class="findings">${wrong.slice(0, FINDINGS_SHOWN).map(({ found, who }) => findingItem(found, who, now_ms))}</ul>
${left > 0 && html`<p class="hint">And ${left} more: docker coffer why tells them.</p>`}`;
}

function findingItem({ at_ms, level, mend, message, name }: Finding, who: string, now_ms: number): Html {
  return html`<li>${mark(level, LEVEL_TEXT[level])} ${who}<strong>${name}</strong>: ${message} ${at_ms !== undefined && html`<span class="hint">${ago(at_ms, now_ms)}</span>`}${mend !== undefined && html`<br><span class="hint">Mend: <code>${mend}</code></span>`}</li>
`;
}

// SPDX-License-Identifier: Apache-2.0
// The list of secrets, of which one page is shown.
import type { LedgerReply, SecretDescription, SecretsReply } from '../../control/index.ts';
import { counted, humanSize, nextRotationText } from '../../wording/index.ts';
import { holdings, type Holding } from '../holders.ts';
import { html, type Html, type Part, place } from '../html.ts';
import type { Told } from '../options.ts';
import { ago, link, mark, paged, pager, problemNote, table, valueExpiry } from './parts.ts';

const SECRETS_PER_PAGE = 50;

export interface SecretsView {
  /** A part of a name, or `key=value` of a label; empty: all. */
  readonly search: string;
  /** Whether only those are wanted that somebody holds an old version of. */
  readonly onlyStale: boolean;
  readonly page: number;
  readonly now_ms: number;
}

const NOT_CONFIRMED = { message: 'this node could not reach the others; the list may be old' };

const { compare } = new Intl.Collator('en', { numeric: true });

export function secretsPage(
  { freshness, secrets }: SecretsReply,
  ledger: Told<LedgerReply>,
  view: SecretsView,
): Html {
  const { onlyStale, search } = view;
  const holding = holdings(ledger.problem === undefined ? ledger.value.entries : []);
  const wanted = secrets
    .filter((secret) => matches(secret, search) && (!onlyStale || holding(secret.name).stale > 0))
    .toSorted((one, other) => compare(one.name, other.name));
  const page = paged(wanted, view.page, SECRETS_PER_PAGE);
  const to = (number: number): string =>
    place('secrets', {
      q: search === '' ? undefined : search,
      stale: onlyStale ? 1 : undefined,
      page: number,
    });
  return html`${searchForm(view)}
${freshness === 'local' && problemNote(NOT_CONFIRMED, 'warning')}
${ledger.problem && problemNote(ledger.problem)}
<p class="count" role="status">${counted(wanted.length, 'secret')}${wanted.length !== secrets.length && ` of ${secrets.length}`}</p>
${table({
  caption: 'Secrets',
  headings: ['Name', 'Version', 'Size', 'Origin', 'Updated', 'Users', 'Next rotation', 'Expires'],
  rows: page.shown.map((secret) =>
    rowOf(secret, ledger.problem === undefined ? holding(secret.name) : undefined, view.now_ms),
  ),
  none:
    secrets.length === 0 ? 'There is no secret yet: docker secret create NAME -' : 'No secret is like that.',
})}${pager(page, to, 'secrets')}`;
}

function searchForm({ onlyStale, search }: SecretsView): Html {
  return html`<form class="search" method="get" action="secrets" role="search">
<label for="q">Name, or label key=value</label><input id="q" name="q" type="search" value="${search}" maxlength="200">
<label><input type="checkbox" name="stale" value="1"${onlyStale && html` checked`}> in use with an old version</label>
<button>Search</button></form>`;
}

function rowOf(secret: SecretDescription, holding: Holding | undefined, now_ms: number): readonly Part[] {
  const { expiresAt_ms, name, nextRotationAt_ms, origin, size, updatedAt_ms, version, versions } = secret;
  return [
    link(name, 'secret', { name }),
    html`${version} <span class="hint">(${versions.length} kept)</span>`,
    humanSize(size),
    origin,
    ago(updatedAt_ms, now_ms),
    holding === undefined ? '?' : usersText(holding),
    nextRotationAt_ms === undefined ? '' : nextRotationText(nextRotationAt_ms, now_ms),
    valueExpiry(expiresAt_ms, now_ms),
  ];
}

function usersText({ holders, stale, unknown }: Holding): Part {
  const staleMark = stale > 0 && mark('warning', `${stale} stale`);
  const unknownMark = unknown > 0 && mark('plain', `${unknown} unknown`);
  return html`${holders} ${staleMark} ${unknownMark}`;
}

function matches({ labels, name }: SecretDescription, search: string): boolean {
  const wanted = search.trim().toLowerCase();
  const equals = wanted.indexOf('=');
  if (equals > 0) {
    const [key, value] = [wanted.slice(0, equals), wanted.slice(equals + 1)];
    return Object.entries(labels).some(
      ([label, text]) => label.toLowerCase() === key && text.toLowerCase() === value,
    );
  }
  return name.toLowerCase().includes(wanted);
}

// SPDX-License-Identifier: Apache-2.0
// What several pages are made of.
import { EXPIRY_NOTICE_MS } from '../../secrets/index.ts';
import { expiryText, humanAge } from '../../wording/index.ts';
import { html, type Html, type Part, place } from '../html.ts';
import type { Problem, Told } from '../options.ts';

export type Level = 'ok' | 'warning' | 'failure' | 'running' | 'plain';

/** A word that is marked by a colour and a shape: the colour alone tells nobody. */
export function mark(level: Level, text: string): Html {
  return html`<span class="mark" data-level="${level}">${text}</span>`;
}

/** Pairs of a name and what is to be told of it. */
export function fields(rows: readonly (readonly [name: string, told: Part] | undefined)[]): Html {
  const given = rows.filter((row) => row !== undefined);
  const pairs = given.map(([name, part]) => html`<div><dt>${name}</dt><dd>${part}</dd></div>`);
  return html`<dl class="fields">${pairs}</dl>`;
}

export interface TableShape {
  /** What it is a table of; hidden from those who see its heading. */
  readonly caption: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly Part[])[];
  /** In the place of the table where there is no row. */
  readonly none: string;
}

/** On a narrow screen each row is a card, so the roles are told by name: the layout takes them away in some browsers. */
export function table({ caption, headings, none, rows }: TableShape): Html {
  if (rows.length === 0) {
    return html`<p class="none">${none}</p>`;
  }
  const heads = headings.map((heading) => html`<th role="columnheader" scope="col">${heading}</th>`);
  const cell = (part: Part, column: number): Html =>
    html`<td role="cell" data-heading="${headings[column]}">${part}</td>`;
  const lines = rows.map(
    (row) => html`<tr role="row">${row.map(cell)}</tr>
`,
  );
  return html`<table role="table"><caption class="unseen">${caption}</caption>
<thead role="rowgroup"><tr role="row">${heads}</tr></thead>
<tbody role="rowgroup">${lines}</tbody></table>`;
}

/** `2 hours ago`, with the moment itself for who points at it. */
export function ago(at_ms: number | undefined, now_ms: number): Part {
  if (at_ms === undefined) {
    return '';
  }
  const moment = new Date(at_ms).toISOString();
  return html`<time datetime="${moment}" title="${moment}">${humanAge(at_ms, now_ms)}</time>`;
}

/** Of a value that is not good for ever: `in 29 days`, marked when that is soon. */
export function valueExpiry(at_ms: number | undefined, now_ms: number): Part {
  if (at_ms === undefined) {
    return '';
  }
  const left_ms = at_ms - now_ms;
  const text = expiryText(at_ms, now_ms);
  return left_ms > EXPIRY_NOTICE_MS ? text : mark(left_ms <= 0 ? 'failure' : 'warning', text);
}

export function link(text: string, page: string, query: Parameters<typeof place>[1] = {}): Html {
  return html`<a href="${place(page, query)}">${text}</a>`;
}

/** A sentence of the daemon's begins with a small letter, since a terminal shows a name before it. */
export function problemNote({ hint, message }: Problem, level: Level = 'failure'): Html {
  return html`<p class="note" data-level="${level}">${begun(message)}${hintBelow(hint && begun(hint))}</p>`;
}

function begun(sentence: string): string {
  return sentence.slice(0, 1).toUpperCase() + sentence.slice(1);
}

function hintBelow(hint: Part): Part {
  return hint !== undefined && hint !== '' && html`<br><span class="hint">${hint}</span>`;
}

const LEVEL_TEXT = { failure: 'Failure', warning: 'Warning', ok: 'Well' } as const;

/** What a check, or a question after the cause of something, has found. */
export interface ShownFinding {
  readonly name: string;
  readonly level: keyof typeof LEVEL_TEXT;
  readonly message: string;
  readonly mend?: string | undefined;
  /** Whom it concerns; empty: nobody alone. */
  readonly who?: string;
  /** When that was. */
  readonly when?: Part;
}

export function findingsList(findings: readonly ShownFinding[]): Part {
  return findings.length > 0 && html`<ul class="findings">${findings.map(findingItem)}</ul>`;
}

function findingItem({ level, mend, message, name, when, who = '' }: ShownFinding): Html {
  const what = html`${mark(level, LEVEL_TEXT[level])} ${who}<strong>${name}</strong>: ${message}`;
  const how = mend !== undefined && html`Mend: <code>${mend}</code>`;
  return html`<li>${what} ${when}${hintBelow(how || undefined)}</li>
`;
}

/** What was told, or why it was not. */
export function ifTold<T>(answer: Told<T>, show: (value: T) => Part): Part {
  return answer.problem === undefined ? show(answer.value) : problemNote(answer.problem);
}

export interface Paged<T> {
  readonly shown: readonly T[];
  /** From 1. */
  readonly page: number;
  readonly pages: number;
  readonly total: number;
}

/** A page of a list; the last one for a number that is too high. */
export function paged<T>(all: readonly T[], page: number, size: number): Paged<T> {
  const pages = Math.max(1, Math.ceil(all.length / size));
  const at = Math.min(Math.max(1, page), pages);
  return { shown: all.slice((at - 1) * size, at * size), page: at, pages, total: all.length };
}

/** Links to the page before and the page after; nothing where all is on one page. */
export function pager(
  { page, pages, total }: Omit<Paged<unknown>, 'shown'>,
  to: (page: number) => string,
  what: string,
): Part {
  if (pages <= 1) {
    return undefined;
  }
  const step = (target: number, text: string, isThere: boolean): Html =>
    isThere ? html`<a href="${to(target)}">${text}</a>` : html`<span class="off">${text}</span>`;
  return html`<nav class="pager" aria-label="Pages of ${what}">${step(page - 1, 'Previous', page > 1)}
<span>Page ${page} of ${pages}, ${total} in all</span> ${step(page + 1, 'Next', page < pages)}</nav>`;
}

/** A part of a page, with a heading that names it. */
export function section(id: string, heading: string, ...content: readonly Part[]): Html {
  return html`<section aria-labelledby="${id}"><h2 id="${id}">${heading}</h2>
${content}</section>
`;
}

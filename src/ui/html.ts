// SPDX-License-Identifier: Apache-2.0
// Markup, and the one place where text becomes part of it.

/** What may stand in a template: text is escaped, markup goes in as it is, and what is absent leaves nothing. */
export type Part = Html | string | number | undefined | false | readonly Part[];

class Markup {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

/** Markup in which every text was escaped: only `html` makes it. */
export type Html = Markup;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A template whose parts stand between tags or in quoted attributes, never in a script, a style or the place of a name. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Markup(texts.map((text, at) => text + (at < parts.length ? markupOf(parts[at]) : '')).join(''));
}

function markupOf(part: Part): string {
  if (part === undefined || part === false) {
    return '';
  }
  if (part instanceof Markup) {
    return part.markup;
  }
  if (typeof part === 'string' || typeof part === 'number') {
    return escaped(String(part));
  }
  return part.map(markupOf).join('');
}

/** Without what would turn the order of the letters around, too. */
function escaped(text: string): string {
  return text
    .replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '?')
    .replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? '');
}

/** `page?name=a%2Fb`: a place beside the present one. What is undefined is left out. */
export function place(
  page: string,
  query: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const given = Object.entries(query).flatMap(([key, value]): [string, string][] =>
    value === undefined ? [] : [[key, String(value)]],
  );
  return given.length === 0 ? page : `${page}?${new URLSearchParams(given).toString()}`;
}

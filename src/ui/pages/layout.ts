// SPDX-License-Identifier: Apache-2.0
// What is around every page.
import { html, type Html, type Part } from '../html.ts';
import type { Problem } from '../options.ts';
import { problemNote } from './parts.ts';

const PAGES = [
  { page: 'cluster', text: 'Cluster' },
  { page: 'secrets', text: 'Secrets' },
  { page: 'rotations', text: 'Rotations' },
  { page: 'audit', text: 'Audit trail' },
] as const;

export type PageName = (typeof PAGES)[number]['page'];

export interface Page {
  readonly title: string;
  /** Which of the four it belongs to. */
  readonly under: PageName;
  readonly content: Part;
  /** Seconds after which a browser without scripts asks again. */
  readonly refresh_s?: number | undefined;
}

export interface Frame {
  readonly formToken: string;
  readonly version: string;
  /** Of the moment that the page tells of. */
  readonly now_ms: number;
}

export function signedInPage({ content, refresh_s, title, under }: Page, frame: Frame): Html {
  const { formToken, now_ms, version } = frame;
  const at = new Date(now_ms).toISOString();
  const links = PAGES.map(({ page, text }) => {
    const isHere = page === under && html` aria-current="page"`;
    return html`<a href="${page}"${isHere}>${text}</a> `;
  });
  return document_(
    title,
    html`<header><a class="brand" href="cluster">coffer</a>
<nav aria-label="Pages">${links}</nav>
<form method="post" action="sign-out">${formField(formToken)}<button class="quiet">Sign out</button></form></header>
<main id="main" tabindex="-1"><h1>${title}</h1>
${content}</main>
<footer>coffer ${version}, as of <time datetime="${at}">${at.slice(0, 19).replace('T', ' ')} UTC</time></footer>`,
    refresh_s,
  );
}

/** Before somebody has signed in, and after that is over. */
export function outsidePage(title: string, content: Part): Html {
  return document_(
    title,
    html`<main id="main" class="outside" tabindex="-1"><h1>${title}</h1>
${content}</main>`,
  );
}

export function signInPage(commandName: string, problem: Problem | undefined): Html {
  return outsidePage(
    'Sign in to coffer',
    html`${problem && problemNote(problem)}
<form id="sign-in" method="post" action="/sign-in">
<label for="token">The token of the link, which stands behind #token=</label>
<input id="token" name="token" type="password" autocomplete="off" spellcheck="false" maxlength="100" required autofocus>
<button>Sign in</button></form>
<p class="hint">The link that ${commandName} ui prints has it, and signs you in by itself. It is good once, for five minutes.</p>`,
  );
}

/** Proves that a form was made for whoever sends it. */
export function formField(formToken: string): Html {
  return html`<input type="hidden" name="form" value="${formToken}">`;
}

function document_(title: string, body: Html, refresh_s?: number): Html {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title} · coffer</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
${refresh_s !== undefined && html`<noscript><meta http-equiv="refresh" content="${refresh_s}"></noscript>`}
<link rel="stylesheet" href="/style.css"><link rel="icon" type="image/svg+xml" href="/icon.svg">
<script src="/script.js" defer></script></head>
<body><a class="skip" href="#main">Skip to the content</a>
${body}</body></html>
`;
}

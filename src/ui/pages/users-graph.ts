// SPDX-License-Identifier: Apache-2.0
// The users of a secret as a picture. Whoever cannot see it has the table below it, which says more.
import type { LedgerEntry } from '../../control/index.ts';
import { BOX, type GraphBox, type GraphLine, layoutUsers } from '../graph-layout.ts';
import { html, type Html } from '../html.ts';

const TEXT_LENGTH_MAX = 24;
const PADDING = 10;

export function usersGraph(
  secret: { readonly name: string; readonly version: number },
  entries: readonly LedgerEntry[],
): Html {
  const { boxes, height, lines, width } = layoutUsers(secret, entries);
  return html`<div class="graph" role="region" aria-label="Picture of the users" tabindex="0">
<svg role="img" aria-labelledby="graph-title" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title id="graph-title">${secret.name}, its services, their tasks and nodes; the table below has the same</title>
${lines.map(lineOf)}${boxes.map(boxOf)}</svg></div>
<p class="hint key"><span data-state="current">current version</span>
<span data-state="stale">an old version, or removed</span> <span data-state="unknown">version unknown</span></p>`;
}

function lineOf({ from, state, to }: GraphLine): Html {
  const [x1, y1] = [from.x + BOX.width, from.y + BOX.height / 2];
  const [x2, y2] = [to.x, to.y + BOX.height / 2];
  const half = (x1 + x2) / 2;
  return html`<path data-state="${state}" d="M${x1} ${y1}C${half} ${y1} ${half} ${y2} ${x2} ${y2}"/>
`;
}

function boxOf({ detail, kind, state, text, x, y }: GraphBox): Html {
  return html`<g data-kind="${kind}" data-state="${state}"><title>${text}, ${detail}</title>
<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="8"/>
<text x="${x + PADDING}" y="${y + 17}">${shortened(text)}</text>
<text class="detail" x="${x + PADDING}" y="${y + 32}">${detail}</text></g>
`;
}

function shortened(text: string): string {
  return text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX - 1)}…`;
}

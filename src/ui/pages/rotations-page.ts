// SPDX-License-Identifier: Apache-2.0
// Rotations: all that are remembered, one of them as it goes on, and the form that begins one.
import type {
  LedgerReply,
  RotationDescription,
  RotationsReply,
  SecretDescription,
} from '../../control/index.ts';
import { LABELS, storedCertificateWish } from '../../secrets/index.ts';
import { counted, hasEnded, humanDuration } from '../../wording/index.ts';
import { userOf } from '../holders.ts';
import { html, type Html, type Part, place } from '../html.ts';
import type { Problem, Told } from '../options.ts';
import type { ServiceProgress } from '../progress.ts';
import { progressOf } from '../rotation-progress.ts';
import {
  ago,
  fields,
  ifTold,
  type Level,
  link,
  mark,
  paged,
  pager,
  problemNote,
  section,
  table,
} from './parts.ts';
import { formField } from './layout.ts';

const ROTATIONS_PER_PAGE = 50;
const SPEC_DEFAULT = 'hex:32';
const TIMEOUT_MINUTES = 10;

const PHASES: Readonly<Record<RotationDescription['phase'], readonly [Level, string]>> = {
  updating: ['running', 'updating'],
  'rolling-back': ['warning', 'rolling back'],
  done: ['ok', 'done'],
  'rolled-back': ['warning', 'rolled back'],
  failed: ['failure', 'failed'],
};

export function rotationsPage({ rotations }: RotationsReply, page: number, now_ms: number): Html {
  const shown = paged(rotations, page, ROTATIONS_PER_PAGE);
  return html`<p class="hint">A rotation is begun on the page of its secret.</p>
${rotationsTable(shown.shown, now_ms)}${pager(shown, (number) => place('rotations', { page: number }), 'rotations')}`;
}

export function rotationsTable(rotations: readonly RotationDescription[], now_ms: number): Html {
  return table({
    caption: 'Rotations',
    headings: ['Secret', 'Versions', 'Phase', 'Services', 'Begun', 'Ended'],
    rows: rotations.map((rotation) => {
      const { begunAt_ms, endedAt_ms, fromVersion, heldAt_ms, id, phase, secret, services, toVersion } =
        rotation;
      return [
        link(secret, 'rotation', { secret, id }),
        `${fromVersion} to ${toVersion}`,
        html`${mark(...PHASES[phase])}${heldAt_ms !== undefined && ' waits'}`,
        services.length,
        ago(begunAt_ms, now_ms),
        ago(endedAt_ms, now_ms),
      ];
    }),
    none: 'No rotation is remembered.',
  });
}

/** It is followed by the script, or by asking again where there is none. */
export function rotationPage(rotation: RotationDescription, formToken: string, now_ms: number): Html {
  const { begunAt_ms, endedAt_ms, fromVersion, id, secret, timeout_ms, toVersion } = rotation;
  const { done, ended, held, level, sentence, services, total } = progressOf(rotation, now_ms);
  const follow = !ended && html` data-progress="${place('progress', { secret, id })}"`;
  return html`<p class="actions">${link(`Secret ${secret}`, 'secret', { name: secret })} ${link('All rotations', 'rotations')}</p>
<div class="progress"${follow}>
<p class="note" data-outcome data-level="${level}">${sentence}</p>
<p class="held" role="status" data-held>${held}</p>
<label>Services done: <span data-count>${done} of ${total}</span>
<progress max="${Math.max(1, total)}" value="${total === 0 && ended ? 1 : done}"></progress></label>
<ul class="services">${services.map(serviceItem)}</ul>
${!ended && newsList()}</div>
${section(
  'about',
  'About',
  fields([
    ['Versions', `${fromVersion} to ${toVersion}`],
    ['Begun', ago(begunAt_ms, now_ms)],
    endedAt_ms === undefined ? undefined : ['Ended', ago(endedAt_ms, now_ms)],
    ['Each service has', humanDuration(timeout_ms).toLowerCase()],
  ]),
)}
${!hasEnded(rotation) && rotation.phase === 'updating' && cancelForm(secret, formToken)}`;
}

function serviceItem({ id, state, text }: ServiceProgress): Html {
  return html`<li id="service-${id}" data-state="${state}">${text}</li>
`;
}

/** What the script tells, line by line. */
function newsList(): Html {
  return html`<h2 id="news-heading">What has happened meanwhile</h2>
<ol class="news" data-news role="log" aria-live="polite" aria-labelledby="news-heading"></ol>`;
}

function cancelForm(secret: string, formToken: string): Html {
  return html`<form id="cancel" method="post" action="cancel">${formField(formToken)}
<input type="hidden" name="secret" value="${secret}">
<button class="danger">Cancel: back to the value before</button></form>`;
}

export interface BeginView {
  readonly formToken: string;
  /** What was sent before, and why it was refused. */
  readonly spec?: string | undefined;
  readonly minutes?: string | undefined;
  readonly problem?: Problem | undefined;
}

/** What a rotation would do, and what begins it. No value can be typed: the daemon makes it, and tells nobody. */
export function beginPage(secret: SecretDescription, ledger: Told<LedgerReply>, view: BeginView): Html {
  const { name, version } = secret;
  return html`${view.problem && problemNote(view.problem)}
<p>The daemon makes a new value, which becomes version ${version + 1}, and the services that use the secret are updated one after the
other. If one of them does not come up with it, all go back to the value of version ${version}.</p>
${ifTold(ledger, concerned)}
<form class="begin" method="post" action="rotate">${formField(view.formToken)}
<input type="hidden" name="secret" value="${name}"><input type="hidden" name="expect" value="${version}">
${whatToMake(secret, view)}
<label for="minutes">Minutes that each service has</label>
<input id="minutes" name="minutes" type="number" min="1" max="1440" value="${view.minutes ?? TIMEOUT_MINUTES}" required>
<button>Rotate ${name}</button> ${link('Do not', 'secret', { name })}</form>
<p class="hint">A value of your own is not typed into a browser: docker coffer rotate ${name} - takes it from a pipe.</p>`;
}

/** A certificate is made as its labels say; anything else by a specification. */
function whatToMake({ labels }: SecretDescription, view: BeginView): Html {
  if (storedCertificateWish(labels) !== undefined) {
    return html`<input type="hidden" name="anew" value="1"><p>It is a certificate, and is made anew as its labels say.</p>`;
  }
  const spec = view.spec ?? labels[LABELS.generate] ?? SPEC_DEFAULT;
  return html`<label for="spec">What to make: hex:32, base64:32, password:24 or uuid, with another length if need be</label>
<input id="spec" name="spec" value="${spec}" maxlength="40" required autocomplete="off" spellcheck="false">`;
}

function concerned({ entries }: LedgerReply): Part {
  const services = new Set(
    entries
      .filter(({ service, via }) => service !== undefined && via === 'secret')
      .map((entry) => userOf(entry).name),
  );
  return section(
    'concerned',
    'Services that hold it now',
    services.size === 0
      ? html`<p class="none">None: the new version is stored, and nobody is updated.</p>`
      : html`<p>${counted(services.size, 'service')}: ${[...services].slice(0, 30).join(', ')}${services.size > 30 && ' and more'}</p>`,
  );
}

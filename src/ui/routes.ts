// SPDX-License-Identifier: Apache-2.0
// The pages of somebody who is signed in: what each asks the daemon for.
import { AUDIT_EVENTS } from '../audit/index.ts';
import { CofferError } from '../common/index.ts';
import type { RotationDescription } from '../control/index.ts';
import type { Session } from './access.ts';
import { html } from './html.ts';
import { told, type UiOptions } from './options.ts';
import { AUDIT_PAGES_MAX, auditPage, RECORDS_PER_PAGE } from './pages/audit-page.ts';
import { clusterPage } from './pages/cluster-page.ts';
import { type Page, signedInPage } from './pages/layout.ts';
import { problemNote } from './pages/parts.ts';
import { rotationPage, rotationsPage } from './pages/rotations-page.ts';
import { secretPage } from './pages/secret-page.ts';
import { secretsPage } from './pages/secrets-page.ts';
import { type Answer, pageIn, textIn } from './request.ts';
import { progressOf } from './rotation-progress.ts';

export interface Visit {
  readonly session: Session;
  readonly query: URLSearchParams;
}

export type View = (visit: Visit, options: UiOptions) => Promise<Answer>;

const ROTATION_REFRESH_S = 3;

/** By the last word of the path. */
export const VIEWS: ReadonlyMap<string, View> = new Map<string, View>([
  ['cluster', showCluster],
  ['secrets', showSecrets],
  ['secret', showSecret],
  ['audit', showAudit],
  ['rotations', showRotations],
  ['rotation', showRotation],
  ['progress', tellProgress],
]);

export function answerPage(page: Page, { session }: Visit, options: UiOptions, status = 200): Answer {
  const { now_ms, version } = options;
  const frame = { formToken: session.formToken, version, now_ms: now_ms() };
  return { kind: 'page', status, page: signedInPage(page, frame) };
}

async function showCluster(visit: Visit, options: UiOptions): Promise<Answer> {
  const { daemon, now_ms } = options;
  const [status, checks, cluster, nodes, authority, autolock, backups] = await Promise.all([
    told(options, daemon.status()),
    told(options, daemon.checks()),
    told(options, daemon.cluster()),
    told(options, daemon.nodes()),
    told(options, daemon.authority()),
    told(options, daemon.autolock()),
    told(options, daemon.backups()),
  ]);
  const facts = { status, checks, cluster, nodes, authority, autolock, backups };
  const content = clusterPage(facts, { now_ms: now_ms(), page: pageIn(visit.query) });
  return answerPage({ title: 'Cluster', under: 'cluster', content }, visit, options);
}

async function showSecrets(visit: Visit, options: UiOptions): Promise<Answer> {
  const { daemon, now_ms } = options;
  const { query } = visit;
  const [secrets, ledger] = await Promise.all([daemon.secrets(), told(options, daemon.ledger())]);
  const content = secretsPage(secrets, ledger, {
    search: (query.get('q') ?? '').slice(0, 200),
    onlyStale: query.get('stale') === '1',
    page: pageIn(query),
    now_ms: now_ms(),
  });
  return answerPage({ title: 'Secrets', under: 'secrets', content }, visit, options);
}

async function showSecret(visit: Visit, options: UiOptions): Promise<Answer> {
  const { daemon, now_ms } = options;
  const { secret } = await daemon.secret(textIn(visit.query, 'name'));
  const [ledger, why, rotations] = await Promise.all([
    told(options, daemon.ledger(secret.name)),
    told(options, daemon.why(secret.name)),
    told(options, daemon.rotations(secret.name)),
  ]);
  const view = { page: pageIn(visit.query), now_ms: now_ms() };
  const content = secretPage({ secret, ledger, why, rotations }, view);
  return answerPage({ title: secret.name, under: 'secrets', content }, visit, options);
}

async function showAudit(visit: Visit, options: UiOptions): Promise<Answer> {
  const { daemon } = options;
  const { query } = visit;
  const [secret, asked] = [(query.get('secret') ?? '').slice(0, 64), query.get('event') ?? ''];
  const event = AUDIT_EVENTS.find((known) => known === asked) ?? '';
  const page = Math.min(pageIn(query), AUDIT_PAGES_MAX);
  // One more than is shown tells whether there are older ones.
  const tail = page * RECORDS_PER_PAGE + 1;
  const wish = { tail, secret: secret || undefined, event: event || undefined };
  const [records, status, verified] = await Promise.all([
    daemon.audit(wish),
    told(options, daemon.status()),
    query.get('verify') === '1' ? told(options, daemon.verifyAudit()) : undefined,
  ]);
  const newest = records.toReversed();
  const state = status.problem === undefined ? status.value.audit : undefined;
  const shown = newest.slice((page - 1) * RECORDS_PER_PAGE, page * RECORDS_PER_PAGE);
  const hasOlder = newest.length > page * RECORDS_PER_PAGE;
  const content = auditPage({ records: shown, state, verified }, { secret, event, page, hasOlder });
  return answerPage({ title: 'Audit trail', under: 'audit', content }, visit, options);
}

async function showRotations(visit: Visit, options: UiOptions): Promise<Answer> {
  const content = rotationsPage(await options.daemon.rotations(), pageIn(visit.query), options.now_ms());
  return answerPage({ title: 'Rotations', under: 'rotations', content }, visit, options);
}

async function showRotation(visit: Visit, options: UiOptions): Promise<Answer> {
  const rotation = await findRotation(visit, options);
  const page: Page = {
    title: `Rotation of ${rotation.secret}`,
    under: 'rotations',
    content: rotationPage(rotation, visit.session.formToken, options.now_ms()),
    refresh_s: rotation.endedAt_ms === undefined ? ROTATION_REFRESH_S : undefined,
  };
  return answerPage(page, visit, options);
}

async function tellProgress(visit: Visit, options: UiOptions): Promise<Answer> {
  return { kind: 'json', value: progressOf(await findRotation(visit, options), options.now_ms()) };
}

async function findRotation({ query }: Visit, { daemon }: UiOptions): Promise<RotationDescription> {
  const [secret, id] = [textIn(query, 'secret'), textIn(query, 'id')];
  const { rotations } = await daemon.rotations(secret);
  const found = rotations.find((rotation) => rotation.id === id);
  if (found === undefined) {
    throw new CofferError('rotation.not-found', 'this rotation is not remembered any more');
  }
  return found;
}

/** What could not be shown or done, in the frame of the other pages. */
export function answerProblem(thrown: unknown, visit: Visit, options: UiOptions): Answer {
  const status = thrown instanceof CofferError ? thrown.status : 502;
  const content = html`${problemNote(options.explain(thrown))}<p><a href="cluster">To the cluster</a></p>`;
  return answerPage({ title: 'That did not work', under: 'cluster', content }, visit, options, status);
}

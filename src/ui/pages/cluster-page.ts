// SPDX-License-Identifier: Apache-2.0
// How the cluster is: what is wrong first.
import type {
  AuthorityDescription,
  AutolockDescription,
  Check,
  ClusterDescription,
  DaemonStatus,
  NodeDescription,
  ScheduledBackupsReply,
} from '../../control/index.ts';
import { counted, humanDuration, humanSize } from '../../wording/index.ts';
import { html, type Html, type Part } from '../html.ts';
import type { Told } from '../options.ts';
import { ago, fields, findingsList, ifTold, type Level, mark, problemNote, section } from './parts.ts';
import { expiry, managersTable, workersTable } from './node-tables.ts';

export interface ClusterFacts {
  readonly status: Told<DaemonStatus>;
  readonly checks: Told<readonly Check[]>;
  readonly cluster: Told<ClusterDescription>;
  readonly nodes: Told<readonly NodeDescription[]>;
  readonly authority: Told<AuthorityDescription>;
  readonly autolock: Told<AutolockDescription>;
  readonly backups: Told<ScheduledBackupsReply>;
}

export interface ClusterView {
  readonly now_ms: number;
  /** Of the workers, from 1. */
  readonly page: number;
}

export function clusterPage(facts: ClusterFacts, view: ClusterView): Html {
  const { checks, status } = facts;
  const state = status.problem === undefined ? status.value : undefined;
  const health = section('health', 'Health', ifTold(status, stateNote), ifTold(checks, findings));
  const own = section('daemon', 'This node', state && daemonFields(state));
  // A daemon that does not serve says of everything else the same.
  const serves = state === undefined || state.state === 'serving';
  return html`${health}${serves && wholeCluster(facts, state, view)}${own}`;
}

function wholeCluster(facts: ClusterFacts, state: DaemonStatus | undefined, view: ClusterView): Html {
  const { authority, autolock, backups, cluster, nodes } = facts;
  const { now_ms } = view;
  const managers = section(
    'managers',
    'Managers',
    ifTold(cluster, (told) => quorumFields(told, state)),
    ifTold(nodes, (told) => managersTable(told, state, now_ms)),
  );
  const workers = section(
    'nodes',
    'Workers',
    ifTold(nodes, (told) => workersTable(told, view)),
  );
  const keys = section(
    'keys',
    'Keys and certificates',
    ifTold(authority, (told) => authorityFields(told, now_ms)),
    ifTold(autolock, (told) => sealFields(told, state, now_ms)),
  );
  const copies = section(
    'backups',
    'Backups',
    ifTold(backups, (told) => backupFields(told, now_ms)),
  );
  return html`${managers}${workers}<div class="columns">${keys}${copies}</div>`;
}

function stateNote({ reason, state }: DaemonStatus): Part {
  return reason === undefined || state === 'serving' ? undefined : problemNote(reason);
}

function findings(checks: readonly Check[]): Part {
  const wrong = (['failure', 'warning'] as const).flatMap((level) =>
    checks.filter((check) => check.level === level),
  );
  const well = checks.filter(({ level }) => level === 'ok');
  const failures = wrong.filter(({ level }) => level === 'failure').length;
  const level: Level = wrong.length === 0 ? 'ok' : failures > 0 ? 'failure' : 'warning';
  const sentence =
    wrong.length === 0
      ? 'Nothing is wrong'
      : `${counted(wrong.length, 'finding')}, ${counted(failures, 'failure')}`;
  return html`<p class="lead">${mark(level, sentence)}</p>
${findingsList(wrong)}
<details><summary>${counted(well.length, 'check')} found nothing wrong</summary>${findingsList(well)}</details>`;
}

function quorumFields(cluster: ClusterDescription, status: DaemonStatus | undefined): Part {
  const { leader, quorum, reachableVoters, voters, warnings } = cluster;
  const reachable = reachableVoters === undefined ? '' : `, ${reachableVoters} of them reachable`;
  return html`${fields([
    ['Leader', leader === undefined ? mark('failure', 'none') : leader.hostname],
    ['Term', status?.store?.term],
    ['Voters', `${voters}${reachable}; a quorum is ${quorum}`],
  ])}${warnings.map((message) => problemNote({ message }, 'warning'))}`;
}

function authorityFields({ digest, notAfter_ms, rotation }: AuthorityDescription, now_ms: number): Html {
  return fields([
    ['CA', html`<code>${digest.slice(0, 16)}…</code>, ${expiry(notAfter_ms, now_ms)}`],
    rotation && [
      'CA rotation',
      mark('running', `${rotation.renewed} of ${counted(rotation.nodes, 'node')} have renewed`),
    ],
  ]);
}

function sealFields(
  { enabled, peerUnlock, sealedHere }: AutolockDescription,
  status: DaemonStatus | undefined,
  now_ms: number,
): Html {
  const { dataKeyMadeAt_ms, dataKeyNextAt_ms, dataKeyProblem } = status?.upkeep ?? {};
  const isDue = dataKeyNextAt_ms !== undefined && dataKeyNextAt_ms <= now_ms;
  return fields([
    ['Autolock', enabled ? 'on' : 'off'],
    [
      'Seal',
      sealedHere
        ? mark('ok', 'keys are sealed')
        : mark(enabled ? 'running' : 'plain', 'keys lie in the clear'),
    ],
    [
      'Peer unlock',
      peerUnlock === undefined
        ? 'off'
        : `on, ${peerUnlock.known} of ${counted(peerUnlock.managers, 'manager')} ready`,
    ],
    dataKeyMadeAt_ms === undefined ? undefined : ['Data key made', ago(dataKeyMadeAt_ms, now_ms)],
    dataKeyNextAt_ms === undefined
      ? undefined
      : ['Next data key', isDue ? 'now' : `in ${humanDuration(dataKeyNextAt_ms - now_ms).toLowerCase()}`],
    dataKeyProblem === undefined ? undefined : ['Data key', mark('failure', dataKeyProblem)],
  ]);
}

function backupFields(backups: ScheduledBackupsReply, now_ms: number): Part {
  const { failure, files, nextAt_ms, running, schedule } = backups;
  const newest = files.toSorted((one, other) => other.createdAt_ms - one.createdAt_ms)[0];
  const failed = failure && { ...failure, message: `the last one was not written: ${failure.message}` };
  return html`${failed && problemNote(failed)}
${fields([
  [
    'Schedule',
    schedule === undefined
      ? mark('warning', 'none: backups are made by hand alone')
      : `every ${humanDuration(schedule.every_ms).toLowerCase()}, ${schedule.keep} kept`,
  ],
  [
    'Newest here',
    newest === undefined ? 'none' : html`${ago(newest.createdAt_ms, now_ms)}, ${humanSize(newest.size)}`,
  ],
  nextAt_ms === undefined
    ? undefined
    : [
        'Next',
        running
          ? 'being written now'
          : nextAt_ms <= now_ms
            ? 'now'
            : `in ${humanDuration(nextAt_ms - now_ms).toLowerCase()}`,
      ],
  ['Kept here', counted(files.length, 'file')],
])}`;
}

function daemonFields({ audit, engine, state, store, uptime_ms, version }: DaemonStatus): Html {
  return fields([
    [
      'State',
      mark(state === 'serving' ? 'ok' : 'failure', `${state}, up ${humanDuration(uptime_ms).toLowerCase()}`),
    ],
    ['Version', version],
    store && ['Secrets', store.secrets],
    store && ['Log', `applied ${store.appliedIndex} of ${store.lastIndex}`],
    store && ['Disk free', humanSize(store.diskFree_bytes)],
    engine && [
      'Engine',
      engine.reachable
        ? `${engine.version ?? ''}, swarm ${engine.swarm ?? 'unknown'}`
        : mark('failure', engine.problem ?? 'not reachable'),
    ],
    audit && [
      'Audit log',
      audit.problems.length > 0
        ? mark('failure', audit.problems.join('; '))
        : audit.sinks.length === 0
          ? 'off'
          : audit.sinks.join(', '),
    ],
  ]);
}

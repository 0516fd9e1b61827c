// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type {
  AgentReport,
  AuditStatus,
  ClusterStatus,
  DaemonStatus,
  EngineStatus,
  PeerUnlockStatus,
  RotationDescription,
  UpkeepStatus,
} from '../../control/index.ts';
import type { StoreStatus } from '../../store/index.ts';
import { heldText, outcomeText } from '../../wording/index.ts';
import { EXIT } from '../command-error.ts';
import { gatewayOnHost } from '../find-daemon.ts';
import type { Session } from '../session.ts';
import { counted, humanAge, humanDuration, humanSize, printable } from '../text.ts';
import { nextText } from './data-key.ts';
import { addExamples, formatOption } from './options.ts';

export function addStatus(program: Command, session: Session): void {
  const command = program
    .command('status')
    .description('Show whether the daemon serves, and with what. Ends with 2 if it does not.')
    .usage('[OPTIONS]')
    .addOption(formatOption('text'))
    .action((options: { readonly format: string }) => showStatus(session, options.format));
  addExamples(command, session, [
    ['coffer status', 'for people'],
    ['coffer status --format json', 'for programs'],
  ]);
}

async function showStatus(session: Session, format: string): Promise<void> {
  const client = await session.client();
  const status = await client.status();
  if (format === 'json') {
    session.printJson(status);
  } else {
    session.print(describe(session, status, client.socketPath));
  }
  if (status.state !== 'serving') {
    session.endWith(EXIT.failed);
  }
}

function describe(session: Session, status: DaemonStatus, controlSocket: string): string {
  const { agent, audit, reason, sessions, store, cluster, engine, peerUnlock, upkeep } = status;
  const state = session.coloured(status.state === 'serving' ? 'green' : 'red', status.state);
  const rows: readonly (readonly [string, string] | undefined)[] = [
    ['State:', `${state}, up ${humanDuration(status.uptime_ms).toLowerCase()}`],
    reason && ['Reason:', printable(reason.message)],
    reason?.hint === undefined ? undefined : ['Mend:', printable(reason.hint)],
    ['Version:', status.version],
    ['Runs as:', status.mode === 'managed' ? 'a plugin of the engine' : 'a process of its own'],
    ['Driver:', status.driverName],
    ['Gateway:', `unix://${gatewayOnHost(status, controlSocket)}`],
    ['Control socket:', controlSocket],
    ['State directory:', status.stateDirectory],
    store && ['Secrets:', describeSecrets(store)],
    store && [
      'Store:',
      `${store.role} in term ${store.term}, applied ${store.appliedIndex} of ${store.lastIndex}`,
    ],
    store && ['Last entry:', `${store.lastTerm}.${store.lastIndex} (its term and its place in the log)`],
    store && ['Data key:', `${store.dataKeyId}, ${describeSeal(store, status)}`],
    peerUnlock && ['Peer unlock:', describePeerUnlock(peerUnlock)],
    ...upkeepRows(upkeep, session.io.now_ms()),
    store && ['Disk free:', humanSize(store.diskFree_bytes)],
    audit && ['Audit log:', describeAudit(audit)],
    cluster && ['Node:', describeCluster(cluster)],
    sessions === undefined ? undefined : ['Sessions:', counted(sessions, 'node')],
    agent && ['Agent:', describeAgent(agent, session.io.now_ms())],
    agent && ['Volumes:', describeVolumes(agent)],
    engine && ['Engine:', describeEngine(engine)],
  ];
  return rows
    .filter((row) => row !== undefined)
    .map(([key, value]) => `${key.padEnd(18)}${value}`)
    .join('\n');
}

function upkeepRows(
  upkeep: UpkeepStatus | undefined,
  now_ms: number,
): readonly (readonly [string, string] | undefined)[] {
  if (upkeep === undefined) {
    return [];
  }
  const { backups, dataKeyMadeAt_ms: made_ms, dataKeyNextAt_ms: next_ms, dataKeyProblem, rotations } = upkeep;
  const next = next_ms === undefined ? '' : `, ${nextText(next_ms, now_ms)}`;
  const failed =
    dataKeyProblem === undefined ? '' : `; its last rotation failed: ${printable(dataKeyProblem)}`;
  return [
    made_ms === undefined ? undefined : ['Data key made:', `${humanAge(made_ms, now_ms)}${next}${failed}`],
    backups && ['Backups:', describeBackups(backups, now_ms)],
    ...rotations.map((rotation) => ['Rotation:', describeRotation(rotation, now_ms)] as const),
  ];
}

function describeRotation(rotation: RotationDescription, now_ms: number): string {
  const held = heldText(rotation, now_ms);
  return printable([outcomeText(rotation), ...(held === undefined ? [] : [held])].join('. '));
}

function describeBackups(
  { lastAt_ms, nextAt_ms, problem }: NonNullable<UpkeepStatus['backups']>,
  now_ms: number,
): string {
  const last =
    lastAt_ms === undefined ? 'none yet' : `the newest ${humanAge(lastAt_ms, now_ms).toLowerCase()}`;
  if (problem !== undefined) {
    return printable(`${last}; the last one was not written, and is tried again: ${problem}`);
  }
  const isDue = nextAt_ms !== undefined && nextAt_ms <= now_ms;
  const next = nextAt_ms === undefined ? '' : `in ${humanDuration(nextAt_ms - now_ms).toLowerCase()}`;
  return `${last}, the next ${isDue ? 'now' : next}`;
}

function describeAudit({ problems, sinks, stopsDeliveries }: AuditStatus): string {
  if (problems.length > 0) {
    const what = `cannot be written (${problems.join('; ')})`;
    return printable(stopsDeliveries ? `${what}, and nothing is delivered` : what);
  }
  return sinks.length === 0 ? 'off' : sinks.join(', ');
}

function describeSeal(
  { dataKeySealed }: StoreStatus,
  { peerUnlock, unlockKeySource: source }: DaemonStatus,
): string {
  if (!dataKeySealed) {
    return 'in the clear beside the data';
  }
  if (source === undefined) {
    const peer = peerUnlock?.unlockedBy;
    return printable(peer === undefined ? 'sealed' : `sealed, and unlocked by the manager at ${peer}`);
  }
  const where = source.besideData ? ', which lies beside the data' : '';
  return printable(`sealed, and unlocked at the start from ${source.file}${where}`);
}

function describePeerUnlock({ asking, enabled, problem }: PeerUnlockStatus): string {
  if (asking) {
    const last = problem === undefined ? '' : `; the last answer: ${problem}`;
    return printable(`the other managers are asked for the unlock key${last}`);
  }
  return enabled ? 'on: the other managers unlock this one, until it is removed (node rm)' : 'off';
}

function describeSecrets({ secrets, loaded_percent }: StoreStatus): string {
  return loaded_percent === undefined
    ? String(secrets)
    : `${secrets}, of which an index is being loaded (${loaded_percent} %): it cannot list them yet`;
}

function describeCluster({ address, nodeId, problem, role }: ClusterStatus): string {
  const who = role === undefined ? 'in no cluster yet' : `${role} ${nodeId ?? ''}`;
  const where = address === undefined ? 'not listening for other nodes' : `reached at ${address}`;
  return printable(`${who}, ${where}${problem === undefined ? '' : `; ${problem}`}`);
}

function describeAgent({ connectedAt_ms, cutOff, manager, problem }: AgentReport, now_ms: number): string {
  const why = problem === undefined ? '' : `: ${problem}`;
  if (manager === undefined) {
    const what = cutOff
      ? 'cut off from every manager for so long that it has wiped all secrets'
      : 'connected to no manager, and keeps what it has';
    return printable(`${what}${why}`);
  }
  const since =
    connectedAt_ms === undefined
      ? ''
      : ` for ${humanDuration(Math.max(0, now_ms - connectedAt_ms)).toLowerCase()}`;
  return printable(`connected to ${manager}${since}${why}`);
}

function describeVolumes({ mounted, secrets, volumes }: AgentReport): string {
  return `${volumes}, ${mounted} of them mounted; ${counted(secrets, 'secret')} in memory`;
}

function describeEngine({ address, reachable, problem, version, swarm, manager }: EngineStatus): string {
  if (!reachable) {
    return printable(`${address} is out of reach${problem === undefined ? '' : `: ${problem}`}`);
  }
  const role = manager === true ? ', manager' : '';
  return printable(`${version ?? 'of unknown version'} at ${address}, swarm ${swarm ?? 'unknown'}${role}`);
}

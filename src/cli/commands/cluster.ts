// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import { DAY_MS, formatDuration, HOUR_MS } from '../../common/index.ts';
import type { ClusterDescription } from '../../control/index.ts';
import { usageError } from '../command-error.ts';
import { durationBetween } from '../duration.ts';
import { scheduleFields } from '../schedule-text.ts';
import type { Session } from '../session.ts';
import { humanAge, renderFields } from '../text.ts';
import { addDefaultCommand, addExamples, formatOption } from './options.ts';

interface ClusterOptions {
  readonly format: string;
}

interface UpdateOptions extends ClusterOptions {
  readonly certificateLifetime?: number;
}

const FIELD_WIDTH = 18;

export function addCluster(program: Command, session: Session): void {
  const command = program
    .command('cluster')
    .description('Show the cluster: its managers, their quorum, and what to be warned of.')
    .usage('[OPTIONS] [COMMAND]');
  addDefaultCommand(command, 'show')
    .addOption(formatOption('text'))
    .action((options: ClusterOptions) => showCluster(session, options));
  addExamples(command, session, [
    ['coffer cluster', 'for people'],
    ['coffer cluster --format json', 'for programs'],
    ['coffer cluster update --certificate-lifetime 720h', 'certificates of thirty days'],
  ]);
  addUpdate(command, session);
}

function addUpdate(group: Command, session: Session): void {
  const command = group
    .command('update')
    .description('Change the settings of the cluster.')
    .usage('[OPTIONS]')
    .addOption(
      new Option(
        '--certificate-lifetime <duration>',
        "how long a node's certificate lasts, from its next renewal on: 1h to 3650d",
      ).argParser(durationBetween(HOUR_MS, 3_650 * DAY_MS)),
    )
    .addOption(formatOption('text'))
    .action((options: UpdateOptions) => updateCluster(session, options));
  addExamples(command, session, [
    ['coffer cluster update --certificate-lifetime 720h', 'certificates of thirty days'],
  ]);
}

async function showCluster(session: Session, { format }: ClusterOptions): Promise<void> {
  const cluster = await (await session.cluster()).describe();
  if (format === 'json') {
    session.printJson(cluster);
  } else {
    session.print(describe(cluster, session.io.now_ms()));
  }
  warn(session, cluster);
}

async function updateCluster(session: Session, options: UpdateOptions): Promise<void> {
  const { certificateLifetime, format } = options;
  if (certificateLifetime === undefined) {
    throw usageError('nothing to update is given', `See: ${session.name} cluster update --help`);
  }
  const cluster = await (await session.cluster()).setCertificateLifetime(certificateLifetime);
  if (format === 'json') {
    session.printJson(cluster);
  } else {
    const lifetime = formatDuration(cluster.certificateLifetime_ms);
    session.print(`Certificates last ${lifetime}, each from its next renewal on.`);
  }
  warn(session, cluster);
}

function describe(cluster: ClusterDescription, now_ms: number): string {
  const { leader, reachableVoters } = cluster;
  const reachable = reachableVoters === undefined ? '' : `, ${reachableVoters} reachable`;
  const learners = cluster.managers - cluster.voters;
  return renderFields(
    [
      ['ID:', cluster.id],
      ['Created:', humanAge(cluster.createdAt_ms, now_ms)],
      [
        'Managers:',
        learners > 0 ? `${cluster.managers}, of which ${learners} joining` : `${cluster.managers}`,
      ],
      ['Workers:', String(cluster.workers)],
      ['Quorum:', `${cluster.quorum} of ${cluster.voters} voting managers${reachable}`],
      ['Leader:', leader === undefined ? 'none' : `${leader.hostname} (${leader.id})`],
      ['Certificates:', `last ${formatDuration(cluster.certificateLifetime_ms)}`],
      ...scheduleFields(cluster.schedules, now_ms),
      ['Removed nodes:', String(cluster.revoked)],
    ],
    FIELD_WIDTH,
  );
}

function warn(session: Session, { warnings }: ClusterDescription): void {
  for (const warning of warnings) {
    session.warn(warning);
  }
}

// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DataKeyDescription } from '../../control/index.ts';
import { SCHEDULE_MAX_MS, SCHEDULE_MIN_MS } from '../../membership/index.ts';
import type { ClusterClient } from '../cluster-client.ts';
import { requestError, usageError } from '../command-error.ts';
import { durationBetween } from '../duration.ts';
import { PURGE_LIMITS } from '../purge-progress.ts';
import { ProgressLine } from '../rotation-progress.ts';
import type { Session } from '../session.ts';
import { humanAge, humanDuration, renderFields, renderTable } from '../text.ts';
import { addExamples, formatOption } from './options.ts';
import { purgeAll } from './rm.ts';

interface DataKeyOptions {
  readonly rotate?: boolean;
  readonly all?: boolean;
  readonly schedule?: number;
  readonly detach?: boolean;
  readonly format: string;
}

const FIELD_WIDTH = 11;
const INTERVAL_MS = 500;
/** An hour: the rotation goes on by itself. */
const LOOKS_MAX = 7_200;
/** What stands still for longer is told of. */
const STILL_MS = 60_000;

export function addDataKey(program: Command, session: Session): void {
  const command = program
    .command('data-key')
    .description('Show or rotate the key that seals all that this manager has on its disk.')
    .usage('[OPTIONS]')
    .addOption(
      new Option('--rotate', 'seal everything under a new key, and forget the old one').conflicts('schedule'),
    )
    .addOption(
      new Option(
        '-a, --all',
        'how far the managers are with the last purge; with --rotate: begin one, in which each of them rotates its key and lets go of what its log holds of removed secrets',
      ).conflicts('schedule'),
    )
    .addOption(
      new Option(
        '--schedule <duration>',
        'on all managers: each rotates its key by itself before it is so old, not all at once; off: none does',
      ).argParser(schedule),
    )
    .option('-d, --detach', 'with --rotate: begin, and do not wait for the end')
    .addOption(formatOption('text'))
    .action((options: DataKeyOptions) => dataKey(session, options));
  addExamples(command, session, [
    ['coffer data-key', 'its id and age, whether it is sealed, and how far a rotation is'],
    ['coffer data-key --rotate', 'after it, no file of this manager opens with the old key'],
    ['coffer data-key --rotate --all', 'after it, no file of any manager opens what was removed before'],
    ['coffer data-key --schedule 30d', 'no key becomes older than thirty days'],
  ]);
  command.addHelpText('after', `\n${PURGE_LIMITS}`);
}

async function dataKey(session: Session, options: DataKeyOptions): Promise<void> {
  const { all = false, detach = false, rotate = false } = options;
  if (detach && !rotate) {
    throw usageError('--detach goes with --rotate');
  }
  const cluster = await session.cluster();
  if (options.schedule !== undefined) {
    show(session, options, await cluster.setDataKeySchedule(options.schedule));
  } else if (all && rotate) {
    await purgeAll(session, { detach, json: options.format === 'json' });
  } else if (all) {
    await showPurge(session, cluster, options);
  } else if (rotate) {
    const begun = await cluster.rotateDataKey();
    show(session, options, detach ? begun : await finished(session, cluster, begun));
  } else {
    show(session, options, await cluster.dataKey());
  }
}

async function finished(
  session: Session,
  cluster: ClusterClient,
  begun: DataKeyDescription,
): Promise<DataKeyDescription> {
  const progress = new ProgressLine(session);
  const stay = session.io.whenEnded(() =>
    session.complain('the rotation goes on by itself', `See how far it is: ${session.name} data-key`),
  );
  let description = begun;
  try {
    for (let look = 0; description.rotation !== undefined && look < LOOKS_MAX; look += 1) {
      progress.show(progressText(description));
      await session.io.pause(INTERVAL_MS);
      description = await cluster.dataKey();
    }
  } finally {
    progress.end();
    stay();
  }
  if (description.rotation === undefined && description.problem !== undefined) {
    throw requestError(
      `the data key was not rotated to the end: ${description.problem}`,
      `Both keys are kept, so nothing is lost. Try again: ${session.name} data-key --rotate`,
    );
  }
  return description;
}

function progressText({ rotation, still_ms = 0 }: DataKeyDescription): string {
  const resealed = rotation?.resealed ?? 0;
  const still = still_ms < STILL_MS ? '' : `, none for ${humanDuration(still_ms).toLowerCase()}`;
  return `${resealed} ${resealed === 1 ? 'record' : 'records'} sealed anew${still}`;
}

async function showPurge(
  session: Session,
  cluster: ClusterClient,
  { format }: DataKeyOptions,
): Promise<void> {
  const description = await cluster.purgeProgress();
  if (format === 'json') {
    session.printJson(description);
    return;
  }
  const { askedAt_ms, managers, version } = description;
  if (version === 0 || askedAt_ms === undefined) {
    session.print('No purge was asked for yet.');
    return;
  }
  session.print(`The last purge was asked for ${humanAge(askedAt_ms, session.io.now_ms()).toLowerCase()}.`);
  session.print(
    renderTable(
      ['HOSTNAME', 'STATUS', 'PURGED'],
      managers.map(({ done, hostname, status }) => [hostname, status, done ? 'yes' : 'not yet']),
    ),
  );
}

function show(session: Session, { format }: DataKeyOptions, description: DataKeyDescription): void {
  if (format === 'json') {
    session.printJson(description);
    return;
  }
  const { id, madeAt_ms, nextAt_ms, problem, rotation, sealed } = description;
  const now_ms = session.io.now_ms();
  session.print(
    renderFields(
      [
        ['ID:', id],
        ['Sealed:', sealed ? 'by the unlock key' : 'no, it lies beside the data'],
        ...(madeAt_ms === undefined ? [] : [['Made:', humanAge(madeAt_ms, now_ms)] as const]),
        ...(nextAt_ms === undefined ? [] : [['Next:', nextText(nextAt_ms, now_ms)] as const]),
        ...(rotation === undefined ? [] : [['Rotation:', progressText(description)] as const]),
        ...(problem === undefined ? [] : [['Problem:', problem] as const]),
      ],
      FIELD_WIDTH,
    ),
  );
}

/** When a rotation is due, as people say it. */
export function nextText(nextAt_ms: number, now_ms: number): string {
  return nextAt_ms <= now_ms
    ? 'it is rotated now'
    : `it is rotated in ${humanDuration(nextAt_ms - now_ms).toLowerCase()}`;
}

function schedule(text: string): number {
  return text === 'off' ? 0 : scheduled(text);
}

const duration = durationBetween(SCHEDULE_MIN_MS, SCHEDULE_MAX_MS);

function scheduled(text: string): number {
  try {
    return duration(text);
  } catch (thrown) {
    const { message } = thrown instanceof Error ? thrown : new Error('');
    throw new InvalidArgumentError(`${message.replace(/\.$/, '')}, or off.`);
  }
}

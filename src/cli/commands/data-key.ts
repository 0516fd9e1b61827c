// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import type { DataKeyDescription } from '../../control/index.ts';
import type { ClusterClient } from '../cluster-client.ts';
import { requestError, usageError } from '../command-error.ts';
import { ProgressLine } from '../rotation-progress.ts';
import type { Session } from '../session.ts';
import { renderFields } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

interface DataKeyOptions {
  readonly rotate?: boolean;
  readonly detach?: boolean;
  readonly format: string;
}

const FIELD_WIDTH = 11;
const INTERVAL_MS = 500;
/** An hour: the rotation goes on by itself. */
const LOOKS_MAX = 7_200;

export function addDataKey(program: Command, session: Session): void {
  const command = program
    .command('data-key')
    .description('Show or rotate the key that seals all that this manager has on its disk.')
    .usage('[OPTIONS]')
    .addOption(new Option('--rotate', 'seal everything under a new key, and forget the old one'))
    .option('-d, --detach', 'with --rotate: begin, and do not wait for the end')
    .addOption(formatOption('text'))
    .action((options: DataKeyOptions) => dataKey(session, options));
  addExamples(command, session, [
    ['coffer data-key', 'its id, whether it is sealed, and how far a rotation is'],
    ['coffer data-key --rotate', 'after it, no file of this manager opens with the old key'],
  ]);
}

async function dataKey(session: Session, options: DataKeyOptions): Promise<void> {
  const { detach = false, rotate = false } = options;
  if (detach && !rotate) {
    throw usageError('--detach goes with --rotate');
  }
  const cluster = await session.cluster();
  if (!rotate) {
    show(session, options, await cluster.dataKey());
    return;
  }
  const begun = await cluster.rotateDataKey();
  show(session, options, detach ? begun : await finished(session, cluster, begun));
}

async function finished(
  session: Session,
  cluster: ClusterClient,
  begun: DataKeyDescription,
): Promise<DataKeyDescription> {
  const progress = new ProgressLine(session);
  let description = begun;
  try {
    for (let look = 0; description.rotation !== undefined && look < LOOKS_MAX; look += 1) {
      progress.show(progressText(description.rotation));
      await session.io.pause(INTERVAL_MS);
      description = await cluster.dataKey();
    }
  } finally {
    progress.end();
  }
  if (description.rotation === undefined && description.problem !== undefined) {
    throw requestError(
      `the data key was not rotated to the end: ${description.problem}`,
      `Both keys are kept, so nothing is lost. Try again: ${session.name} data-key --rotate`,
    );
  }
  return description;
}

function progressText({ resealed }: NonNullable<DataKeyDescription['rotation']>): string {
  return `${resealed} ${resealed === 1 ? 'record' : 'records'} sealed anew`;
}

function show(session: Session, { format }: DataKeyOptions, description: DataKeyDescription): void {
  if (format === 'json') {
    session.printJson(description);
    return;
  }
  const { id, problem, rotation, sealed } = description;
  session.print(
    renderFields(
      [
        ['ID:', id],
        ['Sealed:', sealed ? 'by the unlock key' : 'no, it lies beside the data'],
        ...(rotation === undefined ? [] : [['Rotation:', progressText(rotation)] as const]),
        ...(problem === undefined ? [] : [['Problem:', problem] as const]),
      ],
      FIELD_WIDTH,
    ),
  );
}

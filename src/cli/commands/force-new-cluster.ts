// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError, Option } from 'commander';
import type {
  ForcePhase,
  ForceProgress,
  LastEntry,
  RemovedManager,
  SurvivorDescription,
  SurvivorsReply,
  ToldSurvivor,
} from '../../control/index.ts';
import { EXIT, requestError } from '../command-error.ts';
import { confirm } from '../confirm.ts';
import { ForceClient } from '../force-client.ts';
import { patientLook } from '../patient-look.ts';
import { ProgressLine } from '../rotation-progress.ts';
import type { Session } from '../session.ts';
import { printable, renderTable } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

interface ForceOptions {
  readonly othersAreGone?: boolean;
  readonly survivor?: readonly ToldSurvivor[];
  readonly yes?: boolean;
  readonly format: string;
}

const INTERVAL_MS = 500;
/** Ten minutes: a large store is verified while it is opened. */
const LOOKS_MAX = 1_200;

const STATE_TEXTS = {
  answers: 'answers',
  told: 'as told',
  unready: 'runs, does not serve',
  silent: 'no answer',
} as const satisfies Record<SurvivorDescription['state'], string>;

const PHASE_TEXTS = {
  idle: '',
  reopening: 'opening the store as that of the only manager',
  removing: 'removing the others',
  done: 'done',
  failed: '',
} as const satisfies Record<ForcePhase, string>;

export function addForceNewCluster(program: Command, session: Session): void {
  const command = program
    .command('force-new-cluster')
    .description(
      'Go on with this manager alone when most of the others are lost for good. Only shows what would happen, unless --others-are-gone.',
    )
    .usage('[OPTIONS]')
    .option('--others-are-gone', 'do it: those that do not answer will never come back')
    .addOption(
      new Option(
        '--survivor <name=term.index>',
        'the last entry of a manager that cannot be asked from here, as docker coffer status shows it there; can be repeated',
      ).argParser(collectSurvivor),
    )
    .option('-y, --yes', 'do not ask before it is done')
    .addOption(formatOption('text'))
    .action((options: ForceOptions) => forceNewCluster(session, options));
  addExamples(command, session, [
    ['coffer force-new-cluster', 'who answers, how far each log is, and whether it can be done here'],
    ['coffer force-new-cluster --survivor b=3.4711', 'b survives too, and cannot be asked from here'],
    ['coffer force-new-cluster --others-are-gone', 'goes on alone'],
  ]);
}

function collectSurvivor(text: string, before: readonly ToldSurvivor[] | undefined): readonly ToldSurvivor[] {
  const [node, term, index] = /^(.+)=([1-9]\d{0,14})\.([1-9]\d{0,14})$/.exec(text)?.slice(1) ?? [];
  if (node === undefined) {
    throw new InvalidArgumentError('It is NAME=TERM.INDEX, as in b=3.4711.');
  }
  return [...(before ?? []), { node, lastEntry: { term: Number(term), index: Number(index) } }];
}

async function forceNewCluster(session: Session, options: ForceOptions): Promise<void> {
  const { othersAreGone = false, survivor: told = [] } = options;
  const client = new ForceClient(await session.client());
  const survey = await client.survivors(told);
  if (survey.alone) {
    showAlone(session, options, survey);
    return;
  }
  if (!othersAreGone) {
    showSurvey(session, options, survey);
    return;
  }
  if (survey.refusal !== undefined) {
    throw requestError(survey.refusal.message, survey.refusal.hint);
  }
  if (options.yes !== true) {
    const others = survey.managers.filter(({ self }) => !self).map(nameOf);
    await confirm(
      session,
      `${others.join(', ')}: removed for good, with all that is not in the log of this manager.`,
    );
  }
  showEnd(session, options, await finished(session, client, await client.begin(told)));
}

/** Follows it to its end, also over a start of the daemon in between. */
async function finished(session: Session, client: ForceClient, begun: ForceProgress): Promise<ForceProgress> {
  const line = new ProgressLine(session);
  const stay = session.io.whenEnded(() =>
    session.complain('it goes on by itself', `See how it is: ${session.name} node ls`),
  );
  const lookAgain = patientLook(session, INTERVAL_MS, () => client.progress());
  let progress = begun;
  try {
    for (let look = 0; isUnderWay(progress) && look < LOOKS_MAX; look += 1) {
      line.show(PHASE_TEXTS[progress.phase]);
      progress = await lookAgain(progress);
    }
  } finally {
    line.end();
    stay();
  }
  if (progress.phase === 'done') {
    return progress;
  }
  if (progress.problem !== undefined) {
    throw requestError(progress.problem.message, progress.problem.hint);
  }
  throw requestError(
    isUnderWay(progress)
      ? 'it is still under way'
      : 'the daemon was started again in the middle, which does no harm',
    `See how it is: ${session.name} node ls. Then type the same command again.`,
  );
}

function isUnderWay({ phase }: ForceProgress): boolean {
  return phase === 'reopening' || phase === 'removing';
}

function showSurvey(session: Session, { format }: ForceOptions, survey: SurvivorsReply): void {
  const { managers, refusal } = survey;
  if (format === 'json') {
    session.printJson(survey);
  } else {
    session.print(
      renderTable(
        ['HOSTNAME', 'ADDRESS', 'STATUS', 'LAST ENTRY'],
        managers.map((manager) => [
          manager.self ? `${manager.hostname} *` : manager.hostname,
          manager.address,
          `${STATE_TEXTS[manager.state]}${manager.voter ? '' : ', does not vote'}`,
          manager.lastEntry === undefined ? '' : entryText(manager.lastEntry),
        ]),
      ),
    );
  }
  if (refusal !== undefined) {
    session.complain(refusal.message, refusal.hint);
    session.endWith(EXIT.failed);
  } else if (format !== 'json') {
    const others = managers.filter(({ self }) => !self).map(({ hostname }) => hostname);
    session.print(
      printable(
        `Nothing was changed. This manager could go on alone, with all up to entry ${entryText(survey.lastEntry)}, without ${others.join(', ')}.`,
      ),
    );
    session.print(`If they are gone for good: ${session.name} force-new-cluster --others-are-gone`);
  }
}

function showAlone(session: Session, { format }: ForceOptions, survey: SurvivorsReply): void {
  if (format === 'json') {
    session.printJson(survey);
  } else {
    session.print('This manager is the only one that votes already. Nothing was changed.');
  }
}

function showEnd(session: Session, { format }: ForceOptions, progress: ForceProgress): void {
  if (format === 'json') {
    session.printJson(progress);
    return;
  }
  const { lastEntry, removed } = progress;
  const upTo = lastEntry === undefined ? '' : `, with all up to entry ${entryText(lastEntry)}`;
  session.print(`This manager is the only one of the cluster now${upTo}.`);
  session.print(printable(`Removed: ${removed.map(nameOf).join(', ')}`));
  session.print(
    'Should one of them come back, it is refused: move its state directory away, and let it join anew.',
  );
  session.print(`To have three managers again: ${session.name} join-token manager`);
}

function nameOf({ address, hostname }: RemovedManager): string {
  return address === '' ? hostname : `${hostname} (${address})`;
}

function entryText({ index, term }: LastEntry): string {
  return `${term}.${index}`;
}

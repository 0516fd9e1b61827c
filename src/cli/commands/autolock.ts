// SPDX-License-Identifier: Apache-2.0
import { Argument, type Command } from 'commander';
import type { AutolockDescription } from '../../control/index.ts';
import type { Session } from '../session.ts';
import { printable, renderFields } from '../text.ts';
import { addExamples, formatOption, warnIfStale } from './options.ts';
import { unlockInstructions } from './unlock-key.ts';

interface AutolockOptions {
  readonly format: string;
}

const STATES = ['on', 'off'] as const;
const FIELD_WIDTH = 18;

export function addAutolock(program: Command, session: Session): void {
  const command = program
    .command('autolock')
    .description(
      "Show autolock, or turn it on or off: the managers' keys are sealed, and each start needs the unlock key.",
    )
    .usage('[OPTIONS] [on | off]')
    .addArgument(new Argument('[state]', 'what it is to be').choices(STATES))
    .addOption(formatOption('text'))
    .action((state: (typeof STATES)[number] | undefined, options: AutolockOptions) =>
      autolock(session, state, options),
    );
  addExamples(command, session, [
    ['coffer autolock', 'whether it is on, and whether the keys of this manager are sealed'],
    ['coffer autolock on', 'on all managers; prints the unlock key, which is to be kept elsewhere'],
    ['coffer unlock', 'on a manager that has started again'],
  ]);
}

async function autolock(
  session: Session,
  state: (typeof STATES)[number] | undefined,
  { format }: AutolockOptions,
): Promise<void> {
  const cluster = await session.cluster();
  const description =
    state === undefined ? await cluster.autolock() : await cluster.setAutolock(state === 'on');
  const shown = state === 'on' ? await cluster.unlockKey({}) : undefined;
  if (format === 'json') {
    session.printJson({ ...description, ...shown });
  } else if (state === undefined) {
    session.print(describe(description));
    warnIfStale(session, description.freshness);
  } else if (state === 'on') {
    const key = printable(shown?.unlockKey ?? '');
    session.print(
      ['Autolock is on: the keys of the managers are sealed.', '', unlockInstructions(session, key)].join(
        '\n',
      ),
    );
  } else {
    session.print('Autolock is off: managers start by themselves, and their data keys lie beside the data.');
  }
}

function describe({ enabled, sealedHere }: AutolockDescription): string {
  const here = sealedHere ? 'sealed by the unlock key' : 'in the clear beside the data';
  return renderFields(
    [
      ['Autolock:', enabled ? 'on' : 'off'],
      ['Keys here:', here],
    ],
    FIELD_WIDTH,
  );
}

// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import type { SealingKeyDescription } from '../../control/index.ts';
import { confirm } from '../confirm.ts';
import { SealingClient } from '../sealing-client.ts';
import type { Session } from '../session.ts';
import { counted, humanAge, renderFields } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

interface SealingKeyOptions {
  readonly rotate?: boolean;
  readonly forget?: string;
  readonly certificate?: boolean;
  readonly yes?: boolean;
  readonly format: string;
}

const FIELD_WIDTH = 10;

export function addSealingKey(program: Command, session: Session): void {
  const command = program
    .command('sealing-key')
    .description(
      'Show or rotate the key of the cluster to which values are sealed for stack files. The first one is made when it is asked for.',
    )
    .usage('[OPTIONS]')
    .addOption(
      new Option('--certificate', 'print what seals values to it: no secret, and good without a daemon'),
    )
    .addOption(
      new Option(
        '--rotate',
        'make a new key; the one before goes on opening what was sealed to it',
      ).conflicts('certificate'),
    )
    .addOption(
      new Option(
        '--forget <id>',
        'let go of an older key: what is still sealed to it opens no more, but in a cluster restored from a backup',
      ).conflicts(['certificate', 'rotate']),
    )
    .option('-y, --yes', 'do not ask before a key is forgotten')
    .addOption(formatOption('text'))
    .action((options: SealingKeyOptions) => sealingKey(session, options));
  addExamples(command, session, [
    ['coffer sealing-key', 'its id, its digest, and which older ones there are'],
    ['coffer sealing-key --certificate > sealing.pem', 'for everybody who seals values; it may be published'],
    ['coffer sealing-key --rotate', 'and then: coffer reseal stack.yml'],
  ]);
}

async function sealingKey(session: Session, options: SealingKeyOptions): Promise<void> {
  const { certificate, forget, rotate } = options;
  if (forget !== undefined && options.yes !== true) {
    await confirm(session, `What is still sealed to key ${forget} will not open any more.`);
  }
  const client = new SealingClient(await session.client());
  const key = await answer(client, forget, rotate === true);
  // JSON has it anyway.
  if (certificate === true && options.format !== 'json') {
    session.print(key.certificate.trimEnd());
  } else {
    show(session, options, key);
  }
}

function answer(
  client: SealingClient,
  forget: string | undefined,
  rotate: boolean,
): Promise<SealingKeyDescription> {
  if (forget !== undefined) {
    return client.forget(forget);
  }
  return rotate ? client.rotate() : client.key();
}

function show(session: Session, { format }: SealingKeyOptions, key: SealingKeyDescription): void {
  if (format === 'json') {
    session.printJson(key);
    return;
  }
  const now_ms = session.io.now_ms();
  const older = key.older.map(
    ({ id, madeAt_ms }) => ['', `${id}, made ${humanAge(madeAt_ms, now_ms).toLowerCase()}`] as const,
  );
  const count = key.older.length === 0 ? 'none' : `${counted(key.older.length, 'key')}, kept for opening`;
  session.print(
    renderFields(
      [
        ['ID:', key.id],
        ['Digest:', `sha256:${key.digest}`],
        ['Made:', humanAge(key.madeAt_ms, now_ms)],
        ['Older:', count],
        ...older,
      ],
      FIELD_WIDTH,
    ),
  );
}

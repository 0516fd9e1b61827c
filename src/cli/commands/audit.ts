// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError } from 'commander';
import { DAY_MS } from '../../common/index.ts';
import type { ShownRecord } from '../audit-replies.ts';
import { durationBetween } from '../duration.ts';
import type { Session } from '../session.ts';
import { renderTable } from '../text.ts';
import { addAuditVerify } from './audit-verify.ts';
import { addDefaultCommand, addExamples, formatOption } from './options.ts';

interface AuditOptions {
  readonly since?: number;
  readonly secret?: string;
  readonly event?: string;
  readonly tail: number;
  readonly format: string;
}

const TAIL_MAX = 100_000;

export function addAudit(program: Command, session: Session): void {
  const group = program
    .command('audit')
    .description('Show what was delivered, refused and changed at this manager, and verify that log.')
    .usage('[OPTIONS] | COMMAND');
  addDefaultCommand(group, 'show')
    .option(
      '--since <duration>',
      'only what is not older, such as 1h or 7d',
      durationBetween(1, 3_650 * DAY_MS),
    )
    .option('--secret <name>', 'only what is about this secret')
    .option('--event <event>', 'only these: deliver, refuse, put, remove, grant, join and so on')
    .option('--tail <number>', 'the last so many', tailOf, 100)
    .addOption(formatOption('table'))
    .action((options: AuditOptions) => show(session, options));
  addAuditVerify(group, session);
  addExamples(group, session, [
    ['coffer audit --secret db_password', 'who was given it, and who has changed it'],
    ['coffer audit --event refuse --since 1h', 'what was refused in the last hour'],
    ['coffer audit verify', 'whether a line was changed or is missing'],
  ]);
}

async function show(session: Session, options: AuditOptions): Promise<void> {
  const { event, format, secret, since, tail } = options;
  const client = await session.client();
  const since_ms = since === undefined ? undefined : session.io.now_ms() - since;
  const records = await client.audit({ event, secret, since_ms, tail });
  if (format === 'json') {
    // As they stand in the log, for programs that read that too.
    records.forEach((record) => session.print(JSON.stringify(record)));
    return;
  }
  session.print(
    renderTable(
      ['TIME', 'EVENT', 'SECRET', 'SERVICE', 'TASK OR NODE', 'BY', 'OUTCOME'],
      records.map((record) => [
        record.at,
        record.event,
        secretOf(record),
        record.service ?? '',
        record.task ?? record.to ?? volumeOf(record),
        record.by ?? '',
        record.code ?? record.detail ?? 'done',
      ]),
    ),
  );
}

function secretOf({ secret, version }: ShownRecord): string {
  return version === undefined ? (secret ?? '') : `${secret ?? ''}:${version}`;
}

function volumeOf({ volume }: ShownRecord): string {
  return volume === undefined ? '' : `volume ${volume}`;
}

function tailOf(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text) || Number(text) > TAIL_MAX) {
    throw new InvalidArgumentError(`It is a number from 1 to ${TAIL_MAX}.`);
  }
  return Number(text);
}

// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { humanAge, humanSize, renderTable } from '../text.ts';
import { type KnownVersion, nextRotationText, versionHistory } from '../../wording/index.ts';
import { addExamples, formatOption, warnIfStale } from './options.ts';

interface HistoryOptions {
  readonly quiet?: boolean;
  readonly format: string;
}

export function addHistory(program: Command, session: Session): void {
  const command = program
    .command('history')
    .description('List the versions of a secret, newest first, never their values.')
    .usage('[OPTIONS] NAME')
    .argument('<name>', 'a name, an id, or what only one id begins with')
    .option('-q, --quiet', 'numbers alone')
    .addOption(formatOption('table'))
    .action((name: string, options: HistoryOptions) => history(session, name, options));
  addExamples(command, session, [
    ['coffer history db_password', 'all versions that are kept, and those that were destroyed'],
    ['coffer history db_password --format json', 'one JSON object on each line'],
  ]);
}

async function history(session: Session, name: string, { format, quiet }: HistoryOptions): Promise<void> {
  const client = await session.client();
  const { secret, freshness } = await client.secret(name);
  warnIfStale(session, freshness);
  const versions = versionHistory(secret);
  if (quiet === true) {
    versions.forEach(({ version }) => session.print(String(version)));
  } else if (format === 'json') {
    versions.forEach((version) => session.printJson(version));
  } else {
    const { nextRotationAt_ms: nextAt_ms } = secret;
    const now_ms = session.io.now_ms();
    session.print(table(versions, now_ms));
    if (nextAt_ms !== undefined) {
      session.print(`Next rotation: ${nextRotationText(nextAt_ms, now_ms)}`);
    }
  }
}

function table(versions: readonly KnownVersion[], now_ms: number): string {
  return renderTable(
    ['VERSION', 'CREATED', 'SIZE', 'STATUS'],
    versions.map(({ createdAt_ms, destroyedAt_ms, size, status, version }) => [
      String(version),
      humanAge(createdAt_ms, now_ms),
      humanSize(size),
      destroyedAt_ms === undefined ? status : `${status} ${humanAge(destroyedAt_ms, now_ms).toLowerCase()}`,
    ]),
  );
}

// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError, Option } from 'commander';
import { KEEP_LABEL, VERSIONS_KEPT } from '../../secrets/index.ts';
import { confirm } from '../confirm.ts';
import type { Session } from '../session.ts';
import { addExamples, formatOption } from './options.ts';

interface PruneOptions {
  readonly keep: number;
  readonly force?: boolean;
  readonly format: string;
}

export function addPrune(program: Command, session: Session): void {
  const command = program
    .command('prune')
    .description('Remove all but the newest versions of secrets, once.')
    .usage('[OPTIONS] NAME... --keep N')
    .argument('<name...>', 'names or whole ids')
    .addOption(
      new Option(
        '--keep <count>',
        `how many versions stay, the current one among them: 1 to ${VERSIONS_KEPT}`,
      )
        .argParser(keptVersions)
        .makeOptionMandatory(),
    )
    .option('-f, --force', 'do not ask')
    .addOption(formatOption('text'))
    .action((names: readonly string[], options: PruneOptions) => prune(session, names, options));
  addExamples(command, session, [
    ['coffer prune db_password --keep 1', 'the current version alone stays'],
    ['coffer prune --force $(coffer ls -q) --keep 3', 'three of each secret'],
    [`coffer put db_password new.txt --label ${KEEP_LABEL}=3`, 'from now on by itself'],
  ]);
}

/** One after the other, also after an error. */
async function prune(
  session: Session,
  names: readonly string[],
  { force = false, format, keep }: PruneOptions,
): Promise<void> {
  const client = await session.client();
  if (!force) {
    await confirm(session, `All but the newest ${keep} of ${names.join(', ')} will be gone for good.`);
  }
  for (const name of names) {
    try {
      const { pruned, secret } = await client.prune(name, keep);
      if (format === 'json') {
        session.printJson({ name: secret.name, pruned, kept: secret.versions.length });
      } else {
        session.print(`${secret.name}: ${told(pruned)}`);
      }
    } catch (thrown) {
      session.fail(thrown);
    }
  }
}

function told(pruned: readonly number[]): string {
  if (pruned.length === 0) {
    return 'nothing to remove';
  }
  return `${pruned.length === 1 ? 'version' : 'versions'} ${pruned.join(', ')} removed`;
}

function keptVersions(text: string): number {
  const keep = /^[1-9]\d?$/.test(text) ? Number(text) : 0;
  if (keep < 1 || keep > VERSIONS_KEPT) {
    throw new InvalidArgumentError(`It is 1 to ${VERSIONS_KEPT}.`);
  }
  return keep;
}

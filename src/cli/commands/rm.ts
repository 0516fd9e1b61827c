// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import { usageError } from '../command-error.ts';
import { endAsPurged, followPurge, PURGE_LIMITS, tellPurge } from '../purge-progress.ts';
import type { Session } from '../session.ts';
import { addExamples, formatOption } from './options.ts';

interface RmOptions {
  readonly force?: boolean;
  readonly purge?: boolean;
  readonly detach?: boolean;
  readonly format: string;
}

export function addRm(program: Command, session: Session): void {
  const command = program
    .command('rm')
    .alias('remove')
    .description('Remove secrets with all their versions. One that is in use is kept.')
    .usage('[OPTIONS] NAME...')
    .argument('<name...>', 'names or whole ids')
    .option('-f, --force', 'also if services or secrets of the engine use it, or the engine cannot be asked')
    .addOption(
      new Option(
        '--purge',
        'then have every manager rotate its data key and let go of its old log, so that no file of coffer opens the values any more; waits for all managers that are up',
      ),
    )
    .option('-d, --detach', 'with --purge: begin it, and do not wait for its end')
    .addOption(formatOption('text'))
    .action((names: string[], options: RmOptions) => rm(session, names, options));
  addExamples(command, session, [
    ['coffer rm old_password', 'one secret'],
    ['coffer rm --purge leaked_key', 'and every trace of it in the files of coffer'],
    ['coffer rm $(coffer ls -q --filter label=env=test)', 'all that have a label'],
  ]);
  command.addHelpText(
    'after',
    `\n${PURGE_LIMITS}\nA manager that is down purges its disk at its next start; it is named, and the command ends with 2.\nFor what was removed before: ${session.name} data-key --rotate --all`,
  );
}

async function rm(session: Session, names: readonly string[], options: RmOptions): Promise<void> {
  const { detach = false, force = false, purge = false } = options;
  if (detach && !purge) {
    throw usageError('--detach goes with --purge');
  }
  const client = await session.client();
  let removed = 0;
  for (const name of names) {
    try {
      const { grants = [], secret } = await client.remove(name, force);
      removed += 1;
      if (options.format === 'json') {
        session.printJson({ name: secret.name, id: secret.id });
      } else {
        session.print(secret.name);
      }
      warnOfGrants(session, secret.name, grants);
    } catch (thrown) {
      session.fail(thrown);
    }
  }
  if (purge && removed > 0) {
    await purgeAll(session, { detach, json: options.format === 'json' });
  }
}

/** Whoever stores another secret of that name gives it to all that are granted it. */
function warnOfGrants(session: Session, name: string, grants: readonly string[]): void {
  if (grants.length > 0) {
    const stay = grants.length === 1 ? 'grant stays' : 'grants stay';
    session.warn(
      `${grants.length} ${stay} for the next secret ${name}; to revoke: ${session.name} revoke ${grants.join(' ')}`,
    );
  }
}

/** Has all managers let go of what was removed. */
export async function purgeAll(
  session: Session,
  { detach, json }: { readonly detach: boolean; readonly json: boolean },
): Promise<void> {
  const cluster = await session.cluster();
  const begun = await cluster.purge().catch((thrown: unknown) => {
    session.complain(
      'what was removed is not purged yet',
      `When that is mended: ${session.name} data-key --rotate --all`,
    );
    throw thrown;
  });
  const description = detach ? begun : await followPurge(session, cluster, begun);
  if (json) {
    session.printJson(description);
  } else if (detach) {
    session.print(`All managers purge their disks. See how far they are: ${session.name} data-key --all`);
  } else {
    tellPurge(session, description);
  }
  if (!detach) {
    endAsPurged(session, description);
  }
}

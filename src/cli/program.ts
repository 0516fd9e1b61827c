// SPDX-License-Identifier: Apache-2.0
// The commands put together, and every way in which a command line can end.
import { Command, CommanderError, Option } from 'commander';
import { EXIT, type ExitCode } from './command-error.ts';
import { addAudit } from './commands/audit.ts';
import { addAutolock } from './commands/autolock.ts';
import { addBackup } from './commands/backup.ts';
import { addBackupGet } from './commands/backup-get.ts';
import { addBackupKey } from './commands/backup-key.ts';
import { addBackupLs } from './commands/backup-ls.ts';
import { addCa } from './commands/ca.ts';
import { addCert } from './commands/cert.ts';
import { addCertCa } from './commands/cert-ca.ts';
import { addCluster } from './commands/cluster.ts';
import { addCompletion } from './commands/completion.ts';
import { addContext } from './commands/context.ts';
import { addDataKey } from './commands/data-key.ts';
import { addDestroy } from './commands/destroy.ts';
import { addDoctor } from './commands/doctor.ts';
import { addForceNewCluster } from './commands/force-new-cluster.ts';
import { addDrill } from './commands/drill.ts';
import { addGet } from './commands/get.ts';
import { addGrant } from './commands/grant.ts';
import { addGrantLs } from './commands/grant-ls.ts';
import { addHistory } from './commands/history.ts';
import { addImport } from './commands/import.ts';
import { addInspect } from './commands/inspect.ts';
import { addJoinToken } from './commands/join-token.ts';
import { addLs } from './commands/ls.ts';
import { addMetrics } from './commands/metrics.ts';
import { addNode } from './commands/node.ts';
import { addPolicy } from './commands/policy.ts';
import { addPrune } from './commands/prune.ts';
import { addPs } from './commands/ps.ts';
import { addPut } from './commands/put.ts';
import { addRebuild } from './commands/rebuild.ts';
import { addReseal } from './commands/reseal.ts';
import { addRestore } from './commands/restore.ts';
import { addRevoke } from './commands/revoke.ts';
import { addRm } from './commands/rm.ts';
import { addRollback } from './commands/rollback.ts';
import { addRotate } from './commands/rotate.ts';
import { addRun } from './commands/run.ts';
import { addSeal } from './commands/seal.ts';
import { addSealingKey } from './commands/sealing-key.ts';
import { addStatus } from './commands/status.ts';
import { addUi } from './commands/ui.ts';
import { addUnlock } from './commands/unlock.ts';
import { addUnlockKey } from './commands/unlock-key.ts';
import { addVersion } from './commands/version.ts';
import { addWhy } from './commands/why.ts';
import { completionReply } from './complete.ts';
import { DOCKER_SWITCHES, DOCKER_VALUE_FLAGS, type DockerFlags } from './docker-flags.ts';
import { type Io, VERSION } from './io.ts';
import { withSecretVersion } from './secret-version.ts';
import { Session } from './session.ts';
import { pathOf, readWords } from './typed-words.ts';

const COMPLETE_COMMANDS: readonly string[] = ['__complete', '__completeNoDesc'];

/** Reads `words`, runs the command that they name, and resolves with its exit code. */
export async function runProgram(words: readonly string[], io: Io, flags: DockerFlags): Promise<number> {
  const session = new Session(io, flags);
  const program = buildProgram(session);
  const [first, ...rest] = words;
  if (first !== undefined && COMPLETE_COMMANDS.includes(first)) {
    io.stdout.write(await completionReply(program, session, rest));
    return EXIT.done;
  }
  try {
    await program.parseAsync(first === undefined ? ['--help'] : [...withSecretVersion(words)], {
      from: 'user',
    });
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      return endOfParsing(session, thrown, readWords(program, words).command);
    }
    session.fail(thrown);
  }
  return session.exitCode;
}

/** All commands, none of which has been run. */
export function buildProgram(session: Session): Command {
  const program = new Command(session.name)
    .description('Secrets for Docker, in an encrypted store of their own.')
    .usage('COMMAND')
    .option(
      '--socket <path>',
      'the control socket of the daemon; also COFFER_SOCKET (default: it is looked for)',
    )
    .version(`coffer ${VERSION}`, '-v, --version', 'print the version and exit')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showSuggestionAfterError(true)
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => session.io.stdout.write(text),
      writeErr: (text) => session.io.stderr.write(text),
      // Said by endOfParsing, in coffer's own form.
      outputError: () => undefined,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .hook('preAction', (root) => {
      const { socket, ...flags } = root.opts<{ socket?: string } & DockerFlags>();
      session.socketOption = socket;
      session.dockerFlags = { ...session.dockerFlags, ...flags };
    });
  if (session.io.asDockerPlugin) {
    addDockerFlags(program);
  }
  const secretCommands = [
    addPut,
    addLs,
    addInspect,
    addGet,
    addHistory,
    addRollback,
    addRotate,
    addDestroy,
    addPrune,
    addPs,
    addRm,
    addCert,
    addCertCa,
    addImport,
    addRun,
  ];
  const sealingCommands = [addSeal, addReseal, addSealingKey];
  const grantCommands = [addGrant, addGrantLs, addRevoke, addPolicy];
  const backupCommands = [addBackup, addRestore, addBackupLs, addBackupGet, addBackupKey, addDrill];
  const clusterCommands = [addCluster, addNode, addJoinToken, addCa, addForceNewCluster];
  const keyCommands = [addAutolock, addUnlock, addUnlockKey, addDataKey];
  const daemonCommands = [addStatus, addContext, addDoctor, addWhy, addAudit, addMetrics, addUi, addRebuild];
  for (const add of [
    ...secretCommands,
    ...sealingCommands,
    ...grantCommands,
    ...backupCommands,
    ...clusterCommands,
    ...keyCommands,
    ...daemonCommands,
  ]) {
    add(program, session);
  }
  addCompletion(program, session);
  addVersion(program, session);
  program.addHelpText(
    'after',
    `\nExit codes: 0 done, 1 the command cannot be carried out as typed, 2 the request failed.\nHelp for one command: ${session.name} COMMAND --help`,
  );
  return program;
}

/** Docker's global flags may stand anywhere on its command line; here they mean nothing and are no error. */
function addDockerFlags(program: Command): void {
  for (const [long, short] of Object.entries(DOCKER_VALUE_FLAGS)) {
    program.addOption(new Option(`${shortForm(short)}--${long} <value>`).hideHelp());
  }
  for (const [long, short] of Object.entries(DOCKER_SWITCHES)) {
    program.addOption(new Option(`${shortForm(short)}--${long}`).hideHelp());
  }
}

function shortForm(letter: string | undefined): string {
  return letter === undefined ? '' : `-${letter}, `;
}

/** Help and the version end well; anything else that commander throws is a command that it did not understand. */
function endOfParsing(session: Session, error: CommanderError, command: Command | undefined): ExitCode {
  if (error.exitCode === 0) {
    return EXIT.done;
  }
  // A command that only holds others: its help was shown.
  if (error.code === 'commander.help') {
    return EXIT.usage;
  }
  const [sentence = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const path = command === undefined ? '' : pathOf(command);
  const told = sentence
    // What follows the = of a mistaken option may be a value.
    .replace(/(--[\w-]+)=[^']*/, '$1')
    // A group's own command has a name that nobody has typed.
    .replace(/^(too many arguments for) '[\w-]+'/, `$1 '${path}'`)
    .replace(/^command-argument value/, 'the word');
  const words = [session.name, path, '--help'].filter((word) => word !== '');
  session.complain(told, suggestion ?? `See: ${words.join(' ')}`);
  return EXIT.usage;
}

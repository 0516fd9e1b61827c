// SPDX-License-Identifier: Apache-2.0
// The commands put together, and every way in which a command line can end.
import { Command, CommanderError, Option } from 'commander';
import { EXIT, type ExitCode } from './command-error.ts';
import { type AddCommand, loadAllCommands, loadCommands } from './command-table.ts';
import { DOCKER_SWITCHES, DOCKER_VALUE_FLAGS, type DockerFlags } from './docker-flags.ts';
import { type Io, VERSION } from './io.ts';
import { withSecretVersion } from './secret-version.ts';
import { Session } from './session.ts';
import { pathOf, readWords } from './typed-words.ts';

const COMPLETE_COMMANDS: readonly string[] = ['__complete', '__completeNoDesc'];

/** Reads `words`, runs the command that they name, and resolves with its exit code. */
export async function runProgram(words: readonly string[], io: Io, flags: DockerFlags): Promise<number> {
  const session = new Session(io, flags);
  const [first, ...rest] = words;
  if (first !== undefined && COMPLETE_COMMANDS.includes(first)) {
    const { completionReply } = await import('./complete.ts');
    io.stdout.write(await completionReply(buildProgram(session, await loadAllCommands()), session, rest));
    return EXIT.done;
  }
  const program = buildProgram(session, await loadCommands(words));
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

/** The program with these commands, none of which has been run. */
export function buildProgram(session: Session, commands: readonly AddCommand[]): Command {
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
  for (const add of commands) {
    add(program, session);
  }
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

// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError, Option } from 'commander';
import { systemErrorCode, unreachable } from '../../common/index.ts';
import type { AccessEnd, UiServer } from '../../ui/index.ts';
import { usageError } from '../command-error.ts';
import { VERSION } from '../io.ts';
import { hasScreen, openInBrowser, startBrowser } from '../open-browser.ts';
import type { Session } from '../session.ts';
import { explainToPage, uiDaemon } from '../ui-daemon.ts';
import { addExamples } from './options.ts';

interface UiCommandOptions {
  readonly port: number;
  /** False with `--no-open`. */
  readonly open: boolean;
}

/** So long the last page can still be read whole. */
const LAST_PAGE_MS = 2_000;

export function addUi(program: Command, session: Session): void {
  const command = program
    .command('ui')
    .description(
      'Serve a web page on this machine alone: the cluster, secrets and who uses them, rotations, the audit trail. Never a value.',
    )
    .usage('[OPTIONS]')
    .addOption(
      new Option('-p, --port <port>', 'the port on 127.0.0.1')
        .argParser(portOf)
        .default(0, 'any that is free'),
    )
    .option('--no-open', 'print the link, and open no browser')
    .action((options: UiCommandOptions) => serve(session, options));
  addExamples(command, session, [
    ['coffer ui', 'prints a link that signs in once; ends with Ctrl-C, or when you sign out'],
    ['coffer ui --port 7380 --no-open', 'for a tunnel: ssh -L 7380:127.0.0.1:7380 MANAGER'],
  ]);
}

async function serve(session: Session, { open, port }: UiCommandOptions): Promise<void> {
  const { pause, whenEnded } = session.io;
  const server = await listen(session, port);
  session.print(server.link);
  session.io.stderr.write('The link signs in once, within five minutes. Ctrl-C ends this.\n');
  const forget = open ? openIfThereIsAScreen(session, server.link) : () => undefined;
  const stay = whenEnded(forget);
  try {
    const end = await server.over;
    await pause(LAST_PAGE_MS);
    session.io.stderr.write(`${endText(end)}\n`);
  } finally {
    stay();
    forget();
    await server.close();
  }
}

async function listen(session: Session, port: number): Promise<UiServer> {
  const client = await session.client();
  // Whoever is told of no daemon here need not look for that in a browser.
  await client.status();
  const { startUi } = await import('../../ui/index.ts');
  try {
    return await startUi(port, {
      daemon: uiDaemon(client),
      explain: explainToPage,
      now_ms: session.io.now_ms,
      version: VERSION,
      commandName: session.name,
    });
  } catch (thrown) {
    throw cannotListen(thrown, port);
  }
}

/** Returns what removes the file that leads there. */
function openIfThereIsAScreen({ io: { env, stdout } }: Session, link: string): () => void {
  const { platform } = process;
  return stdout.isTTY === true && hasScreen(env, platform)
    ? openInBrowser(link, env, (file) => startBrowser(file, platform))
    : () => undefined;
}

function endText(end: AccessEnd): string {
  switch (end) {
    case 'signed-out':
      return 'You have signed out.';
    case 'expired':
      return 'The session has ended: it lasts eight hours, and half an hour if nobody uses it.';
    case 'unused':
      return 'Nobody has signed in within five minutes.';
    default:
      return unreachable(end);
  }
}

/** What the system's error means, where the user can do something about it. */
function cannotListen(thrown: unknown, port: number): unknown {
  const mend = 'Choose another with --port, or leave it out for any that is free.';
  const code = systemErrorCode(thrown);
  if (code === 'EADDRINUSE') {
    return usageError(`port ${port} of 127.0.0.1 is taken`, mend);
  }
  return code === 'EACCES' ? usageError(`you may not listen on port ${port}`, mend) : thrown;
}

function portOf(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535) {
    throw new InvalidArgumentError('It is a number from 1 to 65535.');
  }
  return Number(text);
}

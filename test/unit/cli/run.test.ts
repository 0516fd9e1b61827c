// SPDX-License-Identifier: Apache-2.0
// A program that is run with secrets: what it finds, how it ends, and what is left of it. Real processes.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { bundleCli } from '../../support/bundled-cli.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { putValue } from '../../support/test-store.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Harness, withControl } from '../control/control-harness.ts';
import { withCli } from './cli-harness.ts';

const LIMIT = { timeout: 60_000 };
/** Bytes that are no text. */
const BINARY = Buffer.from(Array.from({ length: 256 }, (_none, byte) => byte));

let built: TemporaryDirectory;
let program = '';
/** In memory, of the test's own. */
let memory = '';

before(() => {
  built = temporaryDirectory();
  program = bundleCli(built.path);
  memory = mkdtempSync('/dev/shm/coffer-test-');
});
after(() => {
  built.remove();
  rmSync(memory, { recursive: true });
});

interface Running {
  readonly child: ChildProcess;
  /** Resolves with the first line that is printed. */
  readonly begun: () => Promise<string>;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
}

function start({ socketPath }: Harness, words: readonly string[]): Running {
  const env = {
    PATH: process.env['PATH'],
    COFFER_SOCKET: socketPath,
    KEPT: 'yes',
    DOCKER_CLI_PLUGIN_SOCKET: 'docker',
    XDG_RUNTIME_DIR: memory,
  };
  const child = spawn(program, ['run', ...words], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  const told = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    told.stdout += chunk.toString('latin1');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    told.stderr += chunk.toString();
  });
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, ...told }));
  const begun = async (): Promise<string> => {
    await waitFor(() => told.stdout.includes('\n'), { what: 'the program to begin' });
    return told.stdout.split('\n')[0] ?? '';
  };
  return { child, begun, ended };
}

async function withSecrets(work: (harness: Harness) => Promise<void>): Promise<void> {
  await withControl({}, async (harness) => {
    await putValue(harness.store, 'db', Buffer.from('a secret\n'));
    await putValue(harness.store, 'binary', BINARY);
    await work(harness);
  });
}

const left = (): readonly string[] => readdirSync(memory);

test(
  'a program has its secrets as files of its own, byte for byte, and nothing is left of them',
  LIMIT,
  async () => {
    await withSecrets(async (harness) => {
      const script =
        'cd "$COFFER_SECRETS_DIR" && stat -c "%n %a %s" . * && cat binary && echo "$KEPT" && ls -A';
      const words = ['--secret', 'db:password.txt', '--secret', 'binary', '--', 'sh', '-c', script];
      const { code, stderr, stdout } = await start(harness, words).ended;
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      const lines = ['. 700', 'binary 400 256', 'password.txt 400 9'];
      const [directory = '', ...files] = stdout.split('\n').slice(0, 3);
      assert.deepEqual([directory.split(' ').slice(0, 2).join(' '), ...files], lines);
      assert.ok(stdout.includes(BINARY.toString('latin1')));
      assert.ok(stdout.endsWith('yes\nbinary\npassword.txt\n'));
      assert.deepEqual(left(), []);
    });
  },
);

test(
  'a program has secrets as variables, which nobody sees in the words that it was started with',
  LIMIT,
  async () => {
    await withSecrets(async (harness) => {
      const script =
        'printf "%s|" "$PASSWORD" "${COFFER_SECRETS_DIR-none}" "${DOCKER_CLI_PLUGIN_SOCKET-none}"; tr "\\0" " " </proc/$PPID/cmdline';
      const { code, stdout } = await start(harness, ['--env', 'PASSWORD=db', '--', 'sh', '-c', script]).ended;
      assert.equal(code, 0);
      assert.ok(stdout.startsWith('a secret\n|none|none|'), stdout);
      assert.equal(stdout.split('a secret').length, 2, 'it is not among the words');
    });
  },
);

const ENDS: readonly (readonly [script: string, code: number])[] = [
  ['exit 0', 0],
  ['exit 37', 37],
  ['kill -TERM $$', 143],
  ['kill -KILL $$', 137],
];

for (const [script, code] of ENDS) {
  test(`${script}: it ends as the program does, with ${code}`, LIMIT, async () => {
    await withSecrets(async (harness) => {
      const ended = await start(harness, ['--secret', 'db', '--', 'sh', '-c', script]).ended;
      assert.deepEqual([ended.code, ended.stderr], [code, '']);
      assert.deepEqual(left(), []);
    });
  });
}

const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1'];

for (const signal of SIGNALS) {
  test(`${signal} goes on to the program, which says what is done about it`, LIMIT, async () => {
    await withSecrets(async (harness) => {
      const name = signal.slice('SIG'.length);
      const script = `trap 'test -r "$COFFER_SECRETS_DIR/db" && exit 5' ${name}; echo on; while :; do sleep 0.05; done`;
      const { begun, child, ended } = start(harness, ['--secret', 'db', '--', 'sh', '-c', script]);
      assert.equal(await begun(), 'on');
      child.kill(signal);
      assert.equal((await ended).code, 5);
      assert.deepEqual(left(), []);
    });
  });
}

test(
  'what one leaves that is killed is wiped by the next, once its program has ended as well',
  LIMIT,
  async () => {
    await withSecrets(async (harness) => {
      const script = 'echo $$; while test -e "$0"; do sleep 0.05; done';
      const flag = path.join(memory, 'flag');
      const hold = await start(harness, ['--env', 'X=db', '--', 'touch', flag]).ended;
      assert.equal(hold.code, 0);
      const { begun, child, ended } = start(harness, ['--secret', 'db', '--', 'sh', '-c', script, flag]);
      const pid = Number(await begun());
      const [abandoned = ''] = left().filter((name) => name !== 'flag');
      const owners = path.join(memory, abandoned, 'owners');
      await waitFor(() => readFileSync(owners, 'utf8').includes(`${pid} `), {
        what: "the files to be the program's too",
      });
      child.kill('SIGKILL');
      await once(child, 'exit');
      const file = path.join(memory, abandoned, 'secrets', 'db');
      await start(harness, ['--secret', 'db', '--', 'true']).ended;
      assert.ok(existsSync(file), 'the program that goes on has its files still');
      rmSync(flag);
      await ended;
      await waitFor(() => !existsSync(`/proc/${pid}`), { what: 'the program to end' });
      await start(harness, ['--secret', 'db', '--', 'true']).ended;
      assert.deepEqual(left(), []);
    });
  },
);

test('a program that has put other things beside its secrets harms nothing with that', LIMIT, async () => {
  await withSecrets(async (harness) => {
    const kept = path.join(built.path, 'kept');
    const script = `echo kept > ${kept}; cd "$COFFER_SECRETS_DIR"; mkdir d; echo x > d/x; ln -s ${kept} link; rm -f db`;
    const { code, stderr } = await start(harness, ['--secret', 'db', '--', 'sh', '-c', script]).ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.deepEqual(left(), []);
    const { stdout } = await start(harness, ['--env', 'X=db', '--', 'cat', kept]).ended;
    assert.equal(stdout, 'kept\n');
  });
});

const WRONG: readonly (readonly [words: readonly string[], code: number, says: RegExp])[] = [
  [['--', 'true'], 1, /^coffer: no secret is given\n/],
  [['--secret', 'a/b', '--', 'true'], 1, /It is the name of a secret, or NAME:FILE/],
  [['--secret', 'db:../x', '--', 'true'], 1, /It is the name of a secret, or NAME:FILE/],
  [['--secret', 'db:..', '--', 'true'], 1, /It is the name of a secret, or NAME:FILE/],
  [['--env', 'db', '--', 'true'], 1, /It is VARIABLE=NAME/],
  [['--env', '1X=db', '--', 'true'], 1, /It is VARIABLE=NAME/],
  [['--env', 'X=', '--', 'true'], 1, /the name is invalid/],
  [['--secret', 'db', '--secret', 'binary:db', '--', 'true'], 1, /two secrets are to be in the file db\n/],
  [['--env', 'X=db', '--env', 'X=binary', '--', 'true'], 1, /two secrets are to be in the variable X\n/],
  [
    ['--env', 'X=binary', '--', 'true'],
    1,
    /secret binary is not text.*\nGive it as a file: --secret binary\n/,
  ],
  [['--secret', 'db', '--dir', '/', '--', 'true'], 1, /\/ is not a directory in memory/],
  [['--secret', 'db', '--dir', '/nosuch', '--', 'true'], 1, /\/nosuch is not a directory in memory/],
  [['--secret', 'nosuch', '--', 'true'], 2, /no secret nosuch|secret nosuch/],
  [['--secret', 'db', '--', '/nosuch/program'], 127, /^coffer: there is no program \/nosuch\/program\n/],
  [['--secret', 'db', '--', '/etc/passwd'], 126, /^coffer: \/etc\/passwd cannot be run \(EACCES\)\n/],
];

for (const [words, code, says] of WRONG) {
  test(`run ${words.join(' ')} ends with ${code} and a sentence`, LIMIT, async () => {
    await withCli({}, async ({ cli, store }) => {
      await putValue(store, 'db', Buffer.from('x'));
      await putValue(store, 'binary', BINARY);
      const ended = await cli(['run', ...words], { env: { XDG_RUNTIME_DIR: memory } });
      assert.equal(ended.code, code, ended.stderr);
      assert.match(ended.stderr, says);
      assert.deepEqual(left(), []);
    });
  });
}

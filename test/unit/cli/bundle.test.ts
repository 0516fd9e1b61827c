// SPDX-License-Identifier: Apache-2.0
// The bundled program as users start it: its own process, pipes, signals, and docker as its parent.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { bundleCli } from '../../support/bundled-cli.ts';
import { dockerClis } from '../../support/docker-cli.ts';
import type { ExportedRecord } from '../../../src/store/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { projectRoot } from '../../support/project.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Harness, withControl } from '../control/control-harness.ts';

const TIMEOUT_MS = 20_000;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The control server lives in this process, so the program must not block it: no spawnSync here. */
async function start(
  command: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  stdin = '',
): Promise<Ended> {
  const child = spawn(command, words, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
}

async function withBundle(work: (harness: Harness, program: string) => Promise<void>): Promise<void> {
  await withControl({}, async (harness) => {
    await work(harness, bundleCli(harness.directory));
  });
}

test('the program puts, lists and fails with the right exit codes', { timeout: 60_000 }, async () => {
  await withBundle(async ({ socketPath, store }, program) => {
    const env = { COFFER_SOCKET: socketPath };
    const put = await start(program, ['put', 'db', '-'], env, 'hunter2');
    assert.deepEqual([put.code, put.stdout, put.stderr], [0, 'db: version 1, 7B\n', '']);
    assert.equal(
      store
        .readValue(store.byName('db')?.id ?? '', 1)
        .expose()
        .toString(),
      'hunter2',
    );
    assert.equal((await start(program, ['ls', '-q'], env)).stdout, 'db\n');
    const { version } = JSON.parse(readFileSync(path.join(projectRoot(), 'package.json'), 'utf8')) as {
      version: string;
    };
    assert.equal((await start(program, ['version'], {})).stdout, `coffer ${version}\n`);
    assert.equal((await start(program, ['bogus'], env)).code, 1);
    assert.equal((await start(program, ['inspect', 'nope'], env)).code, 2);
    assert.equal((await start(program, ['ls'], { COFFER_SOCKET: `${socketPath}.none` })).code, 2);
  });
});

test('docker is told what the program is without Node, and as Node tells it', {
  timeout: 60_000,
}, async () => {
  await withBundle(async (_harness, program) => {
    const question = ['docker-cli-plugin-metadata'];
    const told = await start(program, question, { PATH: '/nonexistent' });
    assert.deepEqual(told, await start(process.execPath, [program, ...question], {}));
    assert.equal((JSON.parse(told.stdout) as { Vendor: string }).Vendor, 'coffer');
  });
});

test('a command that needs neither cryptography nor TLS starts without them', {
  timeout: 60_000,
}, async () => {
  await withBundle(async ({ directory, socketPath }, program) => {
    const look = path.join(directory, 'look.cjs');
    writeFileSync(look, "process.on('exit', () => console.error(process.moduleLoadList.join('\\n')));\n");
    const loaded = async (options: string): Promise<readonly string[]> => {
      const listed = await start(program, ['ls'], { COFFER_SOCKET: socketPath, NODE_OPTIONS: options });
      assert.equal(listed.code, 0);
      return listed.stderr.split('\n').filter((module) => /^NativeModule (crypto|http|tls)$/.test(module));
    };
    assert.deepEqual(await loaded(`--require ${look}`), ['NativeModule http']);
    const withMore = await loaded(`--require ${look} --require node:tls`);
    assert.deepEqual(withMore.toSorted(), ['NativeModule crypto', 'NativeModule http', 'NativeModule tls']);
  });
});

test('words reach the program as they were typed, by whichever way it is started', {
  timeout: 60_000,
}, async () => {
  await withBundle(async ({ socketPath }, program) => {
    const env = { COFFER_SOCKET: socketPath };
    for (const word of ["it's", 'two words', '$HOME', '*']) {
      const typed = ['put', 'db', '-', '--label', `${word}=${word}`];
      const put = await start(program, typed, env, 'value');
      assert.deepEqual([put.code, put.stderr], [0, ''], word);
      const { stdout } = await start(process.execPath, [program, 'inspect', 'db', '--format', 'json'], env);
      const [shown] = JSON.parse(stdout) as readonly { Labels: Readonly<Record<string, string>> }[];
      assert.equal(shown?.Labels[word], word);
    }
  });
});

test('a reader that has seen enough ends the program quietly', { timeout: 60_000 }, async () => {
  await withBundle(async (_harness, program) => {
    const child = spawn(program, ['--help'], { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.equal(stderr, '');
  });
});

test('both docker command lines run it as docker coffer', { timeout: 120_000 }, async (context) => {
  if (spawnSync('docker', ['--version']).status !== 0) {
    context.skip('there is no docker program on this machine');
    return;
  }
  const clis = dockerClis();
  await withBundle(async ({ socketPath, directory }, program) => {
    const plugins = path.join(directory, 'docker', 'cli-plugins');
    mkdirSync(plugins, { recursive: true });
    symlinkSync(program, path.join(plugins, 'docker-coffer'));
    const env = { COFFER_SOCKET: socketPath, DOCKER_CONFIG: path.join(directory, 'docker'), HOME: directory };
    for (const [index, docker] of clis.entries()) {
      const name = `s${index}`;
      const run = (...words: readonly string[]) => start(docker.path, words, env, 'value');
      const help = await run('coffer', '--help');
      assert.equal(help.code, 0, docker.version);
      assert.match(help.stdout, /^Usage: docker coffer COMMAND/);
      assert.equal((await run('help', 'coffer')).stdout, help.stdout);
      assert.match((await run('--help')).stdout, /coffer\*? .*Secrets in an encrypted store/);
      assert.equal((await run('coffer', 'put', name, '-')).code, 0);
      assert.match(
        (await run('--context', 'default', 'coffer', 'ls', '-q')).stdout,
        new RegExp(`^${name}$`, 'm'),
      );
      assert.match(
        (await run('coffer', 'ls', '--log-level', 'debug', '-q')).stdout,
        new RegExp(`^${name}$`, 'm'),
      );
      assert.equal((await run('coffer', 'rm', 'nope')).code, 2);
      assert.equal((await run('coffer', 'bogus')).code, 1);
    }
    const made = await start(program, ['context', '--use'], env);
    assert.equal(made.code, 0, made.stderr);
    for (const docker of clis) {
      const { stdout } = await start(docker.path, ['context', 'inspect', 'coffer'], env);
      const [shown] = JSON.parse(stdout) as readonly { Endpoints: { docker: { Host: string } } }[];
      assert.equal(shown?.Endpoints.docker.Host, 'unix:///run/coffer/docker.sock');
      assert.match((await start(docker.path, ['context', 'ls'], env)).stdout, /^coffer \*/m);
    }
  });
});

test('the program ends when docker closes its plugin socket', { timeout: 60_000 }, async () => {
  await withBundle(async ({ directory }, program) => {
    const link = path.join(directory, 'docker-coffer');
    symlinkSync(program, link);
    const name = `docker_cli_test_${randomUUID()}`;
    const connected = new Promise<Socket>((resolve, reject) => {
      const server = createServer((socket) => {
        server.close();
        resolve(socket);
      });
      server.once('error', reject);
      server.listen({ path: `\0${name}` });
    });
    // It waits for its standard input, which stays open.
    const child = spawn(link, ['coffer', 'put', 'db', '-'], {
      env: {
        PATH: process.env['PATH'] ?? '',
        DOCKER_CLI_PLUGIN_SOCKET: `@${name}`,
        COFFER_SOCKET: '/nonexistent',
      },
      stdio: ['pipe', 'ignore', 'ignore'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    const closed = once(child, 'close');
    (await connected).destroy();
    assert.deepEqual(await closed, [130, null]);
  });
});

test('a backup that is interrupted leaves nothing behind', { timeout: 60_000 }, async () => {
  class Endless extends MemoryStore {
    override async *exportSecrets(): AsyncGenerator<ExportedRecord> {
      yield* super.exportSecrets();
      const [secret] = this.list();
      assert.ok(secret !== undefined);
      for (;;) {
        yield { kind: 'secret', secret };
        yield { kind: 'value', bytes: Buffer.alloc(100_000) };
        await new Promise(setImmediate);
      }
    }
  }
  const store = new Endless();
  await withControl({ store: () => store }, async ({ directory, socketPath }) => {
    const program = bundleCli(directory);
    const env = { COFFER_SOCKET: socketPath };
    assert.equal((await start(program, ['put', 'db', '-'], env, 'v'.repeat(100_000))).code, 0);
    const identity = path.join(directory, 'identity');
    const { stdout: recipient } = await start(program, ['backup-key', identity], env);
    const file = path.join(directory, 'secrets.backup');
    const child = spawn(program, ['backup', '--recipient', recipient.trim(), file], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: 'ignore',
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    const closed = once(child, 'close');
    const partial = (): readonly string[] =>
      readdirSync(directory).filter((name) => name.startsWith('secrets.backup'));
    await waitFor(() => partial().length === 1, { what: 'the backup to begin', timeout_ms: TIMEOUT_MS });
    child.kill('SIGINT');
    assert.deepEqual(await closed, [130, null]);
    assert.deepEqual(partial(), []);
  });
});

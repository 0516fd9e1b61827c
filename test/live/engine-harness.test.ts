// SPDX-License-Identifier: Apache-2.0
// The launcher itself: what it starts works, and what it stops is gone.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { dockerClis } from '../support/docker-cli.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { expectedEngine } from '../support/engine-choice.ts';
import { waitFor } from '../support/wait-for.ts';

/** Where anything on the host names `word`: processes, mounts, cgroups. */
function tracesOf(word: string): readonly string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter(
    (entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid,
  )) {
    for (const file of ['cmdline', 'mounts']) {
      try {
        if (readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(word)) {
          found.push(`/proc/${pid}/${file}`);
        }
      } catch {
        // It ended meanwhile.
      }
    }
  }
  const cgroups = readdirSync('/sys/fs/cgroup').map((controller) =>
    path.join('/sys/fs/cgroup', controller, word),
  );
  return [...found, ...[`/sys/fs/cgroup/${word}`, ...cgroups].filter((directory) => existsSync(directory))];
}

/** Set for the copy of this file that one of its tests starts and interrupts. */
const runsAsChild = 'HARNESS_CHILD';

async function waitToBeInterrupted(): Promise<void> {
  const engine = await startEngine();
  await engine.importBusybox();
  await engine.docker(['run', '-d', '--network', 'host', 'localhost:5000/bb']);
  process.send?.(engine.directory);
  setInterval(() => undefined, 1_000);
}

if (process.env[runsAsChild] === undefined) {
  describeHarness();
} else {
  void waitToBeInterrupted();
}

function describeHarness(): void {
  describe('a private engine', () => {
    let engine: Engine;
    before(async () => {
      engine = await startEngine({ name: 'harness' });
      await engine.importBusybox();
    });
    after(async () => engine.stop());

    test('is of the version that the tests are for', async (context) => {
      const format = '{{.Server.Version}} {{.Server.MinAPIVersion}} {{.Server.APIVersion}}';
      const { stdout } = await engine.docker(['version', '--format', format]);
      const [version = '', oldest, newest] = stdout.trim().split(' ');
      assert.ok(version.startsWith(expectedEngine() ?? ''), version);
      const clis = dockerClis().map((cli) => cli.version);
      context.diagnostic(`engine ${version}, API ${oldest} to ${newest}, CLI ${clis.join(' and ')}`);
    });

    test('runs a container on the network of its own host', async () => {
      for (const cli of dockerClis()) {
        const args = ['run', '--rm', '--network', 'host', 'localhost:5000/bb', 'hostname'];
        const { stdout } = await engine.docker(args, { cli });
        assert.equal(stdout.trim(), 'harness', `docker ${cli.version}`);
      }
    });

    test('gives what a command reads and writes byte for byte', async () => {
      const input = Buffer.from([0, 1, 2, 0xff, 10, 13, 0]);
      const args = ['run', '--rm', '-i', '--network', 'host', 'localhost:5000/bb', 'cat'];
      const { stdoutBytes } = await engine.docker(args, { input });
      assert.deepEqual(stdoutBytes, input);
    });

    test('runs a swarm service, whose task ends when it is removed', async () => {
      await engine.swarmInit();
      await engine.docker([
        'service',
        'create',
        '--detach',
        '--name',
        'web',
        '--network',
        'host',
        'localhost:5000/bb',
      ]);
      const running = async () => (await engine.docker(['ps', '-q'])).stdout.trim();
      await waitFor(async () => (await running()) !== '', { what: "the service's task" });
      const { stdout } = await engine.docker(['node', 'ls', '--format', '{{.Hostname}} {{.Status}}']);
      assert.equal(stdout.trim(), 'harness Ready');
      await engine.docker(['service', 'rm', 'web']);
      await waitFor(async () => (await running()) === '', { what: "the task's end" });
    });

    test('keeps its swarm over a restart, and over a kill of its process', async () => {
      await engine.restart();
      await waitFor(async () => (await engine.tryDocker(['node', 'ls'])).code === 0, { what: 'the swarm' });
      await engine.kill();
      await engine.start();
      await waitFor(async () => (await engine.tryDocker(['node', 'ls'])).code === 0, { what: 'the swarm' });
    });

    test('says what a failed command wrote', async () => {
      await assert.rejects(
        engine.docker(['secret', 'inspect', 'none']),
        /secret none not found|no such secret: none/i,
      );
      assert.equal((await engine.tryDocker(['secret', 'inspect', 'none'])).code, 1);
    });
  });

  test('a stopped engine leaves no process, mount, cgroup or file, whatever was running', async () => {
    const engine = await startEngine();
    const { directory } = engine;
    const word = path.basename(directory);
    try {
      await engine.importBusybox();
      await engine.docker(['run', '-d', '--network', 'host', 'localhost:5000/bb', 'sleep', '100000']);
      assert.notDeepEqual(tracesOf(word), []);
    } finally {
      await engine.stop();
    }
    assert.deepEqual(tracesOf(word), []);
    assert.equal(existsSync(directory), false);
  });

  test('a test that is interrupted leaves nothing either', async () => {
    const env = { ...process.env, [runsAsChild]: 'yes' };
    const child = fork(process.argv[1] ?? '', {
      env,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const [directory] = (await once(child, 'message')) as [string];
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
    assert.deepEqual(tracesOf(path.basename(directory)), []);
    assert.equal(existsSync(directory), false);
  });
}

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Check } from '../../../src/control/index.ts';
import { STATUS } from '../control/control-harness.ts';
import { type CliHarness, runCli, withCli } from './cli-harness.ts';

/** A `docker` of which the test knows what it says: whether it knows the plugin is decided by `pluginCode`. */
function makeDocker(directory: string, pluginCode: number): string {
  const bin = path.join(directory, `bin${pluginCode}`);
  mkdirSync(bin);
  const script = `#!/bin/sh\ncase "$1" in\n--version) echo "Docker version 28.2.2, build e6534b4";;\n*) echo "coffer 0.1.0"; exit ${pluginCode};;\nesac\n`;
  writeFileSync(path.join(bin, 'docker'), script, { mode: 0o755 });
  return bin;
}

async function levels({ cli }: CliHarness, env: Readonly<Record<string, string>>): Promise<object> {
  const { stdout } = await cli(['doctor', '--format', 'json'], { env });
  const lines = stdout.trimEnd().split('\n');
  const checks = lines.map((line) => JSON.parse(line) as { Name: string; Level: string });
  return Object.fromEntries(checks.map(({ Name, Level }) => [Name, Level]));
}

test('doctor finds nothing wrong where all is well, and says one line for each check', async () => {
  const checks: readonly Check[] = [
    { name: 'data key', level: 'warning', message: 'it lies in the clear', mend: 'docker coffer lock' },
  ];
  await withCli({ doctor: () => checks }, async (harness) => {
    const env = { PATH: makeDocker(harness.directory, 0) };
    await harness.cli(['context', '--use']);
    assert.deepEqual(await levels(harness, env), {
      daemon: 'ok',
      docker: 'ok',
      'cli plugin': 'ok',
      'docker context': 'ok',
      'current context': 'ok',
      'data key': 'warning',
    });
    const { code, stdout } = await harness.cli(['doctor'], { env });
    assert.equal(code, 0);
    assert.equal(stdout.trimEnd().split('\n').length, 6);
    assert.match(stdout, /\nok {7}docker: Docker version 28\.2\.2, build e6534b4\n/);
    assert.match(stdout, /\nwarning {2}data key: it lies in the clear\. Mend: docker coffer lock\n/);
  });
});

test('doctor names what is missing on the side of docker', async () => {
  await withCli({}, async (harness) => {
    const { directory, cli } = harness;
    assert.deepEqual(await levels(harness, { PATH: '/nonexistent' }), {
      daemon: 'ok',
      docker: 'warning',
      'docker context': 'warning',
      'current context': 'warning',
    });
    const { stdout, code } = await cli(['doctor'], { env: { PATH: makeDocker(directory, 1) } });
    assert.equal(code, 0);
    assert.match(stdout, /warning {2}cli plugin: .* Mend: mkdir -p .*\/\.docker\/cli-plugins && ln -s /);
    assert.match(stdout, /warning {2}docker context: there is no context coffer\. Mend: coffer context\n/);
  });
});

test("doctor sees which engine docker's commands really go to", async () => {
  await withCli({}, async ({ cli }) => {
    await cli(['context', '--use']);
    const current = async (argv: readonly string[], env: Readonly<Record<string, string>>) => {
      const words = ['coffer', 'doctor', ...argv];
      const { stdout } = await cli(words, { asDockerPlugin: true, env: { PATH: '/nonexistent', ...env } });
      return /(\w+) +current context: (.*)/.exec(stdout)?.slice(1).join(' ') ?? '';
    };
    const gateway = 'unix:///run/coffer/docker.sock';
    assert.match(await current([], {}), /^ok /);
    assert.match(
      await current([], { DOCKER_HOST: 'unix:///x' }),
      /^warning .*by DOCKER_HOST.*unset DOCKER_HOST/,
    );
    assert.match(await current([], { DOCKER_HOST: gateway }), /^ok /);
    assert.match(await current([], { DOCKER_HOST: gateway, DOCKER_CONTEXT: 'default' }), /^ok /);
    assert.match(await current([], { DOCKER_CONTEXT: 'coffer' }), /^ok /);
    assert.match(
      await current([], { DOCKER_CONTEXT: 'default' }),
      /^warning .*by DOCKER_CONTEXT.*unset DOCKER_CONTEXT/,
    );
    assert.match(await current(['--context', 'default'], {}), /^warning .*by the flag --context default/);
    assert.match(await current(['-H', gateway], { DOCKER_HOST: 'unix:///x' }), /^ok /);
    assert.match(await current(['--context', 'coffer'], { DOCKER_HOST: 'unix:///x' }), /^ok /);
  });
});

test('doctor fails for a daemon that does not serve, is not there, or has moved', async () => {
  const reason = {
    code: 'store.in-use',
    message: 'the store is open elsewhere',
    hint: 'Stop the other daemon.',
  };
  let status = STATUS;
  await withCli({ status: () => status }, async (harness) => {
    const { cli, directory } = harness;
    const env = { PATH: '/nonexistent' };
    await cli(['context']);
    status = { ...STATUS, sockets: { ...STATUS.sockets, gateway: '/run/elsewhere.sock' } };
    const moved = await cli(['doctor'], { env });
    assert.equal(moved.code, 2);
    assert.match(
      moved.stdout,
      /failure {2}docker context: .*but the gateway is at unix:\/\/\/run\/elsewhere\.sock/,
    );
    status = { ...STATUS, state: 'degraded', reason };
    const degraded = await cli(['doctor'], { env });
    assert.equal(degraded.code, 2);
    assert.match(
      degraded.stdout,
      /^failure {2}daemon: .* is degraded: the store is open elsewhere\. Mend: Stop/,
    );
    const notManager = { code: 'cluster.not-a-manager', message: 'this node is a worker' };
    status = { ...STATUS, state: 'degraded', reason: notManager };
    const worker = await cli(['doctor'], { env });
    assert.equal(worker.code, 0, 'a worker is as it should be');
    assert.match(worker.stdout, /^ok {7}daemon: .*: this node is a worker\n/);
    const absent = await runCli(['doctor'], directory, { env, runDirectory: `${directory}/none` });
    assert.equal(absent.code, 2);
    assert.match(absent.stdout, /^failure {2}daemon: no coffer daemon found.* Mend: Install it/);
  });
});

test('doctor tells of a daemon whose own checks fail', async () => {
  const doctor = () => {
    throw new TypeError('broken');
  };
  await withCli({ doctor }, async (harness) => {
    assert.deepEqual(
      { ...(await levels(harness, { PATH: '/nonexistent' })), docker: undefined },
      {
        daemon: 'ok',
        docker: undefined,
        'docker context': 'warning',
        'current context': 'warning',
        'daemon checks': 'failure',
      },
    );
  });
});

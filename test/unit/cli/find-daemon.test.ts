// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { ControlClient } from '../../../src/cli/control-client.ts';
import { STATUS } from '../control/control-harness.ts';
import { runCli, withCli } from './cli-harness.ts';

const PLUGIN_ID = '0123456789abcdef'.repeat(4);

test('where no daemon is found, the way to one is told', async () => {
  await withCli({}, async ({ directory, cli }) => {
    const nothing = await runCli(['ls'], directory, { runDirectory: path.join(directory, 'nothing') });
    assert.equal(nothing.code, 2);
    assert.match(
      nothing.stderr,
      /^coffer: no coffer daemon found: .*\n.*docker plugin install coffer.*--socket PATH\.\n$/,
    );
    const named = await cli(['ls', '--socket', path.join(directory, 'none.sock')]);
    assert.equal(named.code, 2);
    assert.match(named.stderr, /^coffer: no coffer daemon answers at .*none\.sock\n/);
  });
});

test('the socket is found under /run, the plain process before a managed plugin', async () => {
  const status = () => ({ ...STATUS, mode: 'managed' as const });
  await withCli({ status }, async ({ directory, socketPath }) => {
    const runDirectory = directory;
    const plugin = path.join(runDirectory, 'docker', 'plugins', PLUGIN_ID);
    mkdirSync(plugin, { recursive: true });
    mkdirSync(path.join(runDirectory, 'docker', 'plugins', 'other'));
    symlinkSync(socketPath, path.join(plugin, 'control.sock'));
    const managed = await runCli(['status'], directory, { runDirectory });
    assert.equal(managed.code, 0);
    assert.ok(managed.stdout.includes(`unix://${plugin}/docker.sock`), managed.stdout);
    const second = path.join(runDirectory, 'docker', 'plugins', PLUGIN_ID.replace('0', 'f'));
    mkdirSync(second);
    symlinkSync(socketPath, path.join(second, 'control.sock'));
    const several = await runCli(['ls'], directory, { runDirectory });
    assert.equal(several.code, 2);
    assert.match(several.stderr, /several coffer plugins[^]*--socket/);
    mkdirSync(path.join(runDirectory, 'coffer'));
    symlinkSync(socketPath, path.join(runDirectory, 'coffer', 'control.sock'));
    assert.equal((await runCli(['ls'], directory, { runDirectory })).code, 0);
  });
});

test('a server that is no daemon, says nothing or hangs up ends in one sentence each', {
  timeout: 20_000,
}, async () => {
  await withCli({}, async ({ directory }) => {
    const answers: readonly (readonly [string | undefined, RegExp])[] = [
      ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]', /not one that this command line understands/],
      ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a":', /before its answer was complete/],
      ['HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n', /HTTP 500/],
      ['garbage', /before its answer was complete/],
      [undefined, /did not answer within 0\.1 s/],
    ];
    for (const [answer, says] of answers) {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => {
          if (answer !== undefined) {
            socket.end(answer);
          }
        });
      });
      const socketPath = path.join(directory, 'other.sock');
      await new Promise<void>((resolve) => server.listen(socketPath, resolve));
      try {
        await assert.rejects(new ControlClient(socketPath, 100).secrets(), { message: says, exitCode: 2 });
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    }
  });
});

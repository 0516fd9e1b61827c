// SPDX-License-Identifier: Apache-2.0
// coffer as a managed plugin of a real engine: what it asks for, and that what it holds outlives all that
// may happen to a plugin.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { tryCommand } from '../support/command.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { EngineNotices } from '../support/engine-notices.ts';
import { createPlugin, installPlugin, ManagedPlugin } from '../support/managed-plugin.ts';
import { PageTypist } from '../support/page-typist.ts';
import { builtFile } from '../support/project.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { SyslogCollector } from '../support/syslog-collector.ts';
import { waitFor } from '../support/wait-for.ts';

/** Creates a secret through the plugin's gateway, as a person does. */
async function createSecret(plugin: ManagedPlugin, name: string, value: string): Promise<void> {
  const socket = plugin.gatewaySocket;
  await plugin.engine.docker(['secret', 'create', name, '-'], { input: value, socket });
}

/** What a new service's container finds in /run/secrets/NAME. */
async function delivered(engine: Engine, name: string): Promise<string> {
  const service = `reads-${name}`;
  const how = ['--detach', '--network', 'host', '--no-resolve-image', '--secret', name];
  await engine.docker(['service', 'create', '--name', service, ...how, 'localhost:5000/bb']);
  try {
    const container = await waitFor(
      async () =>
        (await engine.docker(['ps', '-q', '--filter', `name=${service}`])).stdout.trim() || undefined,
      { what: `a container of ${service}`, timeout_ms: 30_000 },
    );
    return (await engine.docker(['exec', container, 'cat', `/run/secrets/${name}`])).stdout;
  } finally {
    await engine.docker(['service', 'rm', service]);
  }
}

/** Somebody who types what pages say about the plugin. */
function typistAt(engine: Engine, desk: TemporaryDirectory, plugin?: ManagedPlugin): PageTypist {
  return new PageTypist({
    test: 'test/live/managed-plugin.test.ts',
    directory: desk.path,
    controlSocket: plugin?.controlSocket ?? '',
    dockerSocket: engine.socket,
  });
}

describe('the managed plugin', () => {
  let engine: Engine;
  let plugin: ManagedPlugin;
  before(async () => {
    engine = await startEngine({ name: 'managed' });
    await engine.importBusybox();
    await engine.swarmInit();
    plugin = await installPlugin(engine);
  });
  after(async () => engine.stop());

  test('delivers a secret that was created through its gateway', async () => {
    await createSecret(plugin, 'first', 'the first value');
    assert.equal(await delivered(engine, 'first'), 'the first value');
  });

  test('has the host’s network, for other nodes to reach it, and one capability beyond those that every container has, to mount', async () => {
    const { stdout } = await engine.docker([
      'plugin',
      'inspect',
      '--format',
      '{{json .Config}}',
      plugin.name,
    ]);
    const config = JSON.parse(stdout) as {
      readonly Network: { readonly Type: string };
      readonly Linux: { readonly Capabilities: readonly string[] | null; readonly AllowAllDevices: boolean };
      readonly Mounts: readonly { readonly Destination: string }[];
      readonly PidHost: boolean;
      readonly IpcHost: boolean;
    };
    assert.equal(config.Network.Type, 'host');
    assert.deepEqual(config.Linux.Capabilities, ['CAP_SYS_ADMIN']);
    assert.deepEqual([config.Linux.AllowAllDevices, config.PidHost, config.IpcHost], [false, false, false]);
    assert.deepEqual(
      config.Mounts.map((mount) => mount.Destination),
      ['/run/engine.sock'],
    );
  });

  test('keeps its secrets when it is disabled and enabled', async () => {
    await createSecret(plugin, 'second', 'the second value');
    await plugin.disable();
    assert.equal(plugin.pid(), undefined);
    await plugin.enable();
    assert.equal(await delivered(engine, 'second'), 'the second value');
  });

  test('sends its audit log to syslog when it is told where, and says what is wrong with an address', async () => {
    const setting = async (...settings: readonly string[]): Promise<void> => {
      await plugin.disable();
      await engine.docker(['plugin', 'set', plugin.name, ...settings]);
      await plugin.enable();
    };
    const directory = temporaryDirectory();
    const collector = new SyslogCollector(engine.box, 601, directory.path);
    await collector.start();
    try {
      await setting('COFFER_AUDIT=file,syslog', 'COFFER_AUDIT_SYSLOG=unixgram:///dev/log');
      const refused = await plugin.tryCli(['status']);
      assert.notEqual(refused.code, 0);
      assert.match(refused.stdout + refused.stderr, /COFFER_AUDIT_SYSLOG cannot be unixgram:.*imtcp/);
      await setting('COFFER_AUDIT_SYSLOG=tcp://127.0.0.1:601', 'COFFER_AUDIT_SYSLOG_FACILITY=local3');
      await waitFor(
        async () => /^Audit log: +file, syslog$/m.test((await plugin.tryCli(['status'])).stdout),
        {
          what: 'both places to be written',
        },
      );
      await createSecret(plugin, 'told', 'a value');
      const [message] = await waitFor(
        () => {
          const told = collector.messages().filter(({ text }) => text.includes('"secret":"told"'));
          return told.length > 0 && told;
        },
        { what: 'the record to arrive' },
      );
      assert.deepEqual(
        [message?.facility, message?.messageId, message?.hostname],
        [19, 'put', engine.box.name],
      );
    } finally {
      await setting('COFFER_AUDIT=file', 'COFFER_AUDIT_SYSLOG=');
      await collector.kill();
      directory.remove();
    }
  });

  test('keeps its secrets when it is killed', async () => {
    await createSecret(plugin, 'third', 'the third value');
    await plugin.kill9();
    assert.equal(await delivered(engine, 'third'), 'the third value');
  });

  test('writes backups by its schedule where an upgrade finds them, and tries them in its own memory', async (t) => {
    const directory = temporaryDirectory();
    t.after(() => directory.remove());
    const key = path.join(directory.path, 'key');
    const recipient = (await plugin.cli(['backup-key', key])).stdout.trim();
    await plugin.cli(['backup', '--schedule', '24h', '--recipient', recipient]);
    const backups = path.join(plugin.stateDirectory, 'backups');
    const file = await waitFor(
      () => existsSync(backups) && readdirSync(backups).find((name) => name.startsWith('coffer-')),
      { what: 'a scheduled backup', timeout_ms: 30_000 },
    );
    const own = await plugin.cli(['drill', '--identity', key], { timeout_ms: 60_000 });
    assert.match(own.stdout, /^yes: coffer-.* can be restored/);
    assert.match(own.stdout, / restored into a sandbox in memory, /);
    const words = ['drill', '--identity', key, path.join(backups, file)];
    assert.match((await plugin.cli(words, { timeout_ms: 60_000 })).stdout, /^yes: /);
  });

  test('keeps its secrets when the engine is stopped and started', async () => {
    await createSecret(plugin, 'fourth', 'the fourth value');
    await engine.restart();
    await plugin.serving();
    assert.equal(await delivered(engine, 'fourth'), 'the fourth value');
  });

  test('is set as the pages say: then monitors are answered, and notices are sent', async (t) => {
    const desk = temporaryDirectory();
    const receiver = await EngineNotices.start(engine.box);
    t.after(async () => {
      await receiver.stop();
      desk.remove();
    });
    writeFileSync(path.join(desk.path, 'token'), 'what notices are signed with\n');
    const typist = typistAt(engine, desk, plugin);
    await typist.typePage('docs/monitoring.md');
    await plugin.serving();
    await typist.typePage('docs/notices.md', {
      words: {
        // root types it here.
        'sudo ': '',
        '/var/lib/docker': engine.dataDirectory,
        'https://hooks.example.com': receiver.address,
      },
    });
    await plugin.serving();
    const ready = engine.box.insideNetwork(['curl', '-s', 'http://127.0.0.1:7374/readyz']);
    await waitFor(async () => (await tryCommand(ready)).stdout.startsWith('{"ready":true'), {
      what: 'monitors to be answered',
    });
    await createSecret(plugin, 'noticed', 'a value');
    const { body, signature } = await waitFor(
      () => receiver.taken().find(({ body }) => body.includes('"secret":"noticed"')),
      { what: 'the notice to arrive' },
    );
    const hmac = createHmac('sha256', 'what notices are signed with').update(body).digest('hex');
    assert.equal(signature, `sha256=${hmac}`);
  });
});

test('a managed plugin under another name finds that name out, before its first secret', async () => {
  const engine = await startEngine({ name: 'renamed' });
  try {
    await engine.importBusybox();
    await engine.swarmInit();
    const plugin = await installPlugin(engine, { name: 'our/vault:1' });
    await createSecret(plugin, 'named', 'the value');
    const { stdout } = await engine.docker(['secret', 'ls', '--format', '{{.Name}} {{.Driver}}']);
    assert.equal(stdout, 'named our/vault:1\n');
    assert.equal(await delivered(engine, 'named'), 'the value');
  } finally {
    await engine.stop();
  }
});

describe('the managed plugin from a registry', () => {
  let engine: Engine;
  let registry: Registry;
  before(async () => {
    engine = await startEngine({ name: 'from-registry' });
    await engine.importBusybox();
    await engine.swarmInit();
    registry = await startRegistry(engine);
    for (const version of ['1', '2']) {
      const name = `${registry.address}/coffer:${version}`;
      await createPlugin(engine, name);
      await engine.docker(['plugin', 'push', name]);
      await engine.docker(['plugin', 'rm', name]);
    }
  });
  after(async () => engine.stop());

  /** The page's own command; the engine's socket is not where the plugin looks for it. */
  const typeInstallation = async (page: string, version: string): Promise<void> => {
    const desk = temporaryDirectory();
    const command = 'docker plugin install --alias coffer REGISTRY/coffer';
    try {
      await typistAt(engine, desk).typePage(page, {
        answers: { [command]: 'y\n' },
        words: { [command]: `${command} engine.source=${engine.socket} COFFER_LOG_LEVEL=debug` },
        names: { 'REGISTRY/coffer': `${registry.address}/coffer:${version}` },
      });
    } finally {
      desk.remove();
    }
  };

  test('asks for three privileges, the host’s network, the engine socket and to mount, and is not installed without them', async () => {
    const args = ['plugin', 'install', '--alias', 'coffer', `${registry.address}/coffer:1`];
    const { code, stdout } = await engine.tryDocker(args, { input: 'n\n' });
    assert.notEqual(code, 0);
    const asked = stdout.split('\n').filter((line) => line.startsWith(' - '));
    assert.deepEqual(asked, [
      ' - network: [host]',
      ' - mount: [/var/run/docker.sock]',
      ' - capabilities: [CAP_SYS_ADMIN]',
    ]);
    assert.equal((await engine.docker(['plugin', 'ls', '--quiet'])).stdout, '');
  });

  test('is installed by the command of README.md, and its upgrade keeps the secrets and the settings', async () => {
    await typeInstallation('README.md', '1');
    const plugin = await ManagedPlugin.find(engine);
    await plugin.serving();
    await createSecret(plugin, 'kept', 'from version 1');

    await plugin.disable();
    const upgrade = ['plugin', 'upgrade', '--grant-all-permissions', '--skip-remote-check'];
    await engine.docker([...upgrade, 'coffer', `${registry.address}/coffer:2`]);
    // A mount's source is shown as kept, but the engine mounts the new version's default until it is set again.
    await engine.docker(['plugin', 'set', 'coffer', `engine.source=${engine.socket}`]);
    await plugin.enable();
    const inspect = [
      'plugin',
      'inspect',
      '--format',
      '{{.PluginReference}} {{json .Settings.Env}}',
      'coffer',
    ];
    const { stdout } = await engine.docker(inspect);
    assert.match(stdout, /coffer:2 .*COFFER_LOG_LEVEL=debug/);
    assert.equal(await delivered(engine, 'kept'), 'from version 1');
  });

  test('has the very files there that were built', async () => {
    const built = path.join(builtFile('build/plugin', 'make plugin'), 'rootfs');
    const { id } = await ManagedPlugin.find(engine);
    const installed = path.join(engine.dataDirectory, 'plugins', id, 'rootfs');
    const { stdout } = await tryCommand(['diff', '-r', '--brief', '--no-dereference', built, installed]);
    const differences = stdout.split('\n').filter((line) => line !== '');
    // Beside them the engine has made places to mount at; and the tests have a version file of their own.
    const others = differences.filter((line) => !line.startsWith(`Only in ${installed}`));
    assert.deepEqual(
      others.map((line) => line.includes('usr/lib/coffer/version.json')),
      [true],
      stdout,
    );
  });

  test('is installed as the tutorial says, in the place of one that was removed', async () => {
    await engine.docker(['plugin', 'rm', '--force', 'coffer']);
    await typeInstallation('docs/tutorial.md', '2');
    await (await ManagedPlugin.find(engine)).serving();
  });
});

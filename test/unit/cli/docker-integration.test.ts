// SPDX-License-Identifier: Apache-2.0
// The files and words that coffer shares with the docker command line.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { splitDockerWords } from '../../../src/cli/docker-flags.ts';
import { hookReply } from '../../../src/cli/hooks.ts';
import { withCli } from './cli-harness.ts';

const META = createHash('sha256').update('coffer').digest('hex');

test('context writes what docker context create writes, and writes it once', async () => {
  await withCli({}, async ({ cli, directory }) => {
    const docker = path.join(directory, '.docker');
    const first = await cli(['context']);
    assert.deepEqual(first, {
      code: 0,
      stdout: 'Context coffer leads to unix:///run/coffer/docker.sock.\nUse it: docker context use coffer\n',
      stderr: '',
    });
    const file = path.join(docker, 'contexts', 'meta', META, 'meta.json');
    assert.equal(
      readFileSync(file, 'utf8'),
      '{"Name":"coffer","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///run/coffer/docker.sock","SkipTLSVerify":false}}}',
    );
    const { ino } = statSync(file);
    assert.deepEqual(await cli(['context']), first);
    assert.equal(statSync(file).ino, ino);
    assert.deepEqual(readdirSync(docker), ['contexts']);
    assert.deepEqual(readdirSync(path.dirname(file)), ['meta.json']);
  });
});

test('context keeps everything else in config.json, its mode, and a link to it', async () => {
  await withCli({}, async ({ cli, directory }) => {
    const docker = path.join(directory, 'docker');
    const elsewhere = path.join(directory, 'elsewhere.json');
    mkdirSync(docker);
    const before = {
      auths: { 'x:1': { auth: 'eA==' } },
      plugins: { scan: { a: 'b' }, coffer: { c: 'd' } },
      zz: [1],
    };
    writeFileSync(elsewhere, JSON.stringify(before));
    chmodSync(elsewhere, 0o640);
    symlinkSync(elsewhere, path.join(docker, 'config.json'));
    const env = { DOCKER_CONFIG: docker, DOCKER_HOST: 'tcp://elsewhere' };
    const { code, stderr } = await cli(['context', '--use', '--hooks'], { env });
    assert.equal(code, 0);
    assert.match(stderr, /DOCKER_HOST is set and overrides/);
    const commands = 'service create,service update,stack deploy';
    assert.deepEqual(JSON.parse(readFileSync(elsewhere, 'utf8')), {
      ...before,
      currentContext: 'coffer',
      features: { hooks: 'true' },
      plugins: { scan: { a: 'b' }, coffer: { c: 'd', hooks: commands, 'error-hooks': commands } },
    });
    assert.equal(statSync(elsewhere).mode & 0o777, 0o640);
  });
});

test("context leaves alone what is broken or somebody else's", async () => {
  await withCli({}, async ({ cli, directory }) => {
    const docker = path.join(directory, '.docker');
    const meta = path.join(docker, 'contexts', 'meta', META);
    mkdirSync(meta, { recursive: true });
    const foreign = '{"Name":"coffer","Metadata":{},"Endpoints":{"docker":{"Host":"ssh://me@there"}}}';
    writeFileSync(path.join(meta, 'meta.json'), foreign);
    const refused = await cli(['context', '--use']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /not coffer's\n.*docker context rm coffer/);
    assert.equal(readFileSync(path.join(meta, 'meta.json'), 'utf8'), foreign);
    const moved = foreign.replace(
      'ssh://me@there',
      `unix:///run/docker/plugins/${'a'.repeat(64)}/docker.sock`,
    );
    writeFileSync(path.join(meta, 'meta.json'), moved);
    assert.equal((await cli(['context'])).code, 0);
    writeFileSync(path.join(docker, 'config.json'), '{"auths":');
    const broken = await cli(['context', '--name', 'other', '--use']);
    assert.equal(broken.code, 1);
    assert.match(broken.stderr, /is not a JSON object/);
    assert.equal(readFileSync(path.join(docker, 'config.json'), 'utf8'), '{"auths":');
  });
});

test("docker's global flags are skipped wherever they stand", () => {
  const cases: readonly (readonly [string, object, string])[] = [
    ['coffer ls -q', {}, 'ls -q'],
    ['--context coffer coffer ls', { context: 'coffer' }, 'ls'],
    ['--context=coffer -D coffer ls', { context: 'coffer' }, 'ls'],
    [
      '-H unix:///x --tls --tlscacert ca coffer put coffer',
      { host: 'unix:///x', tlscacert: 'ca' },
      'put coffer',
    ],
    ['-Hunix:///x coffer ls', { host: 'unix:///x' }, 'ls'],
    ['-Dc name coffer ls', { context: 'name' }, 'ls'],
    ['-l debug --config /x coffer --context y ls', { 'log-level': 'debug', config: '/x' }, '--context y ls'],
    ['help coffer ls', {}, 'help ls'],
    ['__complete coffer rm x', {}, '__complete rm x'],
    ['ls', {}, 'ls'],
    ['--context', { context: '' }, ''],
  ];
  for (const [line, flags, words] of cases) {
    assert.deepEqual(
      splitDockerWords(line.split(' ')),
      { flags, words: words.split(' ').filter(Boolean) },
      line,
    );
  }
});

test('as a plugin of docker, the same commands work with its flags before and after', async () => {
  await withCli({}, async ({ cli }) => {
    await cli(['put', 's', '-'], { stdin: 'x' });
    const lines = [
      ['coffer', 'ls', '-q'],
      ['--context', 'x', 'coffer', 'ls', '-q'],
      ['coffer', '--context', 'x', 'ls', '-q', '-H', 'unix:///x', '-D'],
    ];
    for (const argv of lines) {
      assert.deepEqual(await cli(argv, { asDockerPlugin: true }), { code: 0, stdout: 's\n', stderr: '' });
    }
    const metadata = await cli(['docker-cli-plugin-metadata'], { asDockerPlugin: true });
    const { SchemaVersion, Vendor } = JSON.parse(metadata.stdout) as Record<string, unknown>;
    assert.deepEqual([metadata.code, SchemaVersion, Vendor], [0, '0.1.0', 'coffer']);
  });
});

test('a failed service command ends with a hint, and nothing else does', async () => {
  const ask = (RootCmd: string, Flags: unknown, CommandError?: string) =>
    hookReply(JSON.stringify({ RootCmd, Flags, CommandError }));
  const failure = 'service redis: task: secret not found';
  const template = (reply: string) => (JSON.parse(reply) as { Template: string }).Template;
  assert.match(
    template(ask('service create', { name: '', secret: '' }, failure)),
    /coffer why \{\{flag \. "name"\}\}$/,
  );
  assert.match(template(ask('service create', {}, failure)), /coffer why$/);
  assert.match(template(ask('service update', {}, failure)), /coffer why \{\{arg \. 0\}\}$/);
  assert.match(template(ask('stack deploy', null, failure)), /coffer why$/);
  const silent = [
    ask('service create', {}),
    ask('service create', {}, ''),
    ask('service ls', {}, failure),
    ask('service create', {}, 'unknown flag: --bogus\n\nUsage:  docker service create'),
    ask(
      'service create',
      {},
      'Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?',
    ),
    ask('service update', {}, '"docker service update" requires exactly 1 argument.'),
    hookReply(''),
    hookReply('{'),
    hookReply('[]'),
    hookReply('{"RootCmd":7}'),
  ];
  assert.deepEqual(
    silent,
    silent.map(() => ''),
  );
  await withCli({}, async ({ cli }) => {
    const json = JSON.stringify({ RootCmd: 'service update', Flags: {}, CommandError: failure });
    const reply = await cli(['coffer', 'docker-cli-plugin-hooks', json], { asDockerPlugin: true });
    assert.deepEqual([reply.code, (JSON.parse(reply.stdout) as { Type: number }).Type], [0, 0]);
    assert.deepEqual(await cli(['coffer', 'docker-cli-plugin-hooks'], { asDockerPlugin: true }), {
      code: 0,
      stdout: '',
      stderr: '',
    });
  });
});

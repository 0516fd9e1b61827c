// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { completionScript, SHELLS } from '../../../src/cli/completion-scripts.ts';
import type { Refusal } from '../../../src/control/index.ts';
import { FakeCluster, nodeOf } from '../../support/fake-cluster.ts';
import { type Cli, withCli } from './cli-harness.ts';

/** The candidates for the last word, and the directive after them. */
async function complete(cli: Cli, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(['__complete', ...words]);
  assert.deepEqual([code, stderr], [0, '']);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t')[0])
    .join(' ');
}

test('completion knows commands, options, their values, secrets and services', async () => {
  const reason = { at_ms: 1, code: 'c', message: 'm' };
  const refusal: Refusal = { kind: 'secret', service: 'redis', task: 't', secret: 's', ...reason };
  const mount: Refusal = { kind: 'volume', volume: 'certs', users: ['web'], ...reason };
  await withCli({ refusals: () => [refusal, refusal, mount] }, async ({ cli }) => {
    for (const name of ['db_a', 'db_b', 'web']) {
      await cli(['put', name, '-'], { stdin: 'x' });
    }
    assert.equal(
      await complete(cli, ''),
      'put ls inspect get history rollback rotate destroy prune ps rm cert cert-ca import run seal reseal sealing-key grant grant-ls revoke policy backup restore backup-ls backup-get backup-key drill cluster node join-token ca force-new-cluster autolock unlock unlock-key data-key status context doctor why audit metrics ui rebuild completion version :4',
    );
    assert.equal(await complete(cli, 'in'), 'inspect :4');
    assert.equal(await complete(cli, 'rm', 'db'), 'db_a db_b :4');
    assert.equal(await complete(cli, 'rm', 'db_a', 'db'), 'db_b :4');
    assert.equal(await complete(cli, 'inspect', '--pretty', ''), 'db_a db_b web :4');
    assert.equal(await complete(cli, 'history', 'db'), 'db_a db_b :4');
    assert.equal(await complete(cli, 'history', 'db_a', ''), ':4');
    await cli(['put', 'web', '-'], { stdin: 'y' });
    assert.equal(await complete(cli, 'rollback', 'w'), 'web :4');
    assert.equal(await complete(cli, 'rollback', 'web', ''), '1 :4');
    assert.equal(await complete(cli, 'rollback', 'web', '1', ''), ':4');
    await cli(['put', 'web', '-'], { stdin: 'z' });
    assert.equal(await complete(cli, 'get', 'w'), 'web :4');
    assert.equal(await complete(cli, 'get', 'web', '--secret-version', ''), '3 2 1 :4');
    assert.equal(await complete(cli, 'destroy', 'web', ''), '2 1 :4');
    assert.equal(await complete(cli, 'destroy', 'web', '2', ''), '1 :4');
    assert.equal(await complete(cli, 'put', 'w'), 'web :4');
    assert.equal(await complete(cli, 'put', 'web', ''), ':0');
    assert.equal(await complete(cli, 'put', '--generate', 'h'), 'hex:32 :4');
    assert.equal(await complete(cli, 'ls', '--fo'), '--format :4');
    assert.equal(await complete(cli, 'ls', '--format', ''), 'table json :4');
    assert.equal(await complete(cli, 'ls', '-f', 'n'), 'name= :4');
    assert.equal(await complete(cli, 'ps', '-f', ''), 'service= container= node= :4');
    assert.equal(await complete(cli, 'ps', 'db'), 'db_a db_b :4');
    assert.equal(await complete(cli, 'join-token', 'ls', '--q'), '--quiet :4');
    assert.equal(await complete(cli, 'audit', 'verify', '--a'), '--acknowledge :4');
    assert.equal(await complete(cli, 'ps', 'db_a', ''), ':4');
    assert.equal(await complete(cli, 'backup', ''), ':0');
    assert.equal(await complete(cli, 'import', ''), 'swarm env compose :4');
    assert.equal(await complete(cli, 'import', 'env', ''), ':0');
    assert.equal(await complete(cli, 'run', '--secret', 'db'), 'db_a db_b :4');
    assert.equal(await complete(cli, 'run', '--dir', ''), ':0');
    assert.equal(await complete(cli, 'restore', '--existing', ''), 'skip replace :4');
    assert.equal(await complete(cli, 'restore', '--identity', ''), ':0');
    assert.equal(await complete(cli, 'backup-get', 'secrets.backup', ''), ':4');
    assert.equal(await complete(cli, 'reseal', 'a.yml', ''), ':0');
    assert.equal(await complete(cli, 'seal', '--cert', ''), ':0');
    assert.equal(await complete(cli, 'why', ''), 'redis certs web :4');
    assert.equal(await complete(cli, 'completion', 'z'), 'zsh :4');
    assert.equal(
      await complete(cli, 'bogus', ''),
      'put ls inspect get history rollback rotate destroy prune ps rm cert cert-ca import run seal reseal sealing-key grant grant-ls revoke policy backup restore backup-ls backup-get backup-key drill cluster node join-token ca force-new-cluster autolock unlock unlock-key data-key status context doctor why audit metrics ui rebuild completion version :4',
    );
  });
});

test('completion knows the commands under a command, nodes, roles and tokens', async () => {
  const cluster = new FakeCluster();
  await withCli({ cluster: () => cluster }, async ({ cli }) => {
    assert.equal(await complete(cli, 'node', ''), 'ls inspect promote demote rm :4');
    assert.equal(await complete(cli, 'node', 'p'), 'promote :4');
    assert.equal(await complete(cli, 'node', 'inspect', ''), 'four one three two :4');
    assert.equal(await complete(cli, 'node', 'rm', '--force', 'two', 't'), 'three :4');
    assert.equal(await complete(cli, 'node', 'remove', 'f'), 'four :4');
    assert.equal(await complete(cli, 'node', 'ls', '--q'), '--quiet :4');
    assert.equal(await complete(cli, 'node', 'ls', ''), ':4');
    assert.equal(await complete(cli, 'join-token', ''), 'worker manager ls revoke :4');
    assert.equal(await complete(cli, 'join-token', '--ttl', '2'), '24h :4');
    assert.equal(await complete(cli, 'join-token', '--ttl', '1h', 'm'), 'manager :4');
    assert.equal(await complete(cli, 'join-token', 'worker', ''), ':4');
    assert.equal(await complete(cli, 'join-token', 'revoke', ''), 'tok1 :4');
    assert.equal(await complete(cli, 'join-token', 'revoke', 'tok1', ''), ':4');
    assert.equal(await complete(cli, 'cluster', ''), 'update :4');
    assert.equal(await complete(cli, 'ca', '--ro'), '--rotate :4');
    assert.equal(await complete(cli, 'autolock', ''), 'on off :4');
    assert.equal(await complete(cli, 'unlock-key', '--shares', ''), '2/3 3/5 :4');
    assert.equal(await complete(cli, 'data-key', '--schedule', ''), '30d off :4');
    assert.equal(await complete(cli, 'backup', '--schedule', ''), '03:00 24h off :4');
    assert.equal(await complete(cli, 'drill', '--identity', ''), ':0');
    assert.equal(await complete(cli, 'drill', ''), ':0');
    assert.equal(await complete(cli, 'unlock', ''), ':4');
    cluster.members = [...cluster.members, nodeOf('id5', 'two')];
    assert.equal(await complete(cli, 'node', 'inspect', ''), 'four id2 id5 one three :4');
  });
});

test('completion is quiet where no daemon answers', async () => {
  await withCli({}, async ({ cli, directory }) => {
    assert.equal(await complete(cli, '--socket', `${directory}/none`, 'rm', ''), ':4');
    assert.equal(await complete(cli, '--socket', `${directory}/none`, 'node', 'rm', ''), ':4');
    assert.equal(await complete(cli, 'node', 'rm', ''), ':4');
    assert.equal(await complete(cli, 'join-token', 'revoke', ''), ':4');
  });
});

test('the scripts are what each shell can read', async () => {
  await withCli({}, async ({ cli }) => {
    for (const shell of SHELLS) {
      const { code, stdout } = await cli(['completion', shell]);
      assert.deepEqual([code, stdout], [0, `${completionScript(shell)}\n`]);
    }
    const parsed = spawnSync('bash', ['-n'], { input: completionScript('bash'), encoding: 'utf8' });
    assert.deepEqual([parsed.status, parsed.stderr], [0, '']);
  });
});

test('bash completes with what coffer answers', async () => {
  await withCli({}, async ({ directory }) => {
    const answer = "printf '%s\\n' \"args:$#:$3\" 'db_a\tversion 1' 'name=\tx' ':4'";
    writeFileSync(path.join(directory, 'coffer'), `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
    const script = [
      completionScript('bash'),
      'COMP_WORDS=(coffer rm db); COMP_CWORD=2; _coffer',
      'printf "%s\\n" "${COMPREPLY[@]}"',
    ].join('\n');
    const env = { PATH: `${directory}:${process.env['PATH'] ?? ''}` };
    const { stdout } = spawnSync('bash', ['-c', script], { env, encoding: 'utf8' });
    assert.equal(stdout, 'args:3:db\ndb_a\nname=\n');
  });
});

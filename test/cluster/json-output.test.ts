// SPDX-License-Identifier: Apache-2.0
// Every command that prints JSON, on real managers. What it prints is held against its schema by the launcher.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { nodeIdOf, nodesAt, reasonOf } from '../support/cluster-calls.ts';
import { verbOf, verbs } from '../support/command-tree.ts';
import { joinAsWorker } from '../support/joined-node.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { PageTypist } from '../support/page-typist.ts';
import { requestOverSocket, type SocketReply } from '../support/socket-request.ts';
import { schemaFiles, schemaName } from '../support/printed-json.ts';
import { waitFor } from '../support/wait-for.ts';

/** Those that say something only where an engine has services, and who has them say it. */
const WITH_ENGINE: Readonly<Record<string, string>> = {
  'import swarm': 'test/live/stories/swarm-import.ts',
  ps: 'test/live/stories/rotation.ts',
  rotate: 'test/live/stories/rolling-rotation.ts',
  'policy test': 'test/live/stories/rotation.ts',
  'policy learn': 'test/live/stories/rotation.ts',
};

const MEND_MS = 60_000;

type Printed = Readonly<Record<string, unknown>>;

describe('three managers', () => {
  let cluster: ManagerCluster;
  let directory: TemporaryDirectory;
  let manager: ManagerProcess;
  /** The verbs that have printed something. */
  const heard = new Set<string>();

  before(async () => {
    directory = temporaryDirectory();
    cluster = await ManagerCluster.start({ size: 3 });
    manager = await cluster.leader();
  });
  after(async () => {
    await cluster?.destroy();
    directory.remove();
  });

  /** Resolves with what the lines say; there is one at least. `how`: standard input, and the manager if not the leader. */
  async function printed(
    words: string,
    how: { readonly input?: string; readonly at?: ManagerProcess; readonly code?: number } = {},
  ): Promise<readonly Printed[]> {
    const args = [...words.split(' '), '--format', 'json'];
    const { code, stderr, stdout } = await (how.at ?? manager).tryCli(args, {
      input: how.input ?? '',
      timeout_ms: MEND_MS,
    });
    assert.equal(code, how.code ?? 0, `${words}: ${stderr}`);
    const lines = stdout.split('\n').filter((line) => line !== '');
    assert.ok(lines.length > 0, `${words} says something`);
    heard.add((await verbOf(args)) ?? '');
    return lines.map((line) => JSON.parse(line) as Printed);
  }

  function inside(file: string): string {
    return path.join(directory.path, file);
  }

  /** What the page says about a node that is down, when one is. */
  async function typePage(): Promise<void> {
    const typist = new PageTypist({
      test: 'test/cluster/json-output.test.ts',
      directory: directory.path,
      controlSocket: manager.controlSocket,
      dockerSocket: manager.gatewaySocket,
    });
    const isDown = async (): Promise<boolean> =>
      (await nodesAt(manager)).some(({ status }) => status === 'down');
    await typist.typePage('docs/json.md', {
      before: {
        'docker coffer node ls': () => waitFor(isDown, { what: 'a node to be down' }).then(() => undefined),
      },
      names: { 'web-3': hostname() },
    });
  }

  test('an id that a program gives its request stands in the answer, in the audit log, and in the log of the leader that is asked', async () => {
    const follower = await cluster.follower();
    const call = (method: 'GET' | 'PUT', target: string, id: string, body?: Buffer): Promise<SocketReply> => {
      const request = { method, path: target, headers: { host: 'coffer', 'x-request-id': id } };
      return requestOverSocket(follower.controlSocket, body === undefined ? request : { ...request, body });
    };
    const answers = [
      await call('PUT', '/v1/secrets/traced?expect=always', 'deploy-17', Buffer.from('x')),
      await call('GET', '/v1/nodes', 'look-18'),
    ];
    assert.deepEqual(
      answers.map(({ headers }) => headers['x-request-id']),
      ['deploy-17', 'look-18'],
    );
    const records = await printed('audit --secret traced', { at: follower });
    assert.deepEqual(
      records.map(({ event, request }) => [event, request]),
      [['put', 'deploy-17']],
    );
    const lines = manager
      .log()
      .split('\n')
      .filter((line) => line.includes('"request":"look-18"'));
    assert.ok(lines.length > 0, 'the leader has carried out what the follower was asked');
    await printed('rm --force traced');
  });

  test('of secrets and their versions', async () => {
    for (const input of ['one', 'two', 'three']) {
      await printed('put db - --label env=prod', { input });
    }
    await printed('put token --generate hex:32');
    const [again] = await printed('put token - --no-clobber', { input: 'other' });
    assert.equal(again?.['Changed'], false);
    await printed('rollback db 1');
    await printed('ls');
    await printed('inspect db token');
    await printed('destroy --force db 2');
    await printed('history db');
    await printed('get db --version 2');
    await printed('prune --force db token --keep 1');
    await printed('rm --force --purge token');
  });

  test('of grants and rules', async () => {
    const node = await nodeIdOf(manager);
    const [granted] = await printed(`grant db --node ${node} --label app=web`);
    await printed(`grant none --node ${node}`);
    await printed('grant-ls');
    await printed(`revoke ${String(granted?.['ID'])}`);
    const [rule] = await printed('policy add deny db-* --service-label tier=front');
    await printed('policy ls');
    await printed('policy default');
    await printed(`policy rm ${String(rule?.['ID'])}`);
  });

  test('of backups', async () => {
    const [file, key] = [inside('backup'), inside('key')];
    const recipient = (await manager.cli(['backup-key', key])).stdout.trim();
    await printed(`backup --recipient ${recipient} ${file}`);
    await printed(`backup-ls --identity ${key} ${file}`);
    await printed(`restore --identity ${key} --verify ${file}`);
    await printed(`restore --identity ${key} --existing replace ${file}`);
    await printed(`drill --identity ${key} ${file}`);
    await printed(`backup --schedule 24h --recipient ${recipient} --keep 2`);
    await waitFor(
      async () => {
        const [scheduled] = await printed('backup-ls');
        return JSON.stringify(scheduled?.['Files']) !== '[]';
      },
      { what: 'a scheduled backup' },
    );
    await printed('status');
    await printed('backup --schedule off');
  });

  test('of the cluster and its nodes', async () => {
    await printed('cluster');
    await printed('cluster update --certificate-lifetime 720h');
    await joinAsWorker(manager, 'engine-of-it');
    const nodes = await printed('node ls');
    const worker = nodes.find((node) => node['Role'] === 'worker');
    const follower = nodes.find((node) => node['Role'] === 'manager' && node['Leader'] === false);
    await printed(`node inspect ${String(worker?.['ID'])} ${String(follower?.['ID'])}`);
    await printed(`node rm --force ${String(worker?.['ID'])}`);
    await printed(`node demote --force ${String(follower?.['ID'])}`);
    await printed(`node promote ${String(follower?.['ID'])}`);
    await cluster.whole();
    await printed('join-token worker --uses 2');
    const [token] = await printed('join-token ls');
    await printed(`join-token revoke ${String(token?.['ID'])}`);
    await printed('ca');
  });

  test('of sealed values and their keys', async () => {
    const follower = await cluster.follower();
    const [first] = await printed('sealing-key', { at: follower });
    const [sealed] = await printed('seal --name db -', { input: 'one' });
    assert.equal(sealed?.['KeyID'], first?.['ID'], 'the key that another manager has made');
    writeFileSync(inside('stack.yml'), `coffer.sealed: ${String(sealed?.['Sealed'])}\n`);
    await printed('sealing-key --rotate');
    const [summary] = await printed(`reseal ${inside('stack.yml')}`, { at: follower });
    assert.equal(summary?.['Resealed'], 1);
    const [left] = await printed(`sealing-key --forget ${String(first?.['ID'])}`);
    assert.deepEqual(left?.['Older'], []);
  });

  test('of certificates and their CA', async () => {
    const [made] = await printed('cert web_tls --cn web --san web.internal --ttl 1h');
    assert.deepEqual([made?.['Version'], made?.['Changed']], [1, true]);
    const [inspected] = await printed('inspect web_tls');
    assert.match(JSON.stringify(inspected), /"Certificate":\{"Subject":"web"/);
    const [first] = await printed('cert-ca');
    const [rotated] = await printed('cert-ca --rotate --yes');
    assert.notEqual(rotated?.['Digest'], first?.['Digest']);
    const [finished] = await printed('cert-ca --finish --yes');
    assert.equal(finished?.['Previous'], undefined);
  });

  test('of what is brought in', async () => {
    writeFileSync(inside('.env'), 'ONE=1\nTWO=2\n');
    assert.equal((await printed(`import env ${inside('.env')}`)).length, 2);
    writeFileSync(inside('three.txt'), '3');
    writeFileSync(inside('compose.yml'), 'secrets: { three: { file: ./three.txt } }\n');
    const [there] = await printed(`import compose ${inside('compose.yml')}`);
    assert.equal(there?.['Name'], 'three');
  });

  test('of keys', async () => {
    await printed('data-key');
    await printed('data-key --rotate --detach');
    await printed('data-key --schedule 30d');
    await printed('data-key --rotate --all');
    await printed('data-key --all');
    await printed('autolock');
    const [on] = await printed('autolock on');
    await printed('autolock --peer-unlock');
    await printed('unlock-key');
    await printed('unlock-key --shares 2/3');
    await printed('autolock --peer-unlock=false');
    const follower = await cluster.follower();
    await waitFor(async () => (await follower.status()).store?.dataKeySealed === true, {
      what: 'it to be sealed',
    });
    await follower.restart();
    await reasonOf(follower, 'store.locked');
    await printed('status', { at: follower, code: 2 });
    await printed('unlock', { at: follower, input: String(on?.['UnlockKey']) });
    await printed('autolock off');
    await cluster.whole();
  });

  test('of the daemon', async () => {
    await assert.rejects(manager.deliver('nobody'));
    await printed('why');
    await printed('status');
    // There is no engine, which is what it is to say.
    await printed('doctor', { code: 2 });
    await printed('audit');
    await printed('audit verify');
    await printed('context --name managers');
    await printed('version');
  });

  test('of a rebuild', async () => {
    const victim = await cluster.follower();
    await victim.stop();
    await typePage();
    rmSync(path.join(victim.stateDirectory, 'database'), { recursive: true });
    await victim.start();
    await reasonOf(victim, 'store.damaged');
    await printed('rebuild --yes', { at: victim });
    await cluster.whole(cluster.running, MEND_MS);
  });

  test('of a new cluster that is forced', async () => {
    for (const other of cluster.managers.filter((one) => one !== manager)) {
      await other.kill9();
    }
    await printed('force-new-cluster');
    const [progress] = await printed('force-new-cluster --others-are-gone --yes');
    assert.equal(progress?.['Phase'], 'done');
    const [alone] = await printed('force-new-cluster');
    assert.equal(alone?.['Alone'], true);
    const [authority] = await printed('ca --rotate --yes --detach');
    assert.ok(authority?.['Rotation'] !== undefined, 'it goes on');
  });

  test('no command that prints JSON was left out', async () => {
    const named = (await verbs()).map(({ words }) => words);
    const printing = named.filter((words) => schemaFiles().has(schemaName(words)));
    const missing = printing.filter((words) => !heard.has(words));
    assert.deepEqual(missing.toSorted(), Object.keys(WITH_ENGINE).toSorted());
  });
});

// SPDX-License-Identifier: Apache-2.0
// Secrets that are rotated by themselves, by whoever leads when their time has come, and notices of that from the same.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { NoticeReceiver, type ReceivedNotice } from '../support/notice-receiver.ts';
import { OneEngineSwarm } from '../support/one-engine-swarm.ts';
import { daysLater } from '../support/other-time.ts';
import { waitFor } from '../support/wait-for.ts';

/** A leader looks when it begins to lead, and each minute. */
const LOOK_MS_MAX = 100_000;

describe('three managers with secrets that are rotated by themselves', () => {
  let cluster: ManagerCluster;
  let receiver: NoticeReceiver;
  let removeEngine = async (): Promise<void> => undefined;
  before(async () => {
    const swarm = await OneEngineSwarm.start({
      after: (work) => {
        removeEngine = work;
      },
    });
    swarm.state = { LocalNodeState: 'inactive' };
    receiver = await NoticeReceiver.start();
    cluster = await ManagerCluster.start({
      size: 3,
      common: { env: { COFFER_ENGINE_SOCKET: swarm.engine.socketPath, ...receiver.env } },
    });
  });
  after(async () => {
    await cluster?.destroy();
    await removeEngine();
    receiver?.close();
  });

  async function put(name: string, every: string): Promise<void> {
    const labels = ['--label', `coffer.rotate=${every}`, '--label', 'coffer.generate=hex:16'];
    await cluster.at(0).cli(['put', name, '-', ...labels], { input: 'by hand' });
  }

  async function numbers(manager: ManagerProcess, name: string): Promise<string> {
    const { secret } = await manager.inspect(name);
    return secret.versions.map(({ number }) => number).join(' ');
  }

  /** Waits until every manager has these versions of it. */
  async function has(name: string, versions: string): Promise<void> {
    await waitFor(async () => (await numbers(await cluster.leader(), name)) === versions, {
      what: `${name} to have versions ${versions}`,
      timeout_ms: LOOK_MS_MAX,
      interval_ms: 200,
    });
    for (const manager of cluster.running) {
      assert.equal(await numbers(manager, name), versions, manager.name);
    }
  }

  /** What the receiver was told of this version. */
  function told(name: string, version: number): readonly ReceivedNotice[] {
    return receiver
      .noticesOf('changed')
      .filter((notice) => notice['secret'] === name && notice['version'] === version);
  }

  /** Puts a secret, and waits until that it was told is written down. */
  async function markWritten(manager: ManagerProcess, name: string): Promise<void> {
    const before = await numbers(manager, 'coffer.notices');
    await manager.put(name, 'x');
    await waitFor(() => told(name, 1).length > 0, { what: `a notice of ${name}` });
    await waitFor(async () => (await numbers(manager, 'coffer.notices')) !== before, {
      what: `the mark after ${name}`,
    });
  }

  /** As a task gets it from this manager. */
  async function certificate(at: number): Promise<X509Certificate> {
    const bundle = (await cluster.at(at).deliver('web-tls')).toString('latin1');
    return new X509Certificate(bundle.slice(bundle.indexOf('-----BEGIN CERTIFICATE')));
  }

  /** All of them are started so many days from now. */
  async function startAt(days: number): Promise<void> {
    await Promise.all(cluster.running.map((manager) => manager.stop()));
    await Promise.all(cluster.managers.map((manager) => manager.start(daysLater(days))));
    await cluster.whole();
  }

  test('have a new value when the old one is old enough, once, whoever leads then and afterwards', async () => {
    await put('db', '30d');
    await put('slow', '40d');
    await put('bare', '30d');
    await cluster.at(0).cli(['cert', 'web-tls', '--cn', 'web', '--ttl', '38d']);
    const [first] = await Promise.all([certificate(0), certificate(2)]);
    await startAt(31);
    await has('db', '1 2');
    await has('bare', '1 2');
    await has('slow', '1');
    await has('web-tls', '1 2');
    const [renewed, elsewhere] = await Promise.all([certificate(1), certificate(2)]);
    assert.equal(renewed.fingerprint256, elsewhere.fingerprint256);
    assert.notEqual(renewed.fingerprint256, first.fingerprint256);
    assert.equal(renewed.issuer, first.issuer, 'of the same CA, whoever has issued it');
    assert.match((await cluster.at(1).deliver('db')).toString(), /^[0-9a-f]{32}$/);
    const { stdout } = await (await cluster.leader()).cli(['audit', '--event', 'rotate', '--format', 'json']);
    const records = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    assert.deepEqual(
      records.map(({ by, secret, version }) => `${String(secret)} ${String(version)} ${String(by)}`).sort(),
      ['bare 2 schedule', 'db 2 schedule', 'web-tls 2 schedule'],
    );

    await waitFor(() => ['db', 'bare', 'web-tls'].every((name) => told(name, 2).length > 0), {
      what: 'notices of the rotations',
    });
    const leader = await cluster.leader();
    await markWritten(leader, 'one');
    // A write that was under way at the first one may have had less in it.
    await markWritten(leader, 'two');
    await leader.kill9();
    const next = await cluster.leader(cluster.running);
    await next.put('later', 'x');
    await waitFor(() => told('later', 1).length > 0, { what: 'a notice from the next leader' });
    assert.notEqual(told('later', 1)[0]?.['node'], told('db', 2)[0]?.['node']);
    assert.deepEqual(
      [told('db', 2), told('bare', 2), told('web-tls', 2), told('one', 1)].map(({ length }) => length),
      [1, 1, 1, 1],
      'which goes on where the one before was',
    );
    await startAt(41);
    await has('slow', '1 2');
    await has('db', '1 2');
    await has('bare', '1 2');
    await has('web-tls', '1 2');
    await waitFor(() => told('slow', 2).length > 0, { what: 'a notice of the last rotation' });
    assert.ok(told('slow', 1).length > 0);
    assert.deepEqual(
      receiver.noticesOf('changed').filter(({ secret }) => String(secret).startsWith('coffer.')),
      [],
    );
  });
});

// SPDX-License-Identifier: Apache-2.0
// Notices of secrets from those who lead, one after the other, on one store, to a receiver that is well or away.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CofferError, DAY_MS, SecretValue, silentLogger } from '../../../src/common/index.ts';
import { readMark } from '../../../src/daemon/notices/notice-mark.ts';
import { NoticeRounds } from '../../../src/daemon/notices/notice-rounds.ts';
import { Webhook } from '../../../src/notices/index.ts';
import { newSecretId, type Secret } from '../../../src/secrets/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { present } from '../../support/present.ts';
import { waitFor } from '../../support/wait-for.ts';

const NOW_MS = Date.UTC(2027, 0, 1);
const MARK = 'coffer.notices';

/** Counts how often somebody has looked. */
class WatchedStore extends MemoryStore {
  looks = 0;

  override list(): readonly Secret[] {
    this.looks += 1;
    return super.list();
  }
}

interface Leader {
  readonly rounds: NoticeRounds;
  readonly webhook: Webhook;
  leads: boolean;
}

describe('notices of secrets', () => {
  let directory: TemporaryDirectory;
  let server: Server;
  let store: WatchedStore;
  let leaders: Leader[];
  /** What was taken, as `event secret:version`. */
  let told: string[];
  let isAway: boolean;
  let asked: number;
  let now_ms: number;
  let warnings: string[];

  beforeEach(async () => {
    directory = temporaryDirectory();
    writeFileSync(path.join(directory.path, 'token'), 'a token');
    [store, leaders, told, warnings] = [new WatchedStore(), [], [], []];
    [isAway, asked, now_ms] = [false, 0, NOW_MS];
    server = createServer((request, response) => {
      void readText(request).then((body) => {
        const { event, secret, version } = JSON.parse(body) as Readonly<Record<string, unknown>>;
        asked += 1;
        if (isAway) {
          response.writeHead(503).end();
          return;
        }
        told.push(`${String(event)} ${String(secret)}:${String(version)}`);
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(async () => {
    await Promise.all(leaders.flatMap(({ rounds, webhook }) => [rounds.stop(), webhook.close()]));
    server.closeAllConnections();
    server.close();
    directory.remove();
  });

  function lead(pace_ms = 5): Leader {
    const { port } = server.address() as AddressInfo;
    const webhook = new Webhook({
      url: new URL(`http://127.0.0.1:${port}/`),
      tokenFile: path.join(directory.path, 'token'),
      logger: silentLogger,
      retry_ms: 1,
    });
    const rounds: NoticeRounds = new NoticeRounds({
      store,
      webhook,
      leads: () => leader.leads,
      nodeId: 'n',
      now_ms: () => now_ms,
      logger: {
        ...silentLogger,
        warn: (sentence, fields) => warnings.push(`${sentence}: ${fields?.['reason']}`),
      },
      pace_ms,
    });
    const leader: Leader = { rounds, webhook, leads: true };
    leaders.push(leader);
    rounds.start();
    return leader;
  }

  /** The last word of who leads; what was told is written down with it. */
  async function end(leader: Leader): Promise<void> {
    leader.leads = false;
    await leader.rounds.stop();
  }

  function changed(removed: readonly Secret[] = []): void {
    leaders.filter(({ leads }) => leads).forEach(({ rounds }) => rounds.changed(removed));
  }

  async function put(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    await store.propose({
      kind: 'put',
      id: newSecretId(),
      name,
      labels,
      origin: 'control',
      expect: 'always',
      value: SecretValue.copyOf(Buffer.from('hunter2')),
      at_ms: now_ms,
    });
    changed();
  }

  async function remove(name: string): Promise<void> {
    const secret = present(store.byName(name), name);
    await store.propose({ kind: 'remove', id: secret.id });
    changed([secret]);
  }

  const begun = (): Promise<true> =>
    waitFor(() => store.byName(MARK) !== undefined, { what: 'the mark', interval_ms: 2 });
  /** Each round looks once, and so does who writes the mark. */
  const looked = (times: number): Promise<true> => {
    const { looks } = store;
    changed();
    return waitFor(
      () => {
        changed();
        return store.looks >= looks + times;
      },
      { what: `${times} looks`, interval_ms: 2 },
    );
  };
  const warned = (reason: RegExp): Promise<true> =>
    waitFor(() => warnings.some((each) => reason.test(each)), { what: `${reason}`, interval_ms: 2 });
  /** So many were taken, and who sent them knows it. */
  const toldAre = (count: number): Promise<true> =>
    waitFor(
      () => {
        const delivered = leaders.reduce((sum, { webhook }) => sum + webhook.counts.delivered, 0);
        return told.length >= count && told.length === delivered;
      },
      { what: `${count} notices`, interval_ms: 2 },
    );

  test('tell what comes from then on, in its order, and not what was there', async () => {
    await put('old');
    lead();
    await begun();
    await put('a');
    await toldAre(1);
    await put('b');
    await toldAre(2);
    await put('a');
    await toldAre(3);
    await remove('b');
    await toldAre(4);
    assert.deepEqual(told, ['changed a:1', 'changed b:1', 'changed a:2', 'removed b:1']);
  });

  test('go on at the next leader where the one before has ended, whether it could say so or not', async () => {
    const first = lead();
    await begun();
    await put('a');
    await toldAre(1);
    await end(first);
    await put('between');
    const second = lead();
    await toldAre(2);
    await put('b');
    await toldAre(3);
    await end(second);
    assert.deepEqual(told, ['changed a:1', 'changed between:1', 'changed b:1'], 'nothing is told twice');
    // One that dies before it has written down what it has told.
    const third = lead(60_000);
    await put('c');
    third.rounds.changed();
    await toldAre(4);
    lead();
    await toldAre(5);
    assert.deepEqual(told.slice(3), ['changed c:1', 'changed c:1'], 'and nothing is left out');
  });

  test('of a leader that learns late of another are told by both, and its mark is not the last', async () => {
    const first = lead();
    await begun();
    await put('a');
    await toldAre(1);
    const second = lead();
    await put('b');
    await waitFor(() => told.filter((each) => each === 'changed b:1').length === 2, {
      what: 'both',
      interval_ms: 2,
    });
    const count = told.length;
    await toldAre(count);
    await Promise.all([end(first), end(second)]);
    const third = lead();
    await put('c');
    await waitFor(() => told.includes('changed c:1'), { what: 'the third leader', interval_ms: 2 });
    assert.deepEqual(told.slice(count), ['changed c:1']);
    assert.equal(third.webhook.counts.dropped, 0);
  });

  test('of a receiver that was away are told it as it is then: the last of each secret, and once', async () => {
    const leader = lead();
    await begun();
    isAway = true;
    await put('a');
    await waitFor(() => asked > 0, { what: 'the first try', interval_ms: 2 });
    for (let count = 0; count < 50; count += 1) {
      await put(`b${count % 2}`);
      await put('gone');
      await remove('gone');
    }
    assert.ok(leader.webhook.counts.waiting <= 1, 'it keeps no list');
    isAway = false;
    await toldAre(53);
    await waitFor(() => told.includes('changed b1:25'), { what: 'the last change', interval_ms: 2 });
    assert.deepEqual(
      told.filter((each) => each.startsWith('changed')),
      ['changed a:1', 'changed b0:25', 'changed b1:25'],
    );
    assert.equal(told.length, 53);
  });

  test('end at once with the leadership, also while the receiver is away', async () => {
    const first = lead();
    await begun();
    isAway = true;
    await put('a');
    await waitFor(() => asked > 0, { what: 'the first try', interval_ms: 2 });
    await end(first);
    await waitFor(() => first.webhook.counts.waiting === 0, { what: 'nothing to be sent', interval_ms: 2 });
    isAway = false;
    await put('b');
    lead();
    await toldAre(2);
    assert.deepEqual(told, ['changed a:1', 'changed b:1']);
    assert.deepEqual([first.webhook.counts.delivered, first.webhook.problem], [0, undefined]);
  });

  test('of what expires are told at each stage once, whoever leads', async () => {
    await put('db', { 'coffer.expires': '2027-01-11' });
    let leader = lead();
    await begun();
    for (const days of [3, 6.5, 9.5, 11, 30]) {
      now_ms = NOW_MS + days * DAY_MS;
      await looked(2);
      await toldAre(stagesAt(days));
      await end(leader);
      leader = lead();
    }
    await looked(2);
    assert.deepEqual(told, ['expiring db:1', 'expiring db:1', 'expired db:1']);
  });

  test('write nothing while there is nothing to tell, and little while there is much', async () => {
    const leader = lead();
    await begun();
    const version = (): number => present(store.byName(MARK), MARK).versions.at(-1)?.number ?? 0;
    await looked(3);
    await end(leader);
    assert.equal(version(), 1);
    const slow = lead(200);
    for (let count = 0; count < 30; count += 1) {
      await put(`s${count}`);
    }
    await toldAre(30);
    await end(slow);
    assert.ok(version() <= 4, `the mark was written ${version()} times`);
    const kept = store.readValue(present(store.byName(MARK), MARK).id, version());
    assert.equal(readMark(kept).index, store.byName('s29')?.modifiedIndex);
    assert.equal(store.byName(MARK)?.versions.length, 1, 'no mark before it is kept');
  });

  test('wait while the store takes nothing, and go on then', async () => {
    store.proposeError = new CofferError('store.busy', 'it is busy');
    const first = lead();
    await warned(/notices of secrets wait: .*it is busy/);
    await end(first);
    assert.equal(store.byName(MARK), undefined);
    store.proposeError = undefined;
    const second = lead();
    await begun();
    await put('a');
    await toldAre(1);
    store.proposeError = new CofferError('store.busy', 'it is busy');
    await end(second);
    store.proposeError = undefined;
    const third = lead();
    await put('b');
    await waitFor(() => told.includes('changed b:1'), { what: 'the next change', interval_ms: 2 });
    await end(third);
  });

  test('go on with what they know when somebody has removed the mark', async () => {
    lead();
    await begun();
    await put('a');
    await toldAre(1);
    await store.propose({ kind: 'remove', id: present(store.byName(MARK), MARK).id });
    await put('b');
    await toldAre(2);
    await begun();
    assert.deepEqual(told, ['changed a:1', 'changed b:1']);
  });

  test('begin anew in a cluster to which a backup has brought the mark of another one', async () => {
    const first = lead();
    await begun();
    await put('a');
    await toldAre(1);
    await end(first);
    const other = new WatchedStore();
    await other.propose({
      kind: 'put',
      id: newSecretId(),
      name: MARK,
      labels: {},
      origin: 'generated',
      expect: 'always',
      value: store.readValue(
        present(store.byName(MARK), MARK).id,
        store.byName(MARK)?.versions.at(-1)?.number ?? 0,
      ),
      at_ms: 1,
    });
    store = other;
    const second = lead();
    await waitFor(() => store.byName(MARK)?.versions.at(-1)?.number === 2, {
      what: 'its own mark',
      interval_ms: 2,
    });
    await put('b');
    await toldAre(2);
    assert.deepEqual(told, ['changed a:1', 'changed b:1']);
    await end(second);
  });

  test("leave a value under the mark's name as it is that is no mark", async () => {
    await store.propose({
      kind: 'put',
      id: newSecretId(),
      name: MARK,
      labels: {},
      origin: 'generated',
      expect: 'always',
      value: SecretValue.copyOf(Buffer.from('somebody else wrote it')),
      at_ms: 1,
    });
    lead();
    await put('a');
    await warned(/the mark of the notices has format/);
    assert.deepEqual([store.byName(MARK)?.versions.length, told], [1, []]);
  });
});

/** How many notices there are of a value that is good for ten days, after so many. */
function stagesAt(days: number): number {
  return [3, 9, 10].filter((at) => at <= days).length;
}

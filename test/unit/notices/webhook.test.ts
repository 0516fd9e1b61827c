// SPDX-License-Identifier: Apache-2.0
// Notices to a receiver that is well, slow, broken, away or hostile.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../src/common/index.ts';
import { type Notice, Webhook } from '../../../src/notices/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { waitFor } from '../../support/wait-for.ts';

interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const TOKEN = 'a token that is sent to nobody';

function noticeOf(secret: string): Notice {
  return {
    event: 'canary',
    at: '2027-01-01T00:00:00.000Z',
    node: 'n',
    secret,
    facts: { by: 'engine', code: undefined },
  };
}

describe('a webhook', () => {
  let directory: TemporaryDirectory;
  let server: Server;
  let received: Received[];
  let webhook: Webhook | undefined;
  /** How the receiver answers, by the number of the request from 1. */
  let answer: (response: ServerResponse, count: number) => void;
  beforeEach(async () => {
    directory = temporaryDirectory();
    writeFileSync(path.join(directory.path, 'token'), `${TOKEN}\n`);
    received = [];
    answer = (response) => response.end();
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { headers, method, url } = request;
        received.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
        answer(response, received.length);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    await webhook?.close();
    webhook = undefined;
    server.closeAllConnections();
    server.close();
    directory.remove();
  });

  function portOf(): number {
    const address = server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  function open(timeout_ms = 5_000): Webhook {
    webhook = new Webhook({
      url: new URL(`http://127.0.0.1:${portOf()}/hook?team=a`),
      tokenFile: path.join(directory.path, 'token'),
      logger: silentLogger,
      timeout_ms,
      retry_ms: 1,
    });
    return webhook;
  }

  async function settled(hook: Webhook): Promise<void> {
    await waitFor(() => hook.counts.waiting === 0, { what: 'all notices to be sent', interval_ms: 5 });
  }

  function secretsReceived(): readonly unknown[] {
    return received.map(({ body }) => (JSON.parse(body) as { secret: unknown }).secret);
  }

  test('posts what it is told, signed, with an id of its own', async () => {
    const hook = open();
    hook.send(noticeOf('trap'));
    await settled(hook);
    const [one] = received;
    assert.ok(one !== undefined);
    assert.deepEqual([one.method, one.url], ['POST', '/hook?team=a']);
    const body = JSON.parse(one.body) as Readonly<Record<string, unknown>>;
    const { id } = body;
    assert.match(String(id), /^[0-9a-f-]{36}$/);
    assert.deepEqual(body, {
      id,
      event: 'canary',
      at: '2027-01-01T00:00:00.000Z',
      node: 'n',
      secret: 'trap',
      by: 'engine',
    });
    assert.equal(one.headers['x-coffer-delivery'], id);
    assert.equal(one.headers['x-coffer-event'], 'canary');
    const signature = createHmac('sha256', TOKEN).update(one.body).digest('hex');
    assert.equal(one.headers['x-coffer-signature'], `sha256=${signature}`);
    assert.ok(!JSON.stringify(one).includes(TOKEN));
    assert.deepEqual(hook.counts, { waiting: 0, delivered: 1, failures: 0, dropped: 0 });
  });

  test('goes on with the same id until it is taken, and keeps the order', async () => {
    answer = (response, count) => {
      if (count === 1) {
        response.writeHead(500).end('broken');
      } else if (count === 2) {
        response.destroy();
      } else {
        response.writeHead(count === 3 ? 429 : 204).end();
      }
    };
    const hook = open();
    hook.send(noticeOf('first'));
    hook.send(noticeOf('second'));
    await settled(hook);
    assert.deepEqual(secretsReceived(), ['first', 'first', 'first', 'first', 'second']);
    const ids = received.map(({ headers }) => headers['x-coffer-delivery']);
    assert.equal(new Set(ids.slice(0, 4)).size, 1);
    assert.notEqual(ids[4], ids[0]);
    assert.deepEqual(hook.counts, { waiting: 0, delivered: 2, failures: 3, dropped: 0 });
    assert.equal(hook.problem, undefined);
  });

  test('gives up a try at a receiver that stalls, and comes again', async () => {
    answer = (response, count) => {
      if (count > 1) {
        response.end();
      }
    };
    const hook = open(50);
    hook.send(noticeOf('trap'));
    await waitFor(() => hook.counts.failures === 1, { what: 'the first try to fail', interval_ms: 5 });
    await settled(hook);
    assert.equal(hook.counts.delivered, 1);
  });

  test('does not follow to another place, and does not read an answer without end', async () => {
    answer = (response, count) => {
      if (count === 1) {
        response.writeHead(307, { location: '/elsewhere' }).end();
        return;
      }
      response.writeHead(200);
      const more = (): void => {
        if (!response.destroyed && response.write('x'.repeat(65_536))) {
          setImmediate(more);
        }
      };
      response.on('drain', more);
      more();
    };
    const hook = open();
    hook.send(noticeOf('trap'));
    await settled(hook);
    assert.deepEqual(
      received.map(({ url }) => url),
      ['/hook?team=a', '/hook?team=a'],
    );
    assert.deepEqual([hook.counts.delivered, hook.counts.failures], [1, 1]);
  });

  test('says why nothing is taken: nobody listens, or there is no token', async () => {
    const hook = open();
    writeFileSync(path.join(directory.path, 'token'), '\n');
    hook.send(noticeOf('trap'));
    await waitFor(() => hook.problem !== undefined, { what: 'the problem', interval_ms: 5 });
    assert.match(hook.problem ?? '', /COFFER_WEBHOOK_TOKEN_FILE has 1 to 4096 bytes/);
    assert.equal(received.length, 0, 'nothing is sent without a signature');
    const port = portOf();
    server.closeAllConnections();
    server.close();
    writeFileSync(path.join(directory.path, 'token'), TOKEN);
    await waitFor(() => hook.problem?.includes('ECONNREFUSED'), { what: 'the refusal', interval_ms: 5 });
    server.listen(port, '127.0.0.1');
    await settled(hook);
    assert.deepEqual(secretsReceived(), ['trap']);
  });

  test('says what was taken to whoever waits for it, who may have done with it before', async () => {
    answer = (response, count) => {
      response.writeHead(count === 1 ? 204 : 500).end();
    };
    const hook = open();
    const end = new AbortController();
    assert.equal(await hook.deliver(noticeOf('first'), end.signal), true);
    const second = hook.deliver(noticeOf('second'), end.signal);
    await waitFor(() => hook.counts.failures > 1, { what: 'the second to be refused', interval_ms: 5 });
    assert.equal(hook.counts.waiting, 1);
    end.abort();
    assert.equal(await second, false);
    assert.equal(hook.problem, undefined);
    const count = received.length;
    assert.equal(await hook.deliver(noticeOf('late'), end.signal), false);
    assert.equal(received.length, count);
    assert.deepEqual([hook.counts.delivered, hook.counts.waiting, hook.counts.dropped], [1, 0, 0]);
  });

  test('what is refused to one who waits does not hold up the others', async () => {
    answer = (response) => {
      const last = received.at(-1)?.body ?? '';
      response.writeHead(last.includes('changed') ? 400 : 204).end();
    };
    const hook = open();
    const end = new AbortController();
    const refused = hook.deliver({ ...noticeOf('db'), event: 'changed' }, end.signal);
    await waitFor(() => hook.counts.failures > 0, { what: 'the refusal', interval_ms: 5 });
    hook.send(noticeOf('trap'));
    await waitFor(() => hook.counts.delivered === 1, { what: 'the canary', interval_ms: 5 });
    end.abort();
    assert.equal(await refused, false);
  });

  test('one who waits is told at once that it ends', async () => {
    answer = () => undefined;
    const hook = open();
    const { signal } = new AbortController();
    const sent = hook.deliver(noticeOf('first'), signal);
    await waitFor(() => received.length === 1, { what: 'the request', interval_ms: 5 });
    await hook.close();
    assert.deepEqual([await sent, await hook.deliver(noticeOf('late'), signal)], [false, false]);
  });

  test('keeps a bounded number, and ends at once with what waits', async () => {
    answer = () => undefined;
    const hook = open();
    for (let count = 0; count < 1_200; count += 1) {
      hook.send(noticeOf(`s${count}`));
    }
    assert.deepEqual([hook.counts.waiting, hook.counts.dropped], [1_000, 200]);
    await waitFor(() => received.length === 1, { what: 'the first request', interval_ms: 5 });
    await hook.close();
    hook.send(noticeOf('late'));
    assert.equal(hook.counts.delivered, 0);
    assert.equal(received.length, 1);
  });
});

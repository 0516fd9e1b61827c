// SPDX-License-Identifier: Apache-2.0
// The id of a request: in the answer, in the log, in the audit log, and on the command line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CofferError,
  currentRequest,
  type LogFields,
  type Logger,
  silentLogger,
} from '../../../src/common/index.ts';
import { AuditLog } from '../../../src/audit/index.ts';
import { auditedSource } from '../../../src/daemon/audited-store.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { withCli } from '../cli/cli-harness.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Reply, send, withControl } from './control-harness.ts';

const MADE = /^[0-9a-f]{16}$/;

/** Remembers what would stand in the lines of the log, with the request that they are for. */
class Lines {
  readonly seen: (LogFields & { readonly sentence: string })[] = [];
  readonly logger: Logger = {
    ...silentLogger,
    debug: (sentence, fields) => this.#note(sentence, fields),
    warn: (sentence, fields) => this.#note(sentence, fields),
  };

  #note(sentence: string, fields: LogFields = {}): void {
    this.seen.push({ sentence, request: currentRequest(), ...fields });
  }
}

function requestIn({ json }: Reply): unknown {
  return (json as { readonly request?: unknown }).request;
}

test('an answer has the id that the client gave, or a new one for what is none', async () => {
  await withControl({}, async (harness) => {
    const idFor = async (given: string | undefined): Promise<unknown> => {
      const headers = given === undefined ? {} : { 'x-request-id': given };
      return (await send(harness, 'GET', '/v1/status', undefined, headers)).headers['x-request-id'];
    };
    assert.equal(await idFor('deploy-17'), 'deploy-17');
    assert.match(String(await idFor(undefined)), MADE);
    for (const bad of ['a b', 'x'.repeat(65), '{"a":1}', '']) {
      assert.match(String(await idFor(bad)), MADE, bad);
    }
  });
});

test('a refusal says its id, whoever refuses it: express, the quick way of a put, or the daemon behind them', async () => {
  const lines = new Lines();
  const status = (): never => {
    throw new CofferError('internal.unexpected', 'something broke');
  };
  await withControl({ logger: lines.logger, status }, async (harness) => {
    const headers = { 'x-request-id': 'r1' };
    const refused = [
      await send(harness, 'GET', '/v1/nothing', undefined, headers),
      await send(harness, 'PUT', '/v1/secrets/db?expect=-1', Buffer.from('x'), {
        ...headers,
        'content-length': 1,
      }),
      await send(harness, 'GET', '/v1/secrets/none', undefined, headers),
      await send(harness, 'GET', '/v1/status', undefined, headers),
    ];
    assert.deepEqual(refused.map(requestIn), ['r1', 'r1', 'r1', 'r1']);
    const failed = lines.seen.filter(({ sentence }) => sentence === 'a control request failed');
    assert.deepEqual(
      failed.map(({ code, request }) => [code, request]),
      [['internal.unexpected', 'r1']],
    );
    const ended = (): number => lines.seen.filter(({ sentence }) => /has ended/.test(sentence)).length;
    await waitFor(() => ended() === 4, { what: 'a line for each request' });
    assert.ok(!JSON.stringify(lines.seen).includes('none'), 'no name of a secret');
  });
});

test('the record of a put has its id, by the quick way and by way of express', async () => {
  const recorded: unknown[] = [];
  const audit = new AuditLog({
    sinks: [],
    node: () => 'node1',
    version: '1.0',
    now_ms: () => 1,
    monotonic_ms: () => 1,
    logger: silentLogger,
    onRecord: (_event, { secret, request }) => recorded.push([secret, request]),
  });
  const memory = new MemoryStore();
  await withControl({ store: auditedSource(() => memory, audit, 'control') }, async (harness) => {
    for (const [path, id] of [
      ['quick', 'r1'],
      ['by%2dexpress', 'r2'],
    ] as const) {
      const headers = { 'x-request-id': id, 'content-length': 1 };
      await send(harness, 'PUT', `/v1/secrets/${path}`, Buffer.from('x'), headers);
    }
  });
  assert.deepEqual(recorded, [
    ['quick', 'r1'],
    ['by-express', 'r2'],
  ]);
});

test('the command line says the id where the log has more, and only there', async () => {
  const status = (): never => {
    throw new TypeError('of which nobody is told');
  };
  await withCli({ status }, async ({ cli }) => {
    const { code, stderr } = await cli(['status']);
    assert.equal(code, 2);
    const [sentence, hint, request] = stderr.split('\n');
    assert.match(sentence ?? '', /^coffer: the daemon met an error that it did not expect$/);
    assert.equal(hint, "Its cause is in the daemon's log.");
    assert.match(request ?? '', /^In the daemon's log: request [0-9a-f]{16}$/);
    assert.doesNotMatch((await cli(['inspect', 'none'])).stderr, /request/);
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { ControlClient } from '../../../src/cli/control-client.ts';
import { hasScreen, openInBrowser } from '../../../src/cli/open-browser.ts';
import { explainToPage, uiDaemon } from '../../../src/cli/ui-daemon.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { runCli, withCli } from './cli-harness.ts';

/** All that the page can ask a daemon. No call among them is answered with a value, and none takes one. */
const ASKED = [
  'GET /v1/audit',
  'GET /v1/audit/verify',
  'GET /v1/autolock',
  'GET /v1/backups',
  'GET /v1/ca',
  'GET /v1/cluster',
  'GET /v1/doctor',
  'GET /v1/ledger',
  'GET /v1/nodes',
  'GET /v1/rotations',
  'GET /v1/secrets',
  'GET /v1/secrets/db',
  'GET /v1/status',
  'GET /v1/why',
  'POST /v1/secrets/db/rotate',
  'POST /v1/secrets/db/rotate/cancel',
];

test('the web page asks for nothing that is answered with a value, and sends none', async (context) => {
  const directory = temporaryDirectory();
  context.after(() => directory.remove());
  const asked = new Set<string>();
  let sent_bytes = 0;
  const server = createServer((request, response) => {
    asked.add(`${request.method ?? ''} ${new URL(request.url ?? '', 'http://coffer').pathname}`);
    request.on('data', (chunk: Buffer) => {
      sent_bytes += chunk.length;
    });
    response.writeHead(409, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ code: 'rotation.busy', message: 'not now', hint: 'wait' }));
  });
  const socketPath = path.join(directory.path, 'control.sock');
  server.listen(socketPath);
  await once(server, 'listening');
  context.after(() => server.close());

  const daemon = uiDaemon(new ControlClient(socketPath));
  const wish = { value: { spec: 'hex:16' }, expect: 1, timeout_ms: 60_000 };
  const calls: { readonly [Call in keyof typeof daemon]: () => Promise<unknown> } = {
    status: () => daemon.status(),
    checks: () => daemon.checks(),
    cluster: () => daemon.cluster(),
    nodes: () => daemon.nodes(),
    authority: () => daemon.authority(),
    autolock: () => daemon.autolock(),
    backups: () => daemon.backups(),
    secrets: () => daemon.secrets(),
    secret: () => daemon.secret('db'),
    ledger: () => daemon.ledger('db'),
    why: () => daemon.why('db'),
    audit: () => daemon.audit({ tail: 1 }),
    verifyAudit: () => daemon.verifyAudit(),
    rotations: () => daemon.rotations(),
    rotate: () => daemon.rotate('db', wish),
    cancelRotation: () => daemon.cancelRotation('db'),
  };
  for (const call of Object.values(calls)) {
    const refusal: unknown = await call().catch((thrown: unknown) => thrown);
    assert.deepEqual(explainToPage(refusal), { message: 'not now', hint: 'wait' });
  }
  assert.deepEqual([...asked].toSorted(), ASKED);
  assert.equal(sent_bytes, 0);
});

test('ui says what is wrong before it serves anything', async (context) => {
  const taken = createTcpServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  context.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  await withCli({}, async ({ cli }) => {
    const refused = await cli(['ui', '--port', String(port)]);
    assert.equal(refused.code, 1);
    assert.equal(refused.stdout, '');
    assert.match(refused.stderr, /^coffer: port \d+ of 127\.0\.0\.1 is taken\nChoose another with --port/);
    for (const wrong of ['0', '65536', 'x', '-1']) {
      assert.equal((await cli(['ui', '--port', wrong])).code, 1, wrong);
    }
  });
  const directory = temporaryDirectory();
  context.after(() => directory.remove());
  const none = await runCli(['ui'], directory.path);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /^coffer: no coffer daemon found/);
});

test('the token that opens a browser stands in a file of this user alone, until it is removed', (context) => {
  const directory = temporaryDirectory();
  context.after(() => directory.remove());
  const link = 'http://127.0.0.1:1/#token=t';
  const files: string[] = [];
  const forget = openInBrowser(link, { XDG_RUNTIME_DIR: directory.path }, (file) => files.push(file));
  const [file = ''] = files;
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(path.dirname(file)).mode & 0o777, 0o700);
  assert.match(readFileSync(file, 'utf8'), /url=http:\/\/127\.0\.0\.1:1\/#token=t"/);
  forget();
  assert.throws(() => statSync(file), { code: 'ENOENT' });
  assert.ok(!hasScreen({}, 'linux'));
  assert.ok(hasScreen({ DISPLAY: ':0' }, 'linux'));
  assert.ok(hasScreen({ WAYLAND_DISPLAY: 'wayland-0' }, 'linux'));
  assert.ok(hasScreen({}, 'darwin'));
});

// SPDX-License-Identifier: Apache-2.0
// No key and no token's secret is in anything that a running cluster says, on any interface and in any log (A51).
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Logger } from '../../../src/common/index.ts';
import { Daemon, readSettings } from '../../../src/daemon/index.ts';
import { exportKey, generateKey } from '../../../src/pki/index.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { freePort } from '../../support/free-port.ts';
import { describeLeaks, type Leak, LeakScanner } from '../../support/leak-scanner.ts';
import { requestOverSocket, type SocketReply } from '../../support/socket-request.ts';
import { withStore } from '../../support/test-store.ts';
import { waitFor } from '../../support/wait-for.ts';
import { runCli } from '../cli/cli-harness.ts';

/** One daemon in this process, with all that it has said. */
class TestDaemon {
  readonly stateDirectory: string;
  readonly controlSocket: string;
  readonly pluginSocket: string;
  readonly address: string;
  readonly said: { readonly where: string; readonly text: string }[] = [];
  readonly #directory: string;
  #daemon: Daemon | undefined;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.stateDirectory = path.join(directory, 'state');
    this.controlSocket = path.join(directory, 'control.sock');
    this.pluginSocket = path.join(directory, 'plugin.sock');
    this.address = `127.0.0.1:${port}`;
  }

  static async create(t: TestContext): Promise<TestDaemon> {
    const directory = temporaryDirectory();
    const daemon = new TestDaemon(directory.path, await freePort());
    t.after(async () => {
      await daemon.stop();
      directory.remove();
    });
    return daemon;
  }

  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const record = (sentence: string, fields: object = {}): void =>
      void this.said.push({ where: 'the log', text: JSON.stringify({ sentence, ...fields }) });
    const logger: Logger = { debug: record, info: record, warn: record, error: record };
    const read = readSettings({
      COFFER_STATE: this.stateDirectory,
      COFFER_CONTROL_SOCKET: this.controlSocket,
      COFFER_PLUGIN_SOCKET: this.pluginSocket,
      COFFER_GATEWAY_SOCKET: path.join(this.#directory, 'docker.sock'),
      COFFER_ENGINE_SOCKET: path.join(this.#directory, 'none.sock'),
      COFFER_VOLUMES: path.join(this.#directory, 'volumes'),
      COFFER_DRIVER: 'coffer',
      COFFER_LISTEN: this.address,
      ...env,
    });
    assert.equal(read.problem, undefined);
    this.#daemon = new Daemon({
      ...read,
      logger,
      onFault: (error) => {
        throw error;
      },
    });
    await this.#daemon.start();
  }

  async serving(): Promise<void> {
    await waitFor(async () => /"state":"serving"/.test(await this.call('GET', '/v1/status')), {
      what: 'the daemon to serve',
      timeout_ms: 60_000,
    });
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
    this.#daemon = undefined;
  }

  async call(method: 'GET' | 'PUT' | 'POST' | 'DELETE', place: string, body?: object): Promise<string> {
    const { headers, text } = await this.#request(method, place, body);
    this.said.push({ where: `${method} ${place}`, text: `${JSON.stringify(headers)} ${text}` });
    return text;
  }

  /** As `call`, and rejects unless it is done. */
  async done(method: 'PUT' | 'POST' | 'DELETE', place: string, body?: object): Promise<void> {
    const { status, text } = await this.#request(method, place, body);
    this.said.push({ where: `${method} ${place}`, text });
    assert.ok(status < 300, text);
  }

  #request(method: string, place: string, body: object | undefined): Promise<SocketReply> {
    const headers = { host: 'coffer' };
    return requestOverSocket(this.controlSocket, { method, path: place, headers, body, timeout_ms: 30_000 });
  }

  async cli(...argv: readonly string[]): Promise<string> {
    const options = { env: { COFFER_SOCKET: this.controlSocket } };
    const { stderr, stdout } = await runCli(argv, this.#directory, options);
    this.said.push({ where: `coffer ${argv.join(' ')}`, text: stdout + stderr });
    return stdout + stderr;
  }

  /** A token, which is shown once: this answer alone is not kept. */
  async token(role: 'manager' | 'worker'): Promise<string> {
    const { text } = await this.#request('POST', '/v1/join-tokens', { role });
    const { token } = JSON.parse(text) as { readonly token: string };
    assert.match(token, /^coffer-1-/, text);
    return token;
  }
}

function addKey(scanner: LeakScanner, name: string, pkcs8: Buffer): void {
  const { d = '' } = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' });
  scanner.add(name, Buffer.from(d, 'base64url'));
}

async function addKeysOf(scanner: LeakScanner, { stateDirectory }: TestDaemon): Promise<void> {
  const identity = JSON.parse(readFileSync(path.join(stateDirectory, 'identity.json'), 'utf8')) as {
    readonly key: string;
  };
  addKey(scanner, "a node's key", Buffer.from(identity.key, 'base64'));
  await withStore(stateDirectory, async (store) => {
    const { authority } = store.cluster;
    assert.ok(authority !== undefined);
    addKey(scanner, "a CA's key", authority.privateKey);
  });
}

const ASKED = [
  '/v1/status',
  '/v1/cluster',
  '/v1/nodes',
  '/v1/ca',
  '/v1/data-key',
  '/v1/join-tokens',
  '/v1/secrets',
  '/v1/refusals',
  '/v1/why',
  '/v1/doctor',
  '/v1/nodes/nobody',
  '/v1/none',
] as const;

const TYPED = [
  ['status'],
  ['status', '--format', 'json'],
  ['cluster'],
  ['cluster', '--format', 'json'],
  ['ca'],
  ['ca', '--certificate'],
  ['ca', '--format', 'json'],
  ['node', 'ls'],
  ['node', 'ls', '--format', 'json'],
  ['join-token', 'ls'],
  ['join-token', 'ls', '--format', 'json'],
  ['doctor'],
  ['ls'],
  ['why'],
] as const;

async function askEverything(daemon: TestDaemon): Promise<void> {
  for (const place of ASKED) {
    await daemon.call('GET', place);
  }
  const { nodes = [] } = JSON.parse(await daemon.call('GET', '/v1/nodes')) as {
    readonly nodes?: readonly { readonly id: string }[];
  };
  for (const { id } of nodes) {
    await daemon.call('GET', `/v1/nodes/${id}`);
    await daemon.cli('node', 'inspect', id);
  }
  for (const argv of TYPED) {
    await daemon.cli(...argv);
  }
  for (const place of ['/Plugin.Activate', '/SecretProvider.GetSecret', '/none']) {
    const { text } = await requestOverSocket(daemon.pluginSocket, { method: 'POST', path: place, body: {} });
    daemon.said.push({ where: `plugin ${place}`, text });
  }
}

test('A51: a running cluster keeps its keys and its tokens to itself', async (t) => {
  const scanner = new LeakScanner();
  const first = await TestDaemon.create(t);
  await first.start();
  await first.serving();
  await first.stop();
  await addKeysOf(scanner, first);
  await first.start();
  await first.serving();
  const token = await first.token('manager');
  const [, , , , , secret = ''] = token.split('-');
  scanner.add("a token's secret", Buffer.from(secret));
  const second = await TestDaemon.create(t);
  await second.start({ COFFER_JOIN: first.address, COFFER_JOIN_TOKEN: token });
  await second.serving();
  const wrong = await TestDaemon.create(t);
  await wrong.start({ COFFER_JOIN: '127.0.0.1:1', COFFER_JOIN_TOKEN: token });
  await askEverything(wrong);
  await waitFor(async () => (await first.call('GET', '/v1/cluster')).includes('"voters":2'), {
    what: 'two managers to vote',
  });
  await askEverything(first);
  await askEverything(second);
  await first.done('POST', '/v1/ca/rotate', {});
  await first.call('POST', '/v1/ca/rotate', {});
  await second.done('PUT', '/v1/cluster/certificate-lifetime', { lifetime_ms: 7_200_000 });
  await first.done('DELETE', `/v1/join-tokens/${token.split('-')[4] ?? ''}`);
  await askEverything(second);
  await askEverything(first);
  await Promise.all([first.stop(), second.stop(), wrong.stop()]);
  await addKeysOf(scanner, first);
  await addKeysOf(scanner, second);
  const leaks: Leak[] = [];
  const all = [...first.said, ...second.said, ...wrong.said];
  for (const { text, where } of all) {
    assert.doesNotMatch(text, /PRIVATE KEY/, where);
    leaks.push(...scanner.scan(Buffer.from(text), where));
  }
  assert.equal(describeLeaks(leaks), '');
  assert.ok(all.length > 150 && all.some(({ text }) => text.includes('BEGIN CERTIFICATE')));
  for (const { stateDirectory } of [first, second]) {
    assert.equal(statSync(path.join(stateDirectory, 'identity.json')).mode & 0o777, 0o600);
    // The CA's key and the tokens are in the sealed store alone.
    const kept = scanner.scanTree(stateDirectory, (place) => place.endsWith('identity.json'));
    assert.equal(describeLeaks(kept), '');
  }
});

test('the scan would find a key in the forms in which one could leak', () => {
  const scanner = new LeakScanner();
  const key = createKey();
  addKey(scanner, 'a key', key);
  const pem = `-----BEGIN X-----\n${key.toString('base64')}\n-----END X-----\n`;
  for (const text of [
    pem,
    JSON.stringify({ key: [...key] }),
    key.toString('hex'),
    `x${key.toString('base64')}`,
  ]) {
    assert.ok(scanner.scan(Buffer.from(text), 'here').length > 0);
  }
});

function createKey(): Buffer {
  return exportKey(generateKey());
}

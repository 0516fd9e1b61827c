// SPDX-License-Identifier: Apache-2.0
// Requests as bytes, as they come to each HTTP listener of the daemon: through Node's parser, and what is made of what that lets through.
import { isMainThread } from 'node:worker_threads';
import { HttpListenerSession } from '../../unit/hostile/listener-session.ts';
import { control, gateway, monitoring, plugin, webPage } from '../../unit/hostile/http-listeners.ts';
import { CANARY } from '../canary.ts';
import { BrokenPromise, type FuzzTarget, textSeeds } from '../target.ts';

/** What was answered is no success. */
class Refused extends Error {
  override readonly name = 'Refused';
}

const HTTP_WORDS = [
  'HTTP/1.0',
  'HTTP/1.1',
  'GET ',
  'HEAD ',
  'POST ',
  'OPTIONS ',
  'CONNECT ',
  '\r\n\r\n',
  'Host: 127.0.0.1\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 99999999999\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Expect: 100-continue\r\n',
  'Expect: x\r\n',
  'Connection: Upgrade\r\nUpgrade: tcp\r\n',
  'Connection: close\r\n',
  'Content-Encoding: gzip\r\n',
  'Content-Type: application/json; charset=utf-16\r\n',
  'X-Request-Id: x\r\n',
  '0\r\n\r\n',
  '5;a=b\r\nhello\r\n',
  '/../',
  '%00',
  '%ff',
  '?a[]=b&a[c]=d',
  '*',
];

function request(line: string, body?: string, ...headers: readonly string[]): string {
  const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return [`${line} HTTP/1.1`, 'Host: 127.0.0.1', ...headers, ...length, '', body ?? ''].join('\r\n');
}

const JSON_TYPE = 'Content-Type: application/json';
const GET_SECRET = JSON.stringify({
  SecretName: 'db',
  SecretLabels: { 'coffer.generate': 'hex:32' },
  TaskID: 't',
});
const SPEC = JSON.stringify({ Name: 'db', Labels: {}, Data: Buffer.from(CANARY).toString('base64') });

/** Each connection costs more than to parse; fewer inputs make up for it. */
const COST = 20;
const MEMORY_BYTES = 8 * 1024 * 1024;

function target(
  name: string,
  start: ConstructorParameters<typeof HttpListenerSession>[0],
  ...seeds: readonly string[]
): FuzzTarget {
  const session = new HttpListenerSession(start, { isThread: !isMainThread });
  return {
    name,
    seeds: textSeeds(...seeds),
    refuses: (thrown) => thrown instanceof Refused,
    run: async (bytes) => {
      const { answer, problem } = await session.exchange(bytes);
      if (problem !== undefined) {
        throw new BrokenPromise(problem);
      }
      if (!/^HTTP\/1\.1 (?:100 Continue\r\n\r\nHTTP\/1\.1 )?2\d\d /.test(answer)) {
        throw new Refused();
      }
    },
    words: HTTP_WORDS,
    cost: COST,
    memory_bytes: MEMORY_BYTES,
    stop: async () => session.stop(),
  };
}

export const listenerTargets: readonly FuzzTarget[] = [
  target(
    'plugin/requests',
    plugin,
    request('POST /SecretProvider.GetSecret', GET_SECRET),
    request('POST /Plugin.Activate', ''),
    `${request('POST /SecretProvider.GetSecret', '{}')}${request('POST /Plugin.Activate', '')}`,
    `POST /SecretProvider.GetSecret HTTP/1.1\r\nHost: \r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
  ),
  target(
    'control/requests',
    control,
    request('PUT /v1/secrets/db?expect=absent&label=a%3Db', CANARY, 'Content-Type: application/octet-stream'),
    request('GET /v1/status'),
    request('GET /v1/secrets'),
    request('GET /v1/doctor'),
    request('GET /v1/refusals?name=web'),
    `${request('GET /v1/status')}${request('GET /v1/secrets')}`,
  ),
  target(
    'gateway/requests',
    gateway,
    request('GET /v1.41/secrets'),
    request('POST /v1.41/secrets/create', SPEC, JSON_TYPE),
    request('GET /_ping'),
    `${request('GET /v1.41/secrets')}${request('GET /_ping')}`,
  ),
  target(
    'monitoring/requests',
    monitoring,
    request('GET /metrics'),
    request('GET /livez'),
    request('GET /readyz?verbose'),
    request('HEAD /metrics'),
    request('GET /v1/sys/health?standbyok=true'),
  ),
  target(
    'ui/requests',
    webPage,
    request('GET /'),
    request('GET /style.css'),
    `${request('GET /')}${request('POST /sign-in', 'token=x', 'Origin: http://127.0.0.1', 'Content-Type: application/x-www-form-urlencoded')}`,
    request('HEAD /'),
  ),
];

// SPDX-License-Identifier: Apache-2.0
// The same calls on the engine's own socket and through the gateway: what a user sees must be the same.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { CommandResult } from './command.ts';
import { type DockerCli, dockerClis } from './docker-cli.ts';
import type { DockerOptions } from './engine.ts';
import type { Installation } from './installation.ts';
import { requestOverSocket, type SocketRequest } from './socket-request.ts';

/** What came of one call, without what differs from one run to the next. */
export interface Exchange {
  readonly call: string;
  readonly outcome: unknown;
}

export interface DockerTranscript {
  readonly cli: DockerCli;
  /** Runs a docker command and writes down its exit code and what it printed. Resolves to its standard output. */
  readonly ask: (args: readonly string[], options?: DockerOptions) => Promise<string>;
}

export type DockerStory = (transcript: DockerTranscript) => Promise<void>;

/** How much of an id a story uses in place of the whole. */
export const ID_PREFIX_LENGTH = 12;

/** Names the ids, by their order of appearance, and the times of a text. */
class Anonymiser {
  readonly #ids = new Map<string, string>();

  anonymous(text: string): string {
    return this.#withoutIds(text)
      .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*(Z| \+0000 utc)/g, '<time>')
      .replaceAll(/("Index": ?)\d+/g, '$1<index>')
      .replaceAll(/(?<=following services: ).*/g, inAnyOrder);
  }

  #withoutIds(text: string): string {
    let rest = text.replaceAll(/\b[a-z0-9]{25}\b/g, (id) => {
      const name = this.#ids.get(id) ?? `<id ${this.#ids.size + 1}>`;
      this.#ids.set(id, name);
      return name;
    });
    for (const [id, name] of this.#ids) {
      rest = rest.replaceAll(id.slice(0, ID_PREFIX_LENGTH), `${name} shortened`);
    }
    return rest;
  }
}

/** The engine names services in the order of their ids. */
function inAnyOrder(names: string): string {
  return names.split(', ').sort().join(', ');
}

/** Tells a story to one socket. */
export async function dockerTranscript(
  { engine }: Installation,
  socket: string,
  cli: DockerCli,
  story: DockerStory,
): Promise<readonly Exchange[]> {
  const asked: (readonly [call: string, result: Promise<CommandResult>])[] = [];
  await story({
    cli,
    async ask(args, options) {
      const result = engine.tryDocker(args, { cli, socket, ...options });
      // Written down in the order of asking, also when several are asked at once.
      asked.push([`docker ${args.map((word) => JSON.stringify(word)).join(' ')}`, result]);
      return (await result).stdout;
    },
  });
  const anonymiser = new Anonymiser();
  const exchanges: Exchange[] = [];
  for (const [call, result] of asked) {
    const { code, stdout, stderr } = await result;
    exchanges.push({
      call: anonymiser.anonymous(call),
      outcome: { code, stdout: anonymiser.anonymous(stdout), stderr: anonymiser.anonymous(stderr) },
    });
  }
  return exchanges;
}

/**
 * Tells a story to the engine's own socket and to the gateway, with every `docker` of this machine, and
 * compares what came of it. The story removes what it makes.
 */
export async function sameThroughGateway(installation: Installation, story: DockerStory): Promise<void> {
  for (const cli of dockerClis()) {
    const { engine, gatewaySocket } = installation;
    const direct = await dockerTranscript(installation, engine.socket, cli, story);
    const through = await dockerTranscript(installation, gatewaySocket, cli, story);
    assertSame(through, direct, `docker ${cli.version}`);
  }
}

/** Compares call by call, so that a failure shows the calls that differ, and only those. */
export function assertSame(actual: readonly Exchange[], expected: readonly Exchange[], who: string): void {
  assert.ok(expected.length > 0, 'a story asks something');
  assert.equal(actual.length, expected.length, `${who}: the number of calls`);
  const differs = expected.map((exchange, index) => !isDeepStrictEqual(actual[index], exchange));
  assert.deepEqual(
    actual.filter((_, index) => differs[index]),
    expected.filter((_, index) => differs[index]),
    who,
  );
}

export interface ApiTranscript {
  /** Sends a request and writes down its reply. Resolves to the reply's text. */
  readonly send: (request: SocketRequest) => Promise<string>;
  /** The same without writing it down: to prepare, to clean up, to look something up. */
  readonly quietly: (request: SocketRequest) => Promise<string>;
}

export type ApiStory = (transcript: ApiTranscript) => Promise<void>;

/** What a client may rely on beside status and body. */
const HEADERS = [
  'content-type',
  'api-version',
  'docker-experimental',
  'ostype',
  'server',
  'x-content-type-options',
];

async function apiTranscript(socket: string, story: ApiStory): Promise<readonly Exchange[]> {
  const exchanges: Exchange[] = [];
  const anonymiser = new Anonymiser();
  const quietly = async (request: SocketRequest): Promise<string> => {
    const { text } = await requestOverSocket(socket, request);
    anonymiser.anonymous(text);
    return inWordsOfAnyGo(text);
  };
  await story({
    quietly,
    async send(request) {
      const { status, headers, text } = await requestOverSocket(socket, request);
      const { method = 'GET', path, body } = request;
      const shown = typeof body === 'string' ? body.slice(0, 200) : (JSON.stringify(body) ?? '');
      exchanges.push({
        call: anonymiser.anonymous(`${method} ${path} ${shown}`),
        outcome: {
          status,
          headers: HEADERS.map((name) => `${name}: ${String(headers[name])}`),
          body: anonymiser.anonymous(inWordsOfAnyGo(withoutDriver(text))),
        },
      });
      return text;
    },
  });
  return exchanges;
}

/** The one thing that coffer's secrets have and the engine's own have not. */
function withoutDriver(text: string): string {
  return text.replaceAll(/,"Driver":\{"Name":"coffer(:latest)?"\}/g, '');
}

/**
 * Where a JSON value of the wrong type stands, each version of Go tells in another way, and no answer says which one an engine was
 * built with. What the value is, and what it should be, stays.
 */
function inWordsOfAnyGo(text: string): string {
  return text
    .replaceAll(/json: cannot unmarshal string into Go struct field \S+ of type \[\]uint8: (?=illegal)/g, '')
    .replaceAll(/(json: cannot unmarshal \w+ into )(?:Go struct field )?\S+ (?=of type)/g, '$1<field> ');
}

/** Tells a story of raw calls to both sockets and compares the replies. The story removes what it makes. */
export async function sameApiThroughGateway(installation: Installation, story: ApiStory): Promise<void> {
  const direct = await apiTranscript(installation.engine.socket, story);
  const through = await apiTranscript(installation.gatewaySocket, story);
  assertSame(through, direct, 'raw');
}

/** Runs `work` for each item, a few at a time, and resolves to the results in order. */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const width = 4;
  for (let start = 0; start < items.length; start += width) {
    results.push(...(await Promise.all(items.slice(start, start + width).map(work))));
  }
  return results;
}

// SPDX-License-Identifier: Apache-2.0
// The web page's server with a played daemon, spoken to as a browser would, or as one would not.
import { request as httpRequest } from 'node:http';
import type { TestContext } from 'node:test';
import { explainToPage } from '../../../src/cli/ui-daemon.ts';
import { startUi, type UiServer } from '../../../src/ui/index.ts';
import type { UiOptions } from '../../../src/ui/options.ts';
import { NOW_MS, PlayedDaemon } from './played-daemon.ts';

export interface PageReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface PageRequest {
  readonly method?: string;
  /** `null`: it is left out. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly form?: Readonly<Record<string, string>>;
}

/** The web page at a port that the system chooses. */
export function startPage(overrides: Partial<UiOptions> = {}): Promise<UiServer> {
  return startUi(0, {
    daemon: new PlayedDaemon(),
    explain: explainToPage,
    version: '1.2.3',
    commandName: 'docker coffer',
    now_ms: () => NOW_MS,
    ...overrides,
  });
}

export class Visitor {
  readonly server: UiServer;
  readonly daemon: PlayedDaemon;
  now_ms = NOW_MS;
  cookie = '';
  /** `/PLACE/`. */
  place = '/';

  private constructor(server: UiServer, daemon: PlayedDaemon, setClock: (now_ms: () => number) => void) {
    this.server = server;
    this.daemon = daemon;
    setClock(() => this.now_ms);
  }

  static async come(context: TestContext): Promise<Visitor> {
    const daemon = new PlayedDaemon();
    let now_ms = (): number => NOW_MS;
    const server = await startPage({ daemon, now_ms: () => now_ms() });
    context.after(() => server.close());
    return new Visitor(server, daemon, (clock) => {
      now_ms = clock;
    });
  }

  static async signedIn(context: TestContext): Promise<Visitor> {
    const visitor = await Visitor.come(context);
    await visitor.signIn();
    return visitor;
  }

  get token(): string {
    return new URLSearchParams(new URL(this.server.link).hash.slice(1)).get('token') ?? '';
  }

  async signIn(token = this.token): Promise<PageReply> {
    const reply = await this.ask('/sign-in', { form: { token } });
    if (reply.status === 303) {
      this.place = (reply.headers['location'] ?? '').replace(/cluster$/, '');
      this.cookie = (reply.headers['set-cookie'] ?? '').split(';')[0] ?? '';
    }
    return reply;
  }

  /** A page of somebody who is signed in. */
  page(page: string, request: PageRequest = {}): Promise<PageReply> {
    return this.ask(this.place + page, request);
  }

  /** Sends a form as the page would that it stands in. */
  async send(page: string, form: Readonly<Record<string, string>>): Promise<PageReply> {
    const { body } = await this.page('cluster');
    const token = /name="form" value="([^"]+)"/.exec(body)?.[1] ?? '';
    return this.page(page, { form: { form: token, ...form } });
  }

  async ask(path: string, { form, headers = {}, method }: PageRequest = {}): Promise<PageReply> {
    const { host, port } = new URL(this.server.address);
    const body = form === undefined ? undefined : new URLSearchParams(form).toString();
    const all: Readonly<Record<string, string | null>> = {
      host,
      cookie: this.cookie,
      ...(body !== undefined && {
        origin: `http://${host}`,
        'content-type': 'application/x-www-form-urlencoded',
      }),
      ...headers,
    };
    const kept = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== null);
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      path,
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: Object.fromEntries(kept),
      agent: false,
      setHost: false,
    });
    return new Promise((resolve, reject) => {
      request.once('error', reject).once('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('end', () => {
          const told = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
          resolve({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(told) as Readonly<Record<string, string>>,
            body: text,
          });
        });
      });
      request.end(body);
    });
  }
}

// SPDX-License-Identifier: Apache-2.0
// The server of the pages: on the loopback interface, for one person.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { icon, script, style } from 'coffer:ui-assets';
import { CofferError, ConnectionBounds, unreachable } from '../common/index.ts';
import { Access, type AccessEnd, isFormOf } from './access.ts';
import { ACTIONS, type FormVisit, showBegin } from './actions.ts';
import { checkHost, checkOrigin, cookieIn, SECURITY_HEADERS } from './guard.ts';
import { html } from './html.ts';
import type { UiOptions } from './options.ts';
import { outsidePage, signInPage } from './pages/layout.ts';
import { problemNote } from './pages/parts.ts';
import { type Answer, readForm } from './request.ts';
import { answerProblem, VIEWS, type Visit } from './routes.ts';

const ADDRESS = '127.0.0.1';
const COOKIE = 'coffer-ui';
const LOOK_MS = 1_000;
const LIMITS = {
  maxHeaderSize: 16_384,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};
const HEAD_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 64;
/** Of a browser that reads nothing; an answer of the daemon may take twenty seconds. */
const IDLE_TIMEOUT_MS = 60_000;

const FILES: ReadonlyMap<string, Answer> = new Map([
  ['/style.css', { kind: 'file', type: 'text/css; charset=utf-8', text: style }],
  ['/script.js', { kind: 'file', type: 'text/javascript; charset=utf-8', text: script }],
  ['/icon.svg', { kind: 'file', type: 'image/svg+xml', text: icon }],
]);

export interface UiServer {
  /** `http://127.0.0.1:PORT/`. */
  readonly address: string;
  /** The address with the token that signs in once. */
  readonly link: string;
  /** Resolves when nobody has access any more, or can come to have it. */
  readonly over: Promise<AccessEnd>;
  /** Resolves when the port is free again. */
  close(): Promise<void>;
}

/** Listens on `port` of the loopback interface; 0 is any that is free. Rejects with the system's error if it cannot. */
export async function startUi(port: number, options: UiOptions): Promise<UiServer> {
  const { access, token } = Access.open(options.now_ms);
  const bounds = new ConnectionBounds({ connectionsMax: CONNECTIONS_MAX });
  const { headTimeout_ms = HEAD_TIMEOUT_MS } = options;
  const timeouts = { headersTimeout: headTimeout_ms, requestTimeout: 3 * headTimeout_ms };
  const server = createServer({ ...LIMITS, ...timeouts }, (request, response) => {
    if (bounds.admits(request, response)) {
      void answerTo(request, access, options).then((answer) => send(request, response, answer));
    }
  });
  server.timeout = IDLE_TIMEOUT_MS;
  bounds.watch(server);
  server.listen(port, ADDRESS);
  await once(server, 'listening');
  const address = `http://${ADDRESS}:${(server.address() as AddressInfo).port}/`;
  const { look, over } = whenOver(access);
  return {
    address,
    link: `${address}#token=${token}`,
    over,
    close: () => {
      clearInterval(look);
      return closed(server);
    },
  };
}

function whenOver(access: Access): { readonly look: NodeJS.Timeout; readonly over: Promise<AccessEnd> } {
  let tell: (end: AccessEnd) => void = () => undefined;
  const over = new Promise<AccessEnd>((resolve) => {
    tell = resolve;
  });
  const look = setInterval(() => {
    const end = access.end();
    if (end !== undefined) {
      clearInterval(look);
      tell(end);
    }
  }, LOOK_MS);
  return { look, over };
}

async function closed(server: Server): Promise<void> {
  const gone = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await gone;
}

/** Never rejects. */
async function answerTo(request: IncomingMessage, access: Access, options: UiOptions): Promise<Answer> {
  try {
    checkHost(request.headers);
    const isPost = request.method === 'POST';
    if (isPost) {
      checkOrigin(request.headers);
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new CofferError('request.method', 'a page is read (GET), or a form is sent (POST)');
    }
    const url = new URL(request.url ?? '/', `http://${ADDRESS}`);
    const file = FILES.get(url.pathname);
    if (file !== undefined && !isPost) {
      return file;
    }
    if (url.pathname === '/') {
      return { kind: 'page', page: signInPage(options.commandName, undefined) };
    }
    if (url.pathname === '/sign-in' && isPost) {
      return signIn(await readForm(request), access, options);
    }
    return await answerInside(request, url, access, options);
  } catch (thrown) {
    const { detail: message, hint, status } = CofferError.from(thrown, 'request.invalid');
    const page = outsidePage('That did not work', problemNote({ message, hint }));
    return { kind: 'page', status, page };
  }
}

function signIn(form: URLSearchParams, access: Access, { commandName }: UiOptions): Answer {
  const signedIn = access.signIn(form.get('token') ?? '');
  if (signedIn === undefined) {
    const message = 'this token is not the one, was used before, or is older than five minutes';
    const problem = { message, hint: `End ${commandName} ui with Ctrl-C, and type it again for a new link.` };
    return { kind: 'page', status: 403, page: signInPage(commandName, problem) };
  }
  const { cookie, session } = signedIn;
  return {
    kind: 'redirect',
    to: `/${session.place}/cluster`,
    cookie: `${COOKIE}=${cookie}; Path=/${session.place}/; HttpOnly; SameSite=Strict`,
  };
}

/** Whoever has no session is told that, whatever was asked for. */
async function answerInside(
  request: IncomingMessage,
  { pathname, searchParams: query }: URL,
  access: Access,
  options: UiOptions,
): Promise<Answer> {
  const [, place = '', page = '', ...more] = pathname.split('/');
  // A page that is left open asks for progress by itself.
  const session = access.sessionOf(place, cookieIn(request.headers, COOKIE), page !== 'progress');
  if (session === undefined) {
    throw new CofferError('ui.signed-out', 'you are not signed in, or not any more', {
      hint: `Type ${options.commandName} ui again, and open the link that it prints.`,
    });
  }
  const visit: Visit = { session, query };
  try {
    const name = more.length === 0 ? page : '';
    return request.method === 'POST'
      ? await act(name, { ...visit, form: await readForm(request) }, access, options)
      : await viewOf(name)(visit, options);
  } catch (thrown) {
    return answerProblem(thrown, visit, options);
  }
}

function viewOf(name: string): NonNullable<ReturnType<typeof VIEWS.get>> {
  const view = name === 'rotate' ? showBegin : VIEWS.get(name);
  if (view === undefined) {
    throw new CofferError('request.not-found', 'there is no such page');
  }
  return view;
}

async function act(name: string, visit: FormVisit, access: Access, options: UiOptions): Promise<Answer> {
  const { form, session } = visit;
  if (!isFormOf(session, form.get('form') ?? '')) {
    throw new CofferError('ui.refused', 'this form was not made for your session', {
      hint: 'Go back, load the page again, and try again.',
    });
  }
  if (name === 'sign-out') {
    access.signOut();
    return {
      kind: 'page',
      page: outsidePage(
        'Signed out',
        html`<p>You are signed out, and ${options.commandName} ui has ended.</p>`,
      ),
    };
  }
  const action = ACTIONS.get(name);
  if (action === undefined) {
    throw new CofferError('request.not-found', 'there is no such form');
  }
  return action(visit, options);
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    response.setHeader(name, value);
  }
  const [status, type, text] = contentOf(answer);
  if (answer.kind === 'redirect') {
    response.setHeader('Location', answer.to);
    if (answer.cookie !== undefined) {
      response.setHeader('Set-Cookie', answer.cookie);
    }
  }
  const body = Buffer.from(text);
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function contentOf(answer: Answer): readonly [status: number, type: string, text: string] {
  switch (answer.kind) {
    case 'page':
      return [answer.status ?? 200, 'text/html; charset=utf-8', answer.page.markup];
    case 'json':
      return [200, 'application/json', JSON.stringify(answer.value)];
    case 'file':
      return [200, answer.type, answer.text];
    case 'redirect':
      return [303, 'text/plain; charset=utf-8', ''];
    default:
      return unreachable(answer);
  }
}

// SPDX-License-Identifier: Apache-2.0
// A real browser, headless, spoken to over pipes in its own protocol (https://chromedevtools.github.io/devtools-protocol/).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { BrowserTab } from './browser-tab.ts';
import { atProcessEnd, killProcess, temporaryDirectory } from './cleanup.ts';

const PROGRAM = 'chromium';
const CALL_MS_MAX = 30_000;
const STOP_MS_MAX = 10_000;

/** Nothing is asked of anybody but the loopback interface. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--disable-extensions',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-sync',
  '--no-default-browser-check',
  '--no-first-run',
  '--no-proxy-server',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  '--remote-debugging-pipe',
] as const;

/** One sentence that says why there is no browser here, or undefined where there is one. */
export function whyNoBrowser(): string | undefined {
  const isThere = [...(process.env['PATH'] ?? '').split(':'), '/usr/bin'].some((directory) => {
    try {
      accessSync(path.join(directory, PROGRAM), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return isThere ? undefined : `${PROGRAM} not found (Debian package: ${PROGRAM})`;
}

export interface BrowserEvent {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly sessionId?: string;
}

interface Reply {
  readonly id: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

interface Waiting {
  readonly resolve: (result: Readonly<Record<string, unknown>>) => void;
  readonly reject: (error: Error) => void;
}

export class Browser {
  readonly #process: ChildProcess;
  readonly #commands: Writable;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(event: BrowserEvent) => void>();
  readonly #forget: () => void;
  #nextId = 1;
  #received = '';

  private constructor(child: ChildProcess, forget: () => void) {
    this.#process = child;
    this.#forget = forget;
    this.#commands = child.stdio[3] as Writable;
    const answers = child.stdio[4] as Readable;
    answers.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    for (const stream of [this.#commands, answers]) {
      stream.on('error', () => undefined);
    }
    child.once('exit', () => this.#failAll());
  }

  /** With a profile of its own, which goes when it is stopped. */
  static async start(): Promise<Browser> {
    const profile = temporaryDirectory();
    const child = spawn(PROGRAM, [...FLAGS, `--user-data-dir=${profile.path}`], {
      env: { PATH: process.env['PATH'] ?? '', HOME: profile.path },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    await once(child, 'spawn');
    const { pid = 0 } = child;
    const forget = atProcessEnd(() => killProcess(pid));
    const browser = new Browser(child, () => {
      forget();
      profile.remove();
    });
    await browser.call('Browser.getVersion');
    return browser;
  }

  /** A new tab, which is as wide and high as said. */
  async tab(width = 1280, height = 900): Promise<BrowserTab> {
    const { targetId } = await this.call('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true });
    const tab = new BrowserTab(this, String(sessionId));
    await tab.prepare(width, height);
    return tab;
  }

  onEvent(listener: (event: BrowserEvent) => void): void {
    this.#listeners.add(listener);
  }

  /** Rejects with what the browser says is wrong. */
  async call(
    method: string,
    params: object = {},
    sessionId?: string,
    timeout_ms = CALL_MS_MAX,
  ): Promise<Readonly<Record<string, unknown>>> {
    const id = this.#nextId;
    this.#nextId += 1;
    const answer = new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#commands.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`);
    const late = setTimeout(
      () => this.#waiting.get(id)?.reject(new Error(`the browser did not answer ${method}`)),
      timeout_ms,
    );
    try {
      return await answer;
    } finally {
      clearTimeout(late);
      this.#waiting.delete(id);
    }
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      await this.call('Browser.close').catch(() => undefined);
      await Promise.race([gone, delay(STOP_MS_MAX, undefined, { ref: false })]);
      if (child.exitCode === null && child.signalCode === null) {
        killProcess(child.pid);
        await gone;
      }
    }
    this.#forget();
  }

  #take(text: string): void {
    const messages = (this.#received + text).split('\0');
    this.#received = messages.pop() ?? '';
    for (const message of messages) {
      const told = JSON.parse(message) as Reply | BrowserEvent;
      if ('method' in told) {
        this.#listeners.forEach((listener) => listener(told));
      } else if (told.error === undefined) {
        this.#waiting.get(told.id)?.resolve(told.result ?? {});
      } else {
        this.#waiting.get(told.id)?.reject(new Error(told.error.message));
      }
    }
  }

  #failAll(): void {
    this.#waiting.forEach(({ reject }) => reject(new Error('the browser has ended')));
  }
}

// SPDX-License-Identifier: Apache-2.0
// One tab of a browser: what a person does in it, and all that it was sent.
import { writeFileSync } from 'node:fs';
import type { Browser, BrowserEvent } from './browser.ts';
import { waitFor } from './wait-for.ts';

const WAIT_MS_MAX = 60_000;
const LOOK_MS_MAX = 2_000;

const KEYS = {
  Tab: { code: 'Tab', windowsVirtualKeyCode: 9, text: undefined },
  Enter: { code: 'Enter', windowsVirtualKeyCode: 13, text: '\r' },
} as const;

const PRESSES_MAX = 80;
const FOCUSED = `(() => {
  const focused = document.activeElement;
  const name = focused.labels?.[0]?.textContent ?? focused.getAttribute('aria-label') ?? focused.textContent;
  return { name: name.trim(), outline: getComputedStyle(focused).outlineStyle };
})()`;

export interface Spoken {
  readonly role: string;
  readonly name: string;
}

interface AccessibleNode {
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
}

export interface SeenResponse {
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export class BrowserTab {
  readonly #browser: Browser;
  readonly #session: string;
  readonly #responses = new Map<string, SeenResponse>();
  readonly #reading = new Set<Promise<void>>();
  /** What it has asked for, and was sent, in the order of that; a redirect is none of them. */
  readonly seen: SeenResponse[] = [];
  /** What scripts and the page's own rules have complained of. */
  readonly complaints: string[] = [];

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
    browser.onEvent((event) => {
      if (event.sessionId === session) {
        this.#hear(event);
      }
    });
  }

  async prepare(width: number, height: number): Promise<void> {
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) {
      await this.#call(`${domain}.enable`);
    }
    await this.#call('Emulation.setScrollbarsHidden', { hidden: true });
    await this.resize(width, height);
  }

  async resize(width: number, height: number): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: false };
    await this.#call('Emulation.setDeviceMetricsOverride', metrics);
  }

  /** From the next page on. */
  async withoutScripts(): Promise<void> {
    await this.#call('Emulation.setScriptExecutionDisabled', { value: true });
  }

  async dark(isDark: boolean): Promise<void> {
    const value = isDark ? 'dark' : 'light';
    await this.#call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] });
  }

  async goto(url: string): Promise<void> {
    await this.#call('Page.navigate', { url });
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string, timeout_ms?: number): Promise<T> {
    const shape = { expression, returnByValue: true };
    const answer = await this.#call('Runtime.evaluate', shape, timeout_ms);
    if (answer['exceptionDetails'] !== undefined) {
      throw new Error(`${expression}: ${JSON.stringify(answer['exceptionDetails'])}`);
    }
    return (answer['result'] as { readonly value: T }).value;
  }

  /** Waits until an expression is true in the page, which may be another page meanwhile. */
  async until(expression: string, what: string): Promise<void> {
    // What a page is asked that is just going away may stay without an answer.
    const look = (): Promise<boolean> => this.evaluate<boolean>(`Boolean(${expression})`, LOOK_MS_MAX);
    await waitFor(() => look().catch(() => false), { what, timeout_ms: WAIT_MS_MAX });
  }

  /** Waits for a page with this heading. */
  async heading(text: string): Promise<void> {
    const isIt = `document.readyState === 'complete' && document.querySelector('h1')?.textContent === ${JSON.stringify(text)}`;
    await this.until(isIt, `the page ${text}`);
  }

  async text(): Promise<string> {
    return this.evaluate<string>('document.body.innerText');
  }

  /** Tab, until what has this name has the focus, which must be seen. Throws if nothing has it. */
  async tabTo(name: string): Promise<void> {
    for (let presses = 0; presses < PRESSES_MAX; presses += 1) {
      await this.press('Tab');
      const focused = await this.evaluate<{ name: string; outline: string }>(FOCUSED);
      if (focused.name === name) {
        if (focused.outline === 'none') {
          throw new Error(`nobody sees that ${name} has the focus`);
        }
        return;
      }
    }
    throw new Error(`${PRESSES_MAX} times Tab do not lead to ${name}`);
  }

  /** What a screen reader is told of: the role and the name of each thing that is there. */
  async spoken(): Promise<readonly Spoken[]> {
    const { nodes } = await this.#call('Accessibility.getFullAXTree');
    return (nodes as readonly AccessibleNode[])
      .filter(({ ignored }) => !ignored)
      .map(({ name, role }) => ({ role: role?.value ?? '', name: name?.value ?? '' }));
  }

  async press(key: keyof typeof KEYS): Promise<void> {
    const { text, ...known } = KEYS[key];
    await this.#call('Input.dispatchKeyEvent', { type: 'keyDown', key, ...known, ...(text && { text }) });
    await this.#call('Input.dispatchKeyEvent', { type: 'keyUp', key, ...known });
  }

  async type(text: string): Promise<void> {
    await this.#call('Input.insertText', { text });
  }

  /** The picture of the window, as a PNG file. */
  async screenshot(file: string): Promise<void> {
    const { data } = await this.#call('Page.captureScreenshot', { format: 'png' });
    writeFileSync(file, Buffer.from(String(data), 'base64'));
  }

  /** Resolves when all that has come is in `seen`. */
  async settled(): Promise<void> {
    await Promise.all(this.#reading);
  }

  #hear({ method, params }: BrowserEvent): void {
    const id = String(params['requestId']);
    if (method === 'Network.responseReceived') {
      const { headers, status, url } = params['response'] as Omit<SeenResponse, 'body'>;
      this.#responses.set(id, { url, status, headers, body: '' });
    } else if (method === 'Network.loadingFinished') {
      const reading = this.#readBody(id).finally(() => this.#reading.delete(reading));
      this.#reading.add(reading);
    } else if (method === 'Log.entryAdded' || method === 'Runtime.exceptionThrown') {
      this.complaints.push(JSON.stringify(params));
    }
  }

  async #readBody(id: string): Promise<void> {
    const response = this.#responses.get(id);
    if (response === undefined) {
      return;
    }
    const { base64Encoded, body = '' } = await this.#call('Network.getResponseBody', { requestId: id }).catch(
      (): Readonly<Record<string, unknown>> => ({}),
    );
    const text = base64Encoded === true ? Buffer.from(String(body), 'base64').toString() : String(body);
    this.seen.push({ ...response, body: text });
  }

  #call(
    method: string,
    params: object = {},
    timeout_ms?: number,
  ): Promise<Readonly<Record<string, unknown>>> {
    return this.#browser.call(method, params, this.#session, timeout_ms);
  }
}

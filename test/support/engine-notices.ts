// SPDX-License-Identifier: Apache-2.0
// Somebody beside an engine who takes the notices of its plugin.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { atProcessEnd, killProcess } from './cleanup.ts';
import type { HostBox } from './host-box.ts';
import { waitFor } from './wait-for.ts';

/** The box has its own network, so that the port is free. */
const PORT = 8_080;

const PROGRAM = `
const { text } = require('node:stream/consumers');
require('node:http')
  .createServer(async (request, response) => {
    const notice = { body: await text(request), signature: request.headers['x-coffer-signature'] };
    process.stdout.write(JSON.stringify(notice) + '\\n', () => response.end());
  })
  .listen(${PORT}, '127.0.0.1', () => process.stdout.write('\\n'));
`;

export interface TakenNotice {
  readonly body: string;
  /** Its header X-Coffer-Signature. */
  readonly signature: string;
}

export class EngineNotices {
  readonly address = `http://127.0.0.1:${PORT}`;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #forget: () => void;
  #printed = '';

  private constructor(box: HostBox) {
    const [command, ...args] = box.insideNetwork([process.execPath, '-e', PROGRAM]);
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#printed += text;
    });
    this.#process = child;
    this.#ended = once(child, 'exit');
    this.#forget = atProcessEnd(() => killProcess(child.pid));
  }

  static async start(box: HostBox): Promise<EngineNotices> {
    const notices = new EngineNotices(box);
    await waitFor(() => notices.#printed.startsWith('\n'), { what: 'the receiver of notices to listen' });
    return notices;
  }

  /** Those that have come, in their order. */
  taken(): readonly TakenNotice[] {
    const lines = this.#printed.split('\n').slice(0, -1);
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as TakenNotice);
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
    this.#forget();
  }
}

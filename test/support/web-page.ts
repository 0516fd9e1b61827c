// SPDX-License-Identifier: Apache-2.0
// `coffer ui` as a user starts it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { atProcessEnd, killProcess } from './cleanup.ts';
import { builtFile } from './project.ts';
import { waitFor } from './wait-for.ts';

export interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

export class WebPage {
  readonly #process: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #forget: () => void;
  #stdout = '';
  #stderr = '';

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.#exit = once(child, 'exit');
    this.#forget = atProcessEnd(() => killProcess(child.pid));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
  }

  /** Serves the page of the daemon with this control socket, and resolves when it has printed its link. */
  static async start(controlSocket: string): Promise<WebPage> {
    const program = builtFile('dist/coffer.cjs', 'make build');
    const child = spawn(process.execPath, [program, 'ui', '--no-open'], {
      env: { PATH: process.env['PATH'] ?? '', COFFER_SOCKET: controlSocket },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const page = new WebPage(child);
    await waitFor(() => page.#stdout.endsWith('\n'), { what: 'the link' });
    return page;
  }

  /** With the token that signs in. */
  get link(): string {
    return this.#stdout.trim();
  }

  /** Waits until it has ended. */
  async ended(): Promise<Ended> {
    await this.#exit;
    this.#forget();
    return { code: this.#process.exitCode, stderr: this.#stderr };
  }

  /** As by Ctrl-C. */
  async interrupt(): Promise<Ended> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGINT');
    }
    return this.ended();
  }
}

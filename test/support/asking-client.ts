// SPDX-License-Identifier: Apache-2.0
// Who asks the tasks of a service all the time, from a host of its own on the network, while things happen to them.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CommandResult } from './command.ts';
import { linesOf } from './installation.ts';
import type { NetworkHost } from './network.ts';
import { waitFor } from './wait-for.ts';

const asking_ms_max = 180_000;
/** What stands for no answer. */
const NONE = '-';

/** A program for Node: one round after the other until the file is there; a line each, with what each address answers. */
const ROUNDS = `
const { appendFileSync, existsSync } = require('node:fs');
const http = require('node:http');
const [stop, path, ...addresses] = process.argv.slice(1);
const ask = (address) => new Promise((resolve) => {
  const none = () => resolve('${NONE}');
  const request = http.get('http://' + address + '/' + path, { agent: false, timeout: 5000 }, (response) => {
    let text = '';
    response.on('data', (chunk) => { text += chunk; });
    response.on('error', none);
    response.on('end', () => resolve(response.statusCode === 200 ? text : '${NONE}'));
  });
  request.on('timeout', () => request.destroy());
  request.on('error', none);
});
(async () => {
  while (!existsSync(stop)) {
    const answers = await Promise.all(addresses.map(ask));
    appendFileSync(stop + '.rounds', answers.join(' ') + '\\n');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
})();`;

/** What one round of questions was answered with. */
export type Answers = readonly string[];

export class AskingClient {
  readonly #stopFile: string;
  readonly #ended: Promise<CommandResult>;

  /** Asks each address (`host:port`) for this path over HTTP, over and over. The host runs nothing else. */
  constructor(host: NetworkHost, addresses: readonly string[], askedPath: string) {
    this.#stopFile = path.join(host.box.directory, 'stop');
    const words = [process.execPath, '-e', ROUNDS, this.#stopFile, askedPath, ...addresses];
    this.#ended = host.run(words, { timeout_ms: asking_ms_max });
    // It is awaited at the end.
    this.#ended.catch(() => undefined);
  }

  /** Resolves when it has asked so many times more. */
  async askedAgain(times = 1): Promise<void> {
    const before = this.#rounds().length;
    await waitFor(() => this.#rounds().length >= before + times, { what: 'the client to ask again' });
  }

  /** Ends it; resolves to what it was answered, round by round. */
  async stop(): Promise<readonly Answers[]> {
    writeFileSync(this.#stopFile, '');
    await this.#ended;
    return this.#rounds();
  }

  #rounds(): readonly Answers[] {
    const file = `${this.#stopFile}.rounds`;
    const lines = existsSync(file) ? linesOf(readFileSync(file, 'utf8')) : [];
    return lines.map((line) => line.trim().split(' '));
  }
}

/** Those that are answers. */
export function answersIn(round: Answers): readonly string[] {
  return round.filter((answer) => answer !== NONE);
}

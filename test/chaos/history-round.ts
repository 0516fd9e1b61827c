// SPDX-License-Identifier: Apache-2.0
// Clients that write, compare and read through one fault, and the verdict on what they were told.
import path from 'node:path';
import { Clients } from '../cluster/clients.ts';
import { History, type HistoryEntry, withFreshness } from '../cluster/history.ts';
import { problemsOf } from '../cluster/judge.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import type { Report } from './report.ts';

const CLIENTS = 4;
const REST_MS = 120;
/** A daemon's line on a delivery reaches the engine's log a little after the answer. */
const LINES_MS_MAX = 3_000;

export class HistoryRound {
  readonly #report: Report;
  readonly #history: History;
  readonly #clients: Clients;

  private constructor(report: Report, history: History, clients: Clients) {
    this.#report = report;
    this.#history = history;
    this.#clients = clients;
  }

  /** Starts clients on names that no round had before. */
  static start(cluster: ChaosCluster, random: SeededRandom, report: Report, number: number): HistoryRound {
    const history = new History(`round ${number}`, path.join(report.directory, 'history'));
    const names = ['apple', 'birch', 'cedar'].map((name) => `${name}-${number}`);
    const managers = cluster.sites;
    const options = { managers, history, random, names, clients: CLIENTS, rest_ms: REST_MS };
    return new HistoryRound(report, history, Clients.start(options));
  }

  /** Ends the clients and judges. `takeDeliveries` are new lines of the daemons' logs. */
  async end(takeDeliveries: () => readonly string[]): Promise<void> {
    await this.#clients.stop();
    const { entries } = this.#history;
    const lines: string[] = [];
    const unknown = (): readonly HistoryEntry[] => deliveriesWithout(withFreshness(entries, lines));
    await waitFor(
      () => {
        lines.push(...takeDeliveries());
        return unknown().length === 0;
      },
      { what: 'the lines on all deliveries', timeout_ms: LINES_MS_MAX },
    ).catch(() => undefined);
    // The last lines of a process that was killed are lost, and whether what it answered was old with them.
    const lost = new Set(unknown());
    this.#count(entries);
    this.#report.count('deliveries without a line', lost.size);
    const known = withFreshness(entries, lines).filter((entry) => !lost.has(entry));
    this.#report.check('the history is linearizable', problemsOf(known));
    const unanswered = entries.filter(({ client, result }) => client < 0 && isSilent(result.kind));
    this.#report.check(
      'each manager answers at last',
      unanswered.map(({ manager, name, result }) => `${manager} on ${name}: ${JSON.stringify(result)}`),
    );
  }

  #count(entries: readonly HistoryEntry[]): void {
    this.#report.count('calls', entries.length);
    this.#report.count('writes', entries.filter(({ result }) => result.kind === 'done').length);
    this.#report.count('unanswered', entries.filter(({ result }) => result.kind === 'unknown').length);
  }
}

function isSilent(kind: HistoryEntry['result']['kind']): boolean {
  return kind === 'refused' || kind === 'unknown';
}

function deliveriesWithout(entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  return entries.filter(({ result }) => result.kind === 'value' && result.freshness === undefined);
}

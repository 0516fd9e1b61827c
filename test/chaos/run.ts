// SPDX-License-Identifier: Apache-2.0
// One run: step by step through the schedule, with all checks, and the last ones at its end.
import { describeLeaks } from '../support/leak-scanner.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { Canaries } from './canaries.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import { agreed, serviceStarts, swarmWhole } from './converge.ts';
import { EngineLogs } from './engine-logs.ts';
import { HistoryRound } from './history-round.ts';
import { lastChecks } from './last-checks.ts';
import { MemorySamples } from './memory.ts';
import { mountedValues } from './mounted-values.ts';
import { Nemesis } from './nemesis.ts';
import type { ChaosOptions } from './options.ts';
import { leaksOfProcesses } from './processes.ts';
import { describe, type Report } from './report.ts';
import { scheduleOf, type Step } from './schedule.ts';
import { Lives } from './lives.ts';
import { swarmSecretLife, volumeLife } from './service-lives.ts';
import { rest } from './tries.ts';

/** Side by side. */
const LIVES = [swarmSecretLife, swarmSecretLife, volumeLife];
const COUNTERS_MS = 10_000;
const SAMPLE_MS = 2_000;

export class Run {
  readonly #cluster: ChaosCluster;
  readonly #report: Report;
  readonly #options: ChaosOptions;
  readonly #signal: AbortSignal;
  readonly #random: SeededRandom;
  readonly #canaries = new Canaries();
  readonly #memory = new MemorySamples();
  readonly #nemesis: Nemesis;
  readonly #logs: EngineLogs;
  /** How many values were found on nodes, over all looks. */
  #values = 0;

  /** `signal` ends it before its time. */
  constructor(cluster: ChaosCluster, report: Report, options: ChaosOptions, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#report = report;
    this.#options = options;
    this.#signal = signal;
    this.#random = new SeededRandom(options.seed);
    this.#nemesis = new Nemesis(cluster, (line) => report.line(line));
    const files = cluster.sites.map(({ name, engine }) => ({ name, file: engine.logFile }));
    this.#logs = new EngineLogs(files, this.#canaries);
  }

  /** Resolves when it is over and all is healed; what was found is in the report. */
  async go(): Promise<void> {
    const { seed, faults, duration_ms } = this.#options;
    const [cluster, canaries, report, random] = [this.#cluster, this.#canaries, this.#report, this.#random];
    await agreed(cluster);
    const began_ms = performance.now();
    const timers = [
      setInterval(() => this.#sample(), SAMPLE_MS),
      setInterval(() => report.counters(`memory ${this.#memory.latest()} MB`), COUNTERS_MS),
    ];
    const lives = Lives.start({ cluster, canaries, report, random }, LIVES);
    try {
      for (const step of scheduleOf(seed, faults)) {
        if (performance.now() - began_ms > duration_ms || this.#signal.aborted || !(await this.#step(step))) {
          break;
        }
      }
    } finally {
      await this.#nemesis.heal().catch((error: unknown) => report.check('healing', [describe(error)]));
      await lives.stop();
      timers.forEach(clearInterval);
    }
    await lastChecks({ cluster, canaries, report, memory: this.#memory });
    this.#lookForValues();
    report.check('values were found on nodes', this.#values > 0 ? [] : ['none was, whatever was looked at']);
    const scanned_mb = Math.round(canaries.scanner.scanned_bytes / 1024 / 1024);
    report.line(
      `${this.#values} values were seen on nodes that are due them, of ${scanned_mb} MB of logs and files that were looked through`,
    );
  }

  /** Resolves to whether the cluster is whole afterwards: else nothing that comes later says anything. */
  async #step(step: Step): Promise<boolean> {
    const [cluster, report] = [this.#cluster, this.#report];
    const round = HistoryRound.start(cluster, this.#random, report, step.number);
    await rest(step.calm_ms, this.#signal);
    const done = await report.attempt(`fault ${step.number} comes`, async () => this.#nemesis.strike(step));
    await rest(step.hold_ms, this.#signal);
    const healed = await report.attempt('healing', async () => this.#nemesis.heal());
    const whole = done && healed && (await this.#converge(step.number));
    await round.end(() => {
      this.#readLogs();
      return this.#logs.takeDeliveries();
    });
    return this.#lookForValues() && whole;
  }

  async #converge(number: number): Promise<boolean> {
    const [cluster, report] = [this.#cluster, this.#report];
    const began_ms = performance.now();
    const after = (): string => `${((performance.now() - began_ms) / 1_000).toFixed(1)} s`;
    const managers = await report.attempt('all managers agree', async () => agreed(cluster));
    const managersAfter = after();
    const swarm = await report.attempt('the swarm is whole', async () => swarmWhole(cluster));
    const swarmAfter = after();
    const service = await report.attempt('a service starts with its secret', async () =>
      serviceStarts(cluster, this.#canaries, `probe-${number}`),
    );
    report.line(
      `healed ${number}: managers agree after ${managersAfter}, the swarm after ${swarmAfter}, a service was there and gone after ${after()}`,
    );
    return managers && swarm && service;
  }

  /** Whether no value stands where it must not. */
  #lookForValues(): boolean {
    const [cluster, canaries, report] = [this.#cluster, this.#canaries, this.#report];
    const quiet = this.#readLogs();
    const leaks = cluster.sites.flatMap((site) => leaksOfProcesses(site, canaries));
    report.check('no value in processes', leaks.length === 0 ? [] : [describeLeaks(leaks)]);
    const mounted = cluster.sites.map((site) => mountedValues(site, canaries));
    const strays = mounted.flatMap((each) => each.strays);
    this.#values += mounted.reduce((sum, { count }) => sum + count, 0);
    report.check('no value on a node that is not due it', strays);
    return quiet && leaks.length === 0 && strays.length === 0;
  }

  /** Whether what is new in the logs has no value in it. */
  #readLogs(): boolean {
    const leaks = this.#logs.read();
    this.#report.check('no value in logs', leaks.length === 0 ? [] : [describeLeaks(leaks)]);
    return leaks.length === 0;
  }

  #sample(): void {
    const daemons = this.#cluster.sites.flatMap(({ name, plugin, engine }) => [
      [`coffer on ${name}`, (): number | undefined => plugin.pid()] as const,
      [`the engine ${name}`, (): number | undefined => engine.pid()] as const,
    ]);
    this.#memory.take(Object.fromEntries(daemons));
  }
}

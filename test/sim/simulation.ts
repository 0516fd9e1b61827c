// SPDX-License-Identifier: Apache-2.0
// One seed: a cluster under faults while clients use it, then a cluster without faults that must come to rest.
import { describeMessage } from '../../src/raft/index.ts';
import { LeaderCoverage } from './checks/leader-coverage.ts';
import { ClusterChecks } from './checks/cluster-checks.ts';
import { EntryRegistry } from './checks/entry-registry.ts';
import { checkFinalStates } from './checks/final-states.ts';
import { checkKeysOnDisk } from './checks/key-checks.ts';
import { ReferenceState } from './checks/reference-state.ts';
import { Violations } from './checks/violations.ts';
import { Cluster, type Member } from './cluster/cluster.ts';
import { Keeper } from './cluster/keeper.ts';
import { Operator } from './cluster/operator.ts';
import type { SimNode } from './cluster/sim-node.ts';
import { FAULT_KINDS, type FaultKind } from './faults/fault-kinds.ts';
import { Nemesis } from './faults/nemesis.ts';
import { type ConfigOverrides, drawConfig, type SimConfig } from './faults/sim-config.ts';
import type { World } from './faults/world.ts';
import { Coverage } from './kernel/coverage.ts';
import { MessageCoverage } from './kernel/message-coverage.ts';
import { RandomStream } from './kernel/random-stream.ts';
import { Scheduler } from './kernel/scheduler.ts';
import { Trace, type TraceMode } from './kernel/trace.ts';
import { SimNetwork } from './network/sim-network.ts';
import { Client } from './workload/clients.ts';
import { History } from './workload/history.ts';
import { ComingToRest } from './cluster/coming-to-rest.ts';

export interface SimulationOptions {
  readonly seed: string;
  readonly trace?: TraceMode;
  readonly print?: (line: string) => void;
  /** The faults that may be on. Default: all. */
  readonly faults?: readonly FaultKind[];
  readonly overrides?: ConfigOverrides;
}

export interface SimulationResult {
  readonly seed: string;
  /** What was broken, and how; undefined if nothing was. */
  readonly violation: string | undefined;
  readonly config: SimConfig;
  readonly events: number;
  readonly virtual_us: number;
  readonly calls: number;
  readonly answered: number;
  readonly committed: number;
  readonly coverage: Coverage;
  /** Over the trace and the bytes on all disks; of use if the trace was on. */
  readonly digest: string;
  /** The end of the trace, if it was on and was not printed. */
  readonly lastLines: readonly string[];
}

/** How long a client waits for its answer when there are no faults. */
const PATIENCE_US = 3_000_000;

class Simulation {
  readonly #scheduler = new Scheduler();
  readonly #coverage = new Coverage();
  readonly #trace: Trace;
  readonly #config: SimConfig;
  readonly #violations: Violations;
  readonly #reference = new ReferenceState();
  readonly #registry: EntryRegistry;
  readonly #checks: ClusterChecks;
  readonly #cluster: Cluster;
  readonly #network: SimNetwork;
  readonly #world: World;
  readonly #keeper: Keeper;
  readonly #operator: Operator;
  readonly #nemesis: Nemesis;
  readonly #history: History;
  readonly #clients: readonly Client[];
  readonly #rest: ComingToRest;
  readonly #leaders = new LeaderCoverage(this.#coverage);
  readonly #ran = new Set<SimNode>();
  readonly #seed: string;

  constructor(options: SimulationOptions) {
    const { seed, trace = 'off', print = () => undefined, faults = FAULT_KINDS, overrides = {} } = options;
    const random = new RandomStream(`coffer ${seed}`);
    this.#seed = seed;
    this.#trace = new Trace(this.#scheduler, trace, print);
    this.#config = drawConfig(random.fork('config'), faults, overrides);
    this.#trace.add(() => `seed ${seed}: ${JSON.stringify(this.#config)}`);
    this.#violations = new Violations((sentence) => this.#trace.add(() => `VIOLATION of ${sentence}`));
    this.#registry = new EntryRegistry(this.#violations, (entry) => this.#reference.apply(entry));
    this.#checks = new ClusterChecks({
      violations: this.#violations,
      registry: this.#registry,
      nodeOf: (id) => this.#cluster.get(id),
      inflightAppendsMax: this.#config.settings.inflightAppendsMax,
    });
    const messages = new MessageCoverage(this.#coverage);
    this.#network = new SimNetwork(this.#scheduler, random.fork('network'), this.#config.network, {
      sent: (message) => {
        messages.sent(message);
        this.#checks.sent(message);
        const words = this.#trace.on ? describeMessage(message, lengthOf) : '';
        this.#trace.add(() => `sent ${words}`);
        return words;
      },
      happened: (how, type, words) => {
        messages.happened(how, type);
        this.#trace.add(() => `${how} ${words}`);
      },
      stream: (what, message) => {
        this.#coverage.hit(`snapshot stream ${what}`);
        this.#trace.add(() => `snapshot stream ${message.from}->${message.to} ${what}`);
      },
    });
    this.#cluster = new Cluster({
      scheduler: this.#scheduler,
      random: random.fork('cluster'),
      config: this.#config,
      network: this.#network,
      trace: this.#trace,
      coverage: this.#coverage,
      registry: this.#registry,
      observer: {
        ran: (node) => this.#ran.add(node),
        opened: (node) => this.#opened(node),
        refused: (node, error) => {
          this.#forget(node);
          this.#keeper.refused(this.#cluster.of(node), error);
        },
        faulted: (node, error) => {
          this.#forget(node);
          this.#keeper.faulted(this.#cluster.of(node), error);
        },
        ended: (node) => this.#ended(node),
      },
      onKeys: (member) => checkKeysOnDisk(member, this.#violations),
      onRemoved: (member, entry) => {
        this.#coverage.hit('entry replaced');
        this.#checks.removed(member, entry);
      },
    });
    const world: World = (this.#world = {
      scheduler: this.#scheduler,
      config: this.#config,
      cluster: this.#cluster,
      network: this.#network,
      trace: this.#trace,
      coverage: this.#coverage,
      violations: this.#violations,
      calm: false,
    });
    this.#keeper = new Keeper(world, random.fork('keeper'));
    this.#operator = new Operator(world, random.fork('operator'), this.#keeper);
    this.#nemesis = new Nemesis(world, random.fork('nemesis'), this.#operator, (id) =>
      this.#checks.promisesOf(id),
    );
    this.#history = new History(
      this.#scheduler,
      this.#trace,
      this.#coverage,
      this.#violations,
      this.#reference,
    );
    const { workload } = this.#config;
    this.#clients = Array.from({ length: workload.clients }, (_, number) =>
      this.#client(number, random.fork(`client ${number}`)),
    );
    const last = this.#client(workload.clients, random.fork('last client'), {
      ...workload,
      timeout_us: PATIENCE_US,
      attempts_max: 1,
    });
    this.#rest = new ComingToRest(world, this.#keeper, this.#operator, last);
  }

  async run(): Promise<SimulationResult> {
    this.#cluster.all.forEach(({ node }) => node.start());
    this.#nemesis.start();
    this.#clients.forEach((client) => this.#watch(client.run()));
    await this.#until(this.#config.safety_us);
    this.#clients.forEach((client) => client.stop());
    this.#watch(this.#rest.run());
    await this.#until(Infinity, () => this.#rest.finished);
    if (this.#violations.first === undefined) {
      checkFinalStates(this.#rest.members, this.#reference, this.#violations);
      if (this.#reference.repetitions > 0) {
        this.#coverage.hit('request repeated');
      }
      this.#history.checkOrder();
    }
    return this.#result();
  }

  /** Something that the simulation's own code failed with, or a promise that the code under test forgot. */
  failed(thrown: unknown): void {
    const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    this.#violations.report('nothing fails unseen', text);
  }

  async #until(until_us: number, finished: () => boolean = () => false): Promise<void> {
    await this.#scheduler.run(
      until_us,
      () => this.#check(),
      () => this.#violations.first !== undefined || finished(),
    );
  }

  #watch(work: Promise<unknown>): void {
    work.catch((thrown: unknown) => this.failed(thrown));
  }

  #check(): void {
    for (const node of this.#ran) {
      const member = this.#cluster.of(node);
      const { replica } = node;
      if (replica !== undefined) {
        const status = replica.status();
        this.#checks.ran(member, replica, status);
        this.#noteRecovery(member);
        if (status.raftState === 'StateLeader') {
          this.#leaders.leads(status, replica.state.confState);
        }
      }
    }
    this.#ran.clear();
  }

  #noteRecovery(member: Member): void {
    if (member.wounded && member.node.replica?.status().recoveringTerm === 0) {
      this.#coverage.hit('recovery finished');
      this.#trace.add(() => `${member.name} has made up for what it lost`);
      member.wounded = false;
      member.lost = undefined;
    }
  }

  #opened(node: SimNode): void {
    const member = this.#cluster.of(node);
    const { replica } = node;
    if (replica !== undefined) {
      this.#keeper.opened(member);
      this.#checks.opened(member, replica);
    }
  }

  #ended(node: SimNode): void {
    this.#forget(node);
    this.#keeper.restart(node);
  }

  #forget(node: SimNode): void {
    this.#checks.ended(this.#cluster.of(node));
    this.#ran.delete(node);
  }

  #client(number: number, random: RandomStream, traits = this.#config.workload): Client {
    return new Client(number, random, {
      scheduler: this.#scheduler,
      history: this.#history,
      traits,
      nodes: () => this.#cluster.all.filter(({ node }) => node.state !== 'retired'),
      calm: () => this.#world.calm,
      onDamage: (member) => {
        this.#violations.report('values stay whole', `${member.name} cannot read a value that it wrote`);
      },
    });
  }

  #result(): SimulationResult {
    if (this.#trace.on) {
      for (const { node } of this.#cluster.all) {
        this.#trace.addBytes(node.disk.fingerprint());
        this.#trace.addBytes(Buffer.from(node.keyFile.ids.join()));
      }
    }
    return {
      seed: this.#seed,
      violation: this.#violations.first,
      config: this.#config,
      events: this.#scheduler.events,
      virtual_us: this.#scheduler.now_us,
      calls: this.#history.length,
      answered: this.#history.answered,
      committed: this.#registry.committedIndex,
      coverage: this.#coverage,
      digest: this.#trace.digest(),
      lastLines: this.#trace.lastLines,
    };
  }
}

/** Values say who wrote them; a trace need not. */
function lengthOf(data: Buffer): string {
  return `${data.length} bytes`;
}

/** Runs one seed to its end, or to the first violation. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const simulation = new Simulation(options);
  const onRejection = (thrown: unknown): void => simulation.failed(thrown);
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onRejection);
  try {
    return await simulation.run();
  } finally {
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onRejection);
  }
}

// SPDX-License-Identifier: Apache-2.0
// Several managers as one cluster.
import { joinTokenFrom, nodesAt } from './cluster-calls.ts';
import type { Joining, ManagerOptions } from './manager-options.ts';
import { ManagerProcess } from './manager-process.ts';
import type { Network } from './network.ts';
import { waitFor } from './wait-for.ts';

const form_ms_max = 30_000;

/** How a manager's join token is got from one that is in the cluster. */
export type ManagerToken = (manager: ManagerProcess) => Promise<string>;

/** As `coffer join-token manager` gets it, without the time that its process takes. */
export async function managerToken(manager: ManagerProcess): Promise<string> {
  return joinTokenFrom(manager, { role: 'manager' });
}

export interface ManagerClusterOptions {
  readonly size: number;
  /** The network that each gets a host on; without, all of them are on the loopback interface. */
  readonly network?: Network;
  /** Default `managerToken`. */
  readonly token?: ManagerToken;
  /** What all managers are started with. */
  readonly common?: Pick<ManagerOptions, 'env' | 'directory'>;
}

export interface AddOptions {
  /** The manager that it joins through; all that run by default. */
  readonly through?: ManagerProcess;
  /** What it joins with; by default a token for a manager, from one that it joins through. */
  readonly token?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class ManagerCluster {
  readonly #options: ManagerClusterOptions;
  readonly #managers: ManagerProcess[] = [];
  #started = 0;

  private constructor(options: ManagerClusterOptions) {
    this.#options = options;
  }

  /** Starts the managers, one after the other, and waits until all of them vote. */
  static async start(options: ManagerClusterOptions): Promise<ManagerCluster> {
    const cluster = new ManagerCluster(options);
    try {
      while (cluster.#managers.length < options.size) {
        await cluster.add();
      }
      await cluster.whole();
      return cluster;
    } catch (error) {
      await cluster.destroy();
      throw error;
    }
  }

  /** Those that were started, also where they do not run now; the first made the cluster. */
  get managers(): readonly ManagerProcess[] {
    return this.#managers;
  }

  get running(): readonly ManagerProcess[] {
    return this.#managers.filter((manager) => manager.running);
  }

  /** The one that was started as `index`-th, from 0. */
  at(index: number): ManagerProcess {
    const manager = this.#managers[index];
    if (manager === undefined) {
      throw new RangeError(`there are ${this.#managers.length} managers`);
    }
    return manager;
  }

  /** Starts one more manager, which joins through those that run, and waits until it serves. */
  async add(options: AddOptions = {}): Promise<ManagerProcess> {
    const manager = await this.begin(options);
    await manager.serving(form_ms_max);
    return manager;
  }

  /** Starts one more node, and waits no longer than until its sockets accept connections. */
  async begin({ through, token, env }: AddOptions = {}): Promise<ManagerProcess> {
    const { network, common } = this.#options;
    this.#started += 1;
    const name = `m${this.#started}`;
    const joining = await this.joining(through === undefined ? {} : { through }, token);
    const manager = await ManagerProcess.start({
      ...common,
      env: { ...common?.env, ...env },
      name,
      ...(network === undefined ? {} : { host: await network.host(name) }),
      ...(joining === undefined ? {} : { joining }),
    });
    this.#managers.push(manager);
    return manager;
  }

  /** What a node needs to join through those that run; undefined while none does. */
  async joining({ through }: Pick<AddOptions, 'through'> = {}, token?: string): Promise<Joining | undefined> {
    const contacts = through === undefined ? this.running : [through];
    const [first] = contacts;
    return first === undefined
      ? undefined
      : {
          addresses: contacts.map(({ address }) => address),
          token: token ?? (await (this.#options.token ?? managerToken)(first)),
        };
  }

  /** Resolves to the one that leads among those given, by default all that run; rejects when none does in time. */
  async leader(among: readonly ManagerProcess[] = this.running): Promise<ManagerProcess> {
    return waitFor(
      async () => {
        const roles = await Promise.allSettled(
          among.map(async (manager) => {
            const { store } = await manager.status();
            return { manager, role: store?.role, term: store?.term ?? 0 };
          }),
        );
        const leaders = roles.flatMap((settled) =>
          settled.status === 'fulfilled' && settled.value.role === 'leader' ? [settled.value] : [],
        );
        // One that was cut off may not know yet that it leads no more: the later term is right.
        return leaders.sort((a, b) => b.term - a.term)[0]?.manager;
      },
      { what: 'the cluster to have a leader', timeout_ms: form_ms_max },
    );
  }

  /** One of those that run and do not lead. */
  async follower(): Promise<ManagerProcess> {
    const leader = await this.leader();
    const follower = this.running.find((manager) => manager !== leader);
    if (follower === undefined) {
      throw new Error('no manager follows');
    }
    return follower;
  }

  /** Resolves when each manager among those given sees exactly them, all of them voting, heard from and caught up. */
  async whole(among: readonly ManagerProcess[] = this.running, timeout_ms = form_ms_max): Promise<void> {
    await waitFor(
      async () => {
        const seen = await Promise.all(among.map(nodesAt));
        const applied = await Promise.all(
          among.map(async (manager) => {
            const { store } = await manager.status();
            return { applied: store?.appliedIndex ?? -1, committed: store?.commitIndex ?? Infinity };
          }),
        );
        const committed = Math.max(...applied.map((position) => position.committed));
        return (
          seen.every((nodes) => {
            const managers = nodes.filter(({ role }) => role === 'manager');
            const ready = managers.filter(({ voter, status }) => voter && status === 'ready');
            return (
              managers.length === among.length &&
              ready.length === among.length &&
              managers.filter(({ leader }) => leader).length === 1
            );
          }) && applied.every((position) => position.applied >= committed)
        );
      },
      { what: `${among.length} managers to vote`, timeout_ms },
    );
  }

  /** Ends one that is not to count any more, and removes what is left of it. */
  async discard(manager: ManagerProcess): Promise<void> {
    this.#managers.splice(this.#managers.indexOf(manager), 1);
    await manager.destroy();
  }

  /** Ends all managers at once and removes what is left of them. */
  async destroy(): Promise<void> {
    await Promise.all(this.#managers.map((manager) => manager.destroy()));
  }
}

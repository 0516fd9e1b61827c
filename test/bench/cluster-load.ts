// SPDX-License-Identifier: Apache-2.0
// What loads a cluster: a process of its own, the same for all that is measured.
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, openClient, type Target } from './cluster-clients.ts';
import { timeFor, type Timing } from './measure.ts';

export interface Load {
  readonly targets: readonly Target[];
  readonly operation: 'write' | 'read';
  readonly clients: number;
  readonly duration_ms: number;
  readonly value_bytes: number;
  /** Names begin with it: for writes a new one in each call, for reads the one that `prepare` wrote. */
  readonly prefix: string;
}

export interface Loaded {
  readonly timing: Timing;
  /** What the load's own process took of one processor: near 100 it is what was measured. */
  readonly processor_percent: number;
}

/** On a clock that all processes of a machine share. */
export function machine_ms(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

const CLIENTS_PER_TARGET = 4;
/** Then a client takes another connection and tries again. */
const PATIENCE_MS = 1_000;
const PAUSE_MS = 5;
const RECOVERY_MS_MAX = 120_000;

interface Accepted {
  readonly began_ms: number;
  readonly ended_ms: number;
}

/** The questions that the load's process answers. */
export function loadRole() {
  let writers: Writers | undefined;
  return {
    measure: async (load: Load): Promise<Loaded> => {
      const [before, began_ms] = [process.cpuUsage(), machine_ms()];
      const timing = await measure(load);
      const { user, system } = process.cpuUsage(before);
      return { timing, processor_percent: (user + system) / (machine_ms() - began_ms) / 10 };
    },
    /** Starts clients at every member that write without end. */
    startWriting: async ({ targets, prefix }: Pick<Load, 'targets' | 'prefix'>): Promise<void> => {
      writers = new Writers(targets, prefix);
      await writers.firstAfter(machine_ms());
    },
    /** Milliseconds from a moment to the end of the first write that began after it and was accepted; ends the writing. */
    stopWriting: async ({ since_ms }: { readonly since_ms: number }): Promise<number> => {
      if (writers === undefined) {
        throw new Error('nobody writes');
      }
      const accepted = await writers.firstAfter(since_ms);
      await writers.stop();
      writers = undefined;
      return accepted.ended_ms - since_ms;
    },
  };
}

async function measure(load: Load): Promise<Timing> {
  const { targets, operation, duration_ms, prefix } = load;
  const value = Buffer.alloc(load.value_bytes, 'x');
  const clients = await Promise.all(
    Array.from({ length: load.clients }, (_, number) => openClient(targetOf(targets, number))),
  );
  try {
    if (operation === 'write') {
      return await timeFor(duration_ms, clients.length, (index, worker) =>
        clientOf(clients, worker).write(`${prefix}-${index}`, value),
      );
    }
    await clientOf(clients, 0).write(prefix, value);
    return await timeFor(duration_ms, clients.length, (index, worker) =>
      clientOf(clients, worker).read(prefix, index),
    );
  } finally {
    clients.forEach((client) => client.close());
  }
}

function targetOf(targets: readonly Target[], number: number): Target {
  const target = targets[number % targets.length];
  if (target === undefined) {
    throw new RangeError('a cluster without members');
  }
  return target;
}

function clientOf(clients: readonly Client[], number: number): Client {
  const client = clients[number];
  if (client === undefined) {
    throw new RangeError('a worker without a client');
  }
  return client;
}

/** Clients that do not give up when their member is gone or its cluster has no leader. */
class Writers {
  readonly #running: Promise<unknown>;
  #accepted: readonly Accepted[] = [];
  #stopped = false;
  #writes = 0;

  constructor(targets: readonly Target[], prefix: string) {
    const each = targets.flatMap((target) => Array.from({ length: CLIENTS_PER_TARGET }, () => target));
    this.#running = Promise.all(each.map((target) => this.#write(target, prefix)));
  }

  /** Resolves to the write that was accepted first of those that began after `since_ms`. */
  async firstAfter(since_ms: number): Promise<Accepted> {
    const deadline_ms = machine_ms() + RECOVERY_MS_MAX;
    for (;;) {
      const [first] = this.#accepted
        .filter(({ began_ms }) => began_ms > since_ms)
        .sort((a, b) => a.ended_ms - b.ended_ms);
      if (first !== undefined) {
        return first;
      }
      if (machine_ms() > deadline_ms) {
        throw new Error(`no write was accepted for ${RECOVERY_MS_MAX / 1_000} s`);
      }
      await delay(PAUSE_MS);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #write(target: Target, prefix: string): Promise<void> {
    let client: Client | undefined;
    while (!this.#stopped) {
      const began_ms = machine_ms();
      this.#writes += 1;
      const name = `${prefix}-${this.#writes}`;
      try {
        client ??= await patiently(openClient(target));
        await patiently(client.write(name, Buffer.alloc(64, 'x')));
        // Only the latest count, and few are as late as the moment that is asked for.
        this.#accepted = [...this.#accepted.slice(-1_000), { began_ms, ended_ms: machine_ms() }];
      } catch {
        client?.close();
        client = undefined;
      }
      await delay(PAUSE_MS);
    }
    client?.close();
  }
}

async function patiently<T>(work: Promise<T>): Promise<T> {
  const ended = new AbortController();
  const limit = delay(PATIENCE_MS, undefined, { signal: ended.signal }).then(() => {
    throw new Error('no answer');
  });
  limit.catch(() => undefined);
  try {
    return await Promise.race([work, limit]);
  } finally {
    ended.abort();
    // Its answer comes too late, if it comes.
    work.catch(() => undefined);
  }
}

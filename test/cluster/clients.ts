// SPDX-License-Identifier: Apache-2.0
// Clients of a cluster of managers: each makes one call after another, at one manager or another, and records what it was told.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { unreachable } from '../../src/common/index.ts';
import type { PutReply, SecretReply } from '../../src/control/index.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { acceptedBody, ManagerRefusal } from '../support/manager-refusal.ts';
import { getSecret, type Sockets, valueIn } from '../support/secret-calls.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { requestOverSocket } from '../support/socket-request.ts';
import type { History, HistoryCall, HistoryResult } from './history.ts';

/** A manager as its clients see it. */
export type AskedManager = Pick<ManagerProcess, 'name' | 'running'> & Sockets;

export interface ClientOptions {
  readonly managers: readonly AskedManager[];
  readonly history: History;
  readonly random: SeededRandom;
  /** Default 5. */
  readonly clients?: number;
  /** The names that are written and read; default three. */
  readonly names?: readonly string[];
  /** How long a client rests at most between two calls. Default 20. */
  readonly rest_ms?: number;
}

/** Then a client goes on without the answer. */
const ANSWER_MS = 3_000;
const REST_MS = 20;

export class Clients {
  readonly #options: ClientOptions;
  readonly #names: readonly string[];
  readonly #running: Promise<unknown>;
  /** What makes values and tasks different from those of all other clients. */
  readonly #prefix: string;
  /** The version of each name that a client was told last. */
  readonly #seen = new Map<string, number>();
  #calls = 0;
  #stopped = false;

  private constructor(options: ClientOptions) {
    this.#options = options;
    this.#names = options.names ?? ['apple', 'birch', 'cedar'];
    this.#prefix = randomUUID().slice(0, 8);
    const clients = Array.from({ length: options.clients ?? 5 }, (_, client) => this.#run(client));
    this.#running = Promise.all(clients);
    // It is awaited in `stop`.
    this.#running.catch(() => undefined);
  }

  /** Starts them; they go on until `stop`. */
  static start(options: ClientOptions): Clients {
    return new Clients(options);
  }

  /** How many calls were made. */
  get calls(): number {
    return this.#calls;
  }

  /**
   * Lets each end its call, and then reads each name once at each manager that runs. By then the cluster must be able to
   * answer: what is not there now was lost.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    for (const manager of this.#options.managers.filter(({ running }) => running)) {
      for (const name of this.#names) {
        await this.#call(-1, manager, name, 'inspect');
        await this.#call(-1, manager, name, 'read');
      }
    }
  }

  async #run(client: number): Promise<void> {
    const { managers, random } = this.#options;
    let manager = random.pick(managers);
    while (!this.#stopped) {
      const kind = random.pick(['write', 'write', 'compare', 'read', 'read', 'inspect'] as const);
      const result = await this.#call(client, manager, random.pick(this.#names), kind);
      if (result.kind === 'unknown' || result.kind === 'refused' || random.below(8) === 0) {
        manager = random.pick(managers);
      }
      await delay(random.below(this.#options.rest_ms ?? REST_MS));
    }
  }

  async #call(
    client: number,
    manager: AskedManager,
    name: string,
    kind: HistoryCall['kind'],
  ): Promise<HistoryResult> {
    this.#calls += 1;
    const id = `${this.#prefix}-${this.#calls}`;
    const call = this.#describe(kind, name, id);
    const start_ms = performance.now();
    const result = await perform(manager, name, call).catch((thrown: unknown) =>
      failed(call, thrown, this.#stopped),
    );
    const end_ms = performance.now();
    this.#options.history.record({ client, manager: manager.name, name, call, result, start_ms, end_ms });
    if (result.kind === 'done' || result.kind === 'version') {
      this.#seen.set(name, result.version);
    }
    return result;
  }

  #describe(kind: HistoryCall['kind'], name: string, id: string): HistoryCall {
    switch (kind) {
      case 'write':
        return { kind, value: id };
      case 'compare':
        return { kind, value: id, expect: this.#seen.get(name) ?? 0 };
      case 'read':
        return { kind, task: `task-${id}` };
      case 'inspect':
        return { kind };
      default:
        return unreachable(kind);
    }
  }
}

async function perform(manager: AskedManager, name: string, call: HistoryCall): Promise<HistoryResult> {
  const control = { headers: { host: 'coffer' }, timeout_ms: ANSWER_MS };
  switch (call.kind) {
    case 'write':
    case 'compare': {
      const expect = call.kind === 'write' ? 'always' : call.expect;
      const path = `/v1/secrets/${name}?expect=${expect}`;
      const request = { ...control, method: 'PUT', path, body: call.value };
      const reply = acceptedBody(await requestOverSocket(manager.controlSocket, request)) as PutReply;
      return { kind: 'done', version: reply.secret.version };
    }
    case 'read':
      return {
        kind: 'value',
        value: valueIn(await getSecret(manager, { secret: name, task: call.task })).toString(),
      };
    case 'inspect': {
      const request = { ...control, path: `/v1/secrets/${name}` };
      const reply = acceptedBody(await requestOverSocket(manager.controlSocket, request)) as SecretReply;
      return { kind: 'version', version: reply.secret.version, freshness: reply.freshness };
    }
    default:
      return unreachable(call);
  }
}

/** What an error says of a call: that it was not done is known only where it was not even sent, or is the caller's fault. */
function failed(call: HistoryCall, thrown: unknown, fresh: boolean): HistoryResult {
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  const absent =
    (thrown instanceof ManagerRefusal && thrown.code === 'secret.not-found') ||
    (call.kind === 'read' && why.includes('coffer holds no secret'));
  if (absent) {
    // The answer does not say how fresh it is.
    return { kind: 'absent', freshness: fresh ? 'linearizable' : 'local' };
  }
  if (thrown instanceof ManagerRefusal && thrown.code === 'secret.version-conflict') {
    return { kind: 'other', why };
  }
  const code = (thrown as NodeJS.ErrnoException).code ?? '';
  const notDone =
    thrown instanceof ManagerRefusal ? thrown.status < 500 : ['ENOENT', 'ECONNREFUSED'].includes(code);
  return notDone ? { kind: 'refused', why } : { kind: 'unknown', why };
}

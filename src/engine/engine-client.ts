// SPDX-License-Identifier: Apache-2.0
// The one place that speaks to the engine through dockerode.
//
// dockerode writes the options of most calls into the URL as well as into the body, and a URL ends up in logs.
// Those with options of their own pass `{ _query, _body }`, which keeps them apart.
import type Docker from 'dockerode';
import { CofferError } from '../common/index.ts';
import { callEngine, checkedId, connectEngine, unlessMissing } from './engine-call.ts';
import { engineStatus, mapFailure } from './failure.ts';
import { linesOf } from './lines.ts';
import { decodeContainers, type EngineContainer } from './container-model.ts';
import {
  decodeObjectEvent,
  decodeSecretEvent,
  type EventSubject,
  type ObjectEvent,
  type SecretEvent,
} from './event-model.ts';
import { decodeInfo, decodePluginName, type EngineInfo } from './info-model.ts';
import {
  decodeCreated,
  decodeSecret,
  decodeSecrets,
  type DriverSecret,
  type EngineSecret,
} from './secret-model.ts';
import {
  decodeRollingService,
  decodeRollingTasks,
  forcedSpec,
  type RollingService,
  type RollingTask,
} from './service-model.ts';
import {
  decodeNodes,
  decodeServices,
  decodeTasks,
  type EngineNode,
  type EngineSecretReference,
  type EngineService,
  type EngineTask,
  type TaskState,
} from './swarm-model.ts';

export interface EngineClientOptions {
  readonly socketPath: string;
  /** How long a call may take; 10,000 unless given. The event stream is not bound by it. */
  readonly timeout_ms?: number;
}

/** Terms of one key are ORed; `names` is exact, `name` and `id` are prefixes (Engine API, SecretList). */
export interface SecretFilters {
  readonly id?: readonly string[];
  readonly name?: readonly string[];
  readonly names?: readonly string[];
  readonly label?: readonly string[];
}

/** `open` comes once, first: from there on no event is missed. */
export type EngineEvent = { readonly kind: 'open' } | SecretEvent;

/** As `EngineEvent`. */
export type EngineObjectEvent = { readonly kind: 'open' } | ObjectEvent;

/** What may be asked for of tasks; terms of one key are ORed. */
export interface TaskFilters {
  readonly desiredStates?: readonly TaskState[];
}

const EVENT_LINE_BYTES_MAX = 1024 * 1024;

/**
 * The Docker Engine as coffer sees it. Every method rejects with `engine.unreachable` when the engine does not
 * answer in time, and with `engine.refused` (`engineStatus` tells the status) when it answers with an error.
 */
export class EngineClient {
  readonly socketPath: string;
  readonly #timeout_ms: number;
  readonly #calls: Docker;
  readonly #streams: Docker;

  constructor(options: EngineClientOptions) {
    this.socketPath = options.socketPath;
    this.#timeout_ms = options.timeout_ms ?? 10_000;
    this.#calls = connectEngine(options.socketPath, this.#timeout_ms);
    this.#streams = connectEngine(options.socketPath);
  }

  async ping(): Promise<void> {
    await this.#call(() => this.#calls.ping());
  }

  async info(): Promise<EngineInfo> {
    return decodeInfo(await this.#call(() => this.#calls.info()));
  }

  /** The secrets of the swarm; only a manager has them. */
  async listSecrets(filters: SecretFilters = {}): Promise<readonly EngineSecret[]> {
    return decodeSecrets(await this.#call(() => this.#calls.listSecrets({ filters })));
  }

  /** Undefined if the engine has no secret of this id (a full id, not a name). */
  async inspectSecret(id: string): Promise<EngineSecret | undefined> {
    const secret = await this.#unlessMissing(() => this.#calls.getSecret(checkedId(id)).inspect());
    return secret === undefined ? undefined : decodeSecret(secret);
  }

  /** Registers a secret whose value a driver has, and resolves with its id. */
  async createSecret({ driver, labels, name }: DriverSecret): Promise<string> {
    const options = { _query: {}, _body: { Name: name, Labels: labels, Driver: { Name: driver } } };
    return decodeCreated(await this.#call(() => this.#calls.createSecret(options)));
  }

  /** False if there was none of this id. */
  async removeSecret(id: string): Promise<boolean> {
    const secret = this.#calls.getSecret(checkedId(id));
    const removed = await this.#unlessMissing(async () => {
      await secret.remove();
      return true;
    });
    return removed ?? false;
  }

  async listServices(): Promise<readonly EngineService[]> {
    return decodeServices(await this.#call(() => this.#calls.listServices()));
  }

  /** Undefined if there is none of this id. */
  async inspectService(id: string): Promise<RollingService | undefined> {
    const service: unknown = await this.#unlessMissing(() => this.#calls.getService(checkedId(id)).inspect());
    return service === undefined ? undefined : decodeRollingService(service);
  }

  /** The tasks of one service, also those that have ended lately. */
  async serviceTasks(id: string): Promise<readonly RollingTask[]> {
    const filters = { service: [checkedId(id)] };
    return decodeRollingTasks(await this.#call(() => this.#calls.listTasks({ filters })));
  }

  /**
   * Has the swarm replace a service's tasks, one after the other, by the service's own settings: its spec stays as it is, but for
   * the count of such updates, and for the secrets that are to be others, by the id of what they replace: their files stay where they
   * are. False, and nothing is changed, unless `versionIndex` is that of the service, and if it is not there.
   */
  async forceService(
    id: string,
    versionIndex: number,
    forceUpdate: number,
    replacements: ReadonlyMap<string, EngineSecretReference> = new Map(),
  ): Promise<boolean> {
    const service = this.#calls.getService(checkedId(id));
    const found: unknown = await this.#unlessMissing(() => service.inspect());
    if (found === undefined || decodeRollingService(found).versionIndex !== versionIndex) {
      return false;
    }
    const options = {
      _query: { version: versionIndex },
      _body: forcedSpec(found, forceUpdate, replacements),
    };
    try {
      return (await this.#unlessMissing(() => service.update(options))) !== undefined;
    } catch (thrown) {
      // An engine says so in words alone, with one status or another.
      if (thrown instanceof CofferError && thrown.detail.includes('out of sequence')) {
        return false;
      }
      throw thrown;
    }
  }

  /** The nodes of the swarm; only a manager knows them. */
  async listNodes(): Promise<readonly EngineNode[]> {
    return decodeNodes(await this.#call(() => this.#calls.listNodes()));
  }

  /** The tasks of the swarm; only a manager knows them. */
  async listTasks({ desiredStates = [] }: TaskFilters = {}): Promise<readonly EngineTask[]> {
    const filters = desiredStates.length === 0 ? {} : { 'desired-state': desiredStates };
    return decodeTasks(await this.#call(() => this.#calls.listTasks({ filters })));
  }

  /** The containers of this engine, in whatever state, that mount at least one of these volumes. */
  async listContainers(volumes: readonly string[]): Promise<readonly EngineContainer[]> {
    if (volumes.length === 0) {
      return [];
    }
    const wanted = new Set(volumes);
    const filters = { volume: [...volumes] };
    const containers = decodeContainers(
      await this.#call(() => this.#calls.listContainers({ all: true, filters })),
    );
    // The engine's filter takes a place in the container for the name of a volume, too.
    return containers.filter((container) => container.volumes.some((name) => wanted.has(name)));
  }

  /** Sends a signal (`SIGHUP`) to a container's first process. False if it does not run, or is not there. */
  async killContainer(id: string, signal: string): Promise<boolean> {
    const container = this.#calls.getContainer(checkedId(id));
    try {
      await this.#call(() => container.kill({ _query: { signal }, _body: {} }));
      return true;
    } catch (thrown) {
      const status = engineStatus(thrown);
      if (status === 404 || status === 409) {
        return false;
      }
      throw thrown;
    }
  }

  /** The name, with its tag, of the managed plugin with this id. */
  async pluginName(id: string): Promise<string> {
    const plugin = this.#calls.getPlugin(checkedId(id), undefined);
    return decodePluginName(await this.#call(() => plugin.inspect()));
  }

  /**
   * The engine's events on secrets, from now on, until `signal` aborts (then it ends) or the stream breaks (then
   * it throws, or ends when the engine ended it). Connecting again is the caller's part.
   */
  async *events(signal: AbortSignal): AsyncGenerator<EngineEvent> {
    yield* this.#events({ type: ['secret'] }, decodeSecretEvent, signal);
  }

  /** As `events`, on all of these subjects; with `actions` on these alone. */
  async *objectEvents(
    subjects: readonly EventSubject[],
    actions: readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<EngineObjectEvent> {
    const filters = { type: subjects, ...(actions.length === 0 ? {} : { event: actions }) };
    yield* this.#events(filters, decodeObjectEvent, signal);
  }

  async *#events<Event>(
    filters: Readonly<Record<string, readonly string[]>>,
    read: (json: unknown) => Event | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly kind: 'open' } | Event> {
    const left = new AbortController();
    const abortSignal = AbortSignal.any([signal, left.signal]);
    try {
      const stream = await this.#call(() =>
        this.#streams.getEvents({ filters: JSON.stringify(filters), abortSignal }),
      );
      yield { kind: 'open' };
      for await (const line of linesOf(stream, EVENT_LINE_BYTES_MAX)) {
        const event = read(parse(line));
        if (event !== undefined) {
          yield event;
        }
      }
    } catch (thrown) {
      if (!signal.aborted) {
        throw mapFailure(this.socketPath, thrown);
      }
    } finally {
      left.abort();
    }
  }

  #call<T>(work: () => Promise<T>): Promise<T> {
    return callEngine(this.socketPath, this.#timeout_ms, work);
  }

  #unlessMissing<T>(work: () => Promise<T>): Promise<T | undefined> {
    return unlessMissing(this.#call(work));
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

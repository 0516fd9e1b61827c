// SPDX-License-Identifier: Apache-2.0
// A swarm of a fake engine whose services have tasks on many nodes, and are updated when a test lets them: each new task asks coffer for
// the secret, as the engine has it do.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { newSecretId } from '../../src/secrets/index.ts';
import { FakeEngine } from './fake-engine.ts';
import { requestOverSocket } from './socket-request.ts';

export interface UpdatedTask {
  readonly id: string;
  readonly nodeId: string;
  readonly forceUpdate: number;
  readonly slot: number;
}

interface UpdatedService {
  readonly id: string;
  readonly name: string;
  readonly secretName: string;
  version: number;
  forceUpdate: number;
  startedAt: string | undefined;
  tasks: readonly UpdatedTask[];
}

interface WrittenSpec {
  readonly TaskTemplate: { readonly ForceUpdate: number };
}

export class UpdatingSwarm {
  readonly engine: FakeEngine;
  readonly #nodes: readonly string[];
  readonly #services: UpdatedService[] = [];
  #letGo: (() => void) | undefined;
  #held: Promise<void> | undefined;
  /** The plugin socket that a task's secret is asked for at. */
  pluginSocket = '';

  private constructor(engine: FakeEngine, nodes: number) {
    this.engine = engine;
    this.#nodes = Array.from({ length: nodes }, (_none, at) => `node${at + 1}`);
    engine.handler = (request, response) => this.#handle(request, response);
  }

  static async start(nodes: number): Promise<UpdatingSwarm> {
    return new UpdatingSwarm(await new FakeEngine().start(), nodes);
  }

  /** From now on updates stay under way until they are let go. */
  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#letGo = resolve;
    });
  }

  letGo(): void {
    this.#letGo?.();
    this.#held = undefined;
  }

  /** A service that runs, one task on each of the first nodes; each of them has the secret. */
  async addService(name: string, secretName: string, replicas: number): Promise<void> {
    const service: UpdatedService = {
      id: newSecretId(),
      name,
      secretName,
      version: 10,
      forceUpdate: 0,
      startedAt: undefined,
      tasks: [],
    };
    this.#services.push(service);
    const tasks = Array.from({ length: replicas }, (_none, at) => this.#newTask(service, at));
    for (const task of tasks) {
      await this.#ask(service, task);
    }
    service.tasks = tasks;
  }

  #newTask({ forceUpdate }: UpdatedService, at: number): UpdatedTask {
    const nodeId = this.#nodes[at % this.#nodes.length] ?? '';
    return { id: newSecretId(), nodeId, forceUpdate, slot: at + 1 };
  }

  async #ask({ id, name, secretName }: UpdatedService, task: UpdatedTask): Promise<void> {
    const body = {
      SecretName: secretName,
      ServiceID: id,
      ServiceName: name,
      TaskID: task.id,
      TaskName: `${name}.${task.slot}.${task.id}`,
      NodeID: task.nodeId,
      ServiceEndpointSpec: {},
    };
    const path = '/SecretProvider.GetSecret';
    const shape = { method: 'POST', path, body: JSON.stringify(body) } as const;
    const { Err } = (await requestOverSocket(this.pluginSocket, shape)).json() as { readonly Err?: string };
    if (Err !== undefined && Err !== '') {
      throw new Error(`a task of ${name} was refused: ${Err}`);
    }
  }

  #handle(request: IncomingMessage, response: ServerResponse): boolean {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://engine');
    const [, words = '', id = '', verb = ''] = pathname.split('/');
    const service = this.#services.find((one) => one.id === id);
    if (words === 'services' && service !== undefined) {
      if (verb === 'update') {
        void this.#update(service, request, response);
      } else {
        send(response, this.#serviceJson(service));
      }
      return true;
    }
    const answers: Readonly<Record<string, () => unknown>> = {
      '/nodes': () => this.#nodes.map(nodeJson),
      '/services': () => this.#services.map((one) => this.#serviceJson(one)),
      '/tasks': () => this.#tasks(searchParams.get('filters')),
      '/containers/json': () => [],
    };
    const answer = answers[pathname];
    if (answer === undefined) {
      return false;
    }
    send(response, answer());
    return true;
  }

  #tasks(filters: string | null): readonly unknown[] {
    const { service } = JSON.parse(filters ?? '{}') as { readonly service?: unknown };
    const wanted = Array.isArray(service) ? service : Object.keys(Object(service ?? {}) as object);
    return this.#services
      .filter(({ id, name }) => service === undefined || wanted.includes(id) || wanted.includes(name))
      .flatMap((one) => one.tasks.map((task) => this.#taskJson(one, task)));
  }

  #serviceJson({ forceUpdate, id, name, secretName, startedAt, tasks, version }: UpdatedService): unknown {
    return {
      ID: id,
      Version: { Index: version },
      Spec: {
        Name: name,
        Labels: {},
        Mode: { Replicated: { Replicas: tasks.length } },
        TaskTemplate: { ForceUpdate: forceUpdate, ContainerSpec: { Secrets: this.#references(secretName) } },
      },
      UpdateStatus: startedAt === undefined ? {} : { State: 'updating', StartedAt: startedAt, Message: '' },
    };
  }

  #references(secretName: string): readonly unknown[] {
    return [{ SecretID: this.engine.secret(secretName)?.ID, SecretName: secretName }];
  }

  #taskJson(service: UpdatedService, { forceUpdate, id, nodeId, slot }: UpdatedTask): unknown {
    return {
      ID: id,
      ServiceID: service.id,
      NodeID: nodeId,
      Slot: slot,
      Status: { State: 'running', Timestamp: new Date().toISOString() },
      DesiredState: 'running',
      Spec: {
        ForceUpdate: forceUpdate,
        ContainerSpec: { Secrets: this.#references(service.secretName) },
      },
    };
  }

  async #update(service: UpdatedService, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
    }
    const spec = JSON.parse(Buffer.concat(chunks).toString()) as WrittenSpec;
    service.forceUpdate = spec.TaskTemplate.ForceUpdate;
    service.version += 1;
    service.startedAt = new Date().toISOString();
    const isDone = this.#held;
    send(response, {});
    await isDone;
    const tasks = service.tasks.map((_old, at) => this.#newTask(service, at));
    for (const task of tasks) {
      await this.#ask(service, task);
    }
    service.tasks = tasks;
    service.startedAt = undefined;
  }

  remove(): Promise<void> {
    this.letGo();
    return this.engine.remove();
  }
}

/** The first one leads. */
function nodeJson(id: string, at: number): unknown {
  return at === 0
    ? {
        ID: id,
        Description: { Hostname: 'manager-1' },
        ManagerStatus: { Leader: true },
        Spec: { Role: 'manager' },
      }
    : {
        ID: id,
        Description: { Hostname: `worker-${String(at).padStart(3, '0')}` },
        Spec: { Role: 'worker' },
      };
}

function send(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

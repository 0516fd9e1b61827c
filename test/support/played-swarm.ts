// SPDX-License-Identifier: Apache-2.0
// A swarm that does what a test says: several fake engines, one for each node, that tell of the same services and tasks, and each
// of its own containers.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { newSecretId } from '../../src/secrets/index.ts';
import { FakeEngine } from './fake-engine.ts';
import { taskFilterRefusal } from './task-filters.ts';
import { waitFor } from './wait-for.ts';

/** A volume that a service's tasks, or a container, mount. */
export interface PlayedMount {
  readonly source: string;
  /** Default `coffer`. */
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
}

export interface PlayedService {
  readonly id: string;
  readonly name: string;
  readonly mounts: readonly PlayedMount[];
}

export interface PlayedTask {
  readonly id: string;
  readonly serviceId: string;
  readonly nodeId: string;
  readonly state: string;
  readonly desiredState: string;
  readonly mounts: readonly PlayedMount[];
}

export interface PlayedContainer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
  /** By name. */
  readonly volumes: readonly string[];
}

/** One node of the swarm: its engine, and the containers on it. */
export class PlayedHost {
  readonly engine: FakeEngine;
  readonly nodeId: string;
  readonly hostname: string;
  readonly isManager: boolean;
  readonly containers = new Map<string, PlayedContainer>();
  /** Containers that were sent a signal: `ID SIGHUP`. */
  readonly signals: string[] = [];
  /** While true, calls are taken and never answered, as by an engine that hangs. */
  hangs = false;
  readonly #hanging = new Set<ServerResponse>();

  /** Made by `PlayedSwarm` alone. */
  constructor(swarm: PlayedSwarm, hostname: string, isManager: boolean) {
    this.engine = new FakeEngine();
    this.nodeId = newSecretId();
    this.hostname = hostname;
    this.isManager = isManager;
    this.engine.handler = (request, response) => {
      if (this.hangs) {
        this.#hanging.add(response);
        return true;
      }
      return answer(swarm, this, request, response);
    };
  }

  /** What a container is told of when it is there, and again each time that it changes. */
  put(container: PlayedContainer, action: 'create' | 'start' | 'die' = 'start'): PlayedContainer {
    this.containers.set(container.id, container);
    this.tell('container', action, container.id, { name: container.name, image: container.image });
    return container;
  }

  /** A container that is about to start: of a task, with the label that engines give it, or of `docker run`. */
  create(
    name: string,
    volumes: readonly string[],
    options: Partial<PlayedContainer> & { taskId?: string } = {},
  ): PlayedContainer {
    const { taskId, ...over } = options;
    const labels = taskId === undefined ? {} : { 'com.docker.swarm.task.id': taskId };
    const id = randomBytes(32).toString('hex');
    return this.put({ id, name, image: 'busybox', labels, state: 'created', volumes, ...over }, 'create');
  }

  remove(container: PlayedContainer): void {
    this.containers.delete(container.id);
    this.tell('container', 'destroy', container.id, { name: container.name });
  }

  /** Sends an event to whoever listens. */
  tell(type: string, action: string, id: string, attributes: Readonly<Record<string, string>> = {}): void {
    const event = { Type: type, Action: action, Actor: { ID: id, Attributes: attributes } };
    for (const stream of this.engine.eventStreams) {
      stream.write(`${JSON.stringify(event)}\n`);
    }
  }

  /** How many calls wait for an engine that hangs. */
  get unanswered(): number {
    return this.#hanging.size;
  }

  /** Ends the silence of an engine that hung: what it was asked meanwhile breaks off. */
  goOn(): void {
    this.hangs = false;
    this.#hanging.forEach((response) => response.destroy());
    this.#hanging.clear();
  }
}

export class PlayedSwarm {
  readonly hosts: PlayedHost[] = [];
  readonly services = new Map<string, PlayedService>();
  readonly tasks = new Map<string, PlayedTask>();
  /** How often the tasks were read, by whichever node. */
  reads = 0;

  /** A new node, whose engine answers. */
  async host(hostname: string, isManager = false): Promise<PlayedHost> {
    const host = new PlayedHost(this, hostname, isManager);
    await host.engine.start();
    this.hosts.push(host);
    return host;
  }

  /** Ends all engines, and removes what is left of them. */
  async remove(): Promise<void> {
    await Promise.all(this.hosts.map(({ engine }) => engine.remove()));
  }

  service(name: string, ...mounts: readonly PlayedMount[]): PlayedService {
    const service = { id: newSecretId(), name, mounts };
    this.services.set(service.id, service);
    this.#tell(service, 'create');
    return service;
  }

  removeService(service: PlayedService): void {
    this.services.delete(service.id);
    [...this.tasks.values()]
      .filter(({ serviceId }) => serviceId === service.id)
      .forEach(({ id }) => this.tasks.delete(id));
    this.#tell(service, 'remove');
  }

  /** A task of the service on a node, which is told of as swarms do: by an event on the service. */
  assign(
    service: PlayedService,
    { nodeId }: Pick<PlayedHost, 'nodeId'>,
    over: Partial<PlayedTask> = {},
  ): PlayedTask {
    const { id: serviceId, mounts } = service;
    const states = { state: 'running', desiredState: 'running' };
    return this.change({ id: newSecretId(), serviceId, nodeId, mounts, ...states, ...over });
  }

  /** Puts a task into another state. */
  change(task: PlayedTask, over: Partial<PlayedTask> = {}): PlayedTask {
    const changed = { ...task, ...over };
    this.tasks.set(task.id, changed);
    this.#tellOf(task);
    return changed;
  }

  end(task: PlayedTask): void {
    this.tasks.delete(task.id);
    this.#tellOf(task);
  }

  /** Resolves when the tasks were read once more, from the beginning, by whoever leads. */
  async readAgain(): Promise<void> {
    const before = this.reads;
    await waitFor(() => this.reads > before + 1, { what: 'the tasks to be read', timeout_ms: 30_000 });
  }

  #tellOf({ serviceId }: PlayedTask): void {
    const service = this.services.get(serviceId);
    if (service !== undefined) {
      this.#tell(service, 'update');
    }
  }

  #tell({ id, name }: PlayedService, action: string): void {
    this.hosts.forEach((host) => host.tell('service', action, id, { name }));
  }
}

/** Whether the call was answered; the rest is for `FakeEngine`. */
function answer(
  swarm: PlayedSwarm,
  host: PlayedHost,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const url = new URL(request.url ?? '/', 'http://engine');
  const route = `${request.method} ${url.pathname.replace(/^\/v[0-9.]+/, '')}`;
  const kill = /^POST \/containers\/([0-9a-f]+)\/kill$/.exec(route);
  if (route === 'GET /info') {
    reply(response, infoOf(host));
  } else if (route === 'GET /containers/json') {
    reply(response, containersOf(host, url));
  } else if (kill?.[1] !== undefined) {
    host.signals.push(`${kill[1]} ${url.searchParams.get('signal') ?? ''}`);
    response.writeHead(204).end();
  } else if (!host.isManager || !/^GET \/(nodes|services|tasks)$/.test(route)) {
    return false;
  } else if (route === 'GET /nodes') {
    reply(response, swarm.hosts.map(nodeJson));
  } else if (route === 'GET /services') {
    reply(response, [...swarm.services.values()].map(serviceJson));
  } else {
    const refusal = taskFilterRefusal(url);
    swarm.reads += refusal === undefined ? 1 : 0;
    if (refusal === undefined) {
      reply(response, [...swarm.tasks.values()].map(taskJson));
    } else {
      reply(response, { message: refusal }, 500);
    }
  }
  return true;
}

function reply(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(`${JSON.stringify(value)}\n`);
}

function infoOf({ engine, isManager, nodeId }: PlayedHost): unknown {
  const Cluster = isManager ? { Cluster: { ID: engine.swarmId } } : {};
  const Swarm = {
    LocalNodeState: engine.swarmState,
    ControlAvailable: isManager,
    NodeID: nodeId,
    ...Cluster,
  };
  return { ServerVersion: '20.10.24', Swarm };
}

function containersOf({ containers }: PlayedHost, url: URL): unknown {
  const filters = JSON.parse(url.searchParams.get('filters') ?? '{}') as { readonly volume?: unknown };
  const { volume = [] } = filters;
  const wanted = Array.isArray(volume) ? volume.map(String) : Object.keys(volume as object);
  return [...containers.values()]
    .filter(({ volumes }) => wanted.length === 0 || volumes.some((name) => wanted.includes(name)))
    .map(({ id, image, labels, name, state, volumes }) => ({
      Id: id,
      Names: [`/${name}`],
      Image: image,
      ImageID: `sha256:${'ab'.repeat(32)}`,
      Labels: labels,
      State: state,
      Mounts: volumes.map((Name) => ({ Type: 'volume', Name, Driver: 'coffer', RW: true })),
    }));
}

function nodeJson({ hostname, isManager, nodeId }: PlayedHost): unknown {
  return {
    ID: nodeId,
    Description: { Hostname: hostname },
    Spec: { Role: isManager ? 'manager' : 'worker', Availability: 'active' },
    Status: { State: 'ready', Addr: '127.0.0.1' },
  };
}

function mountJson({ driver = 'coffer', options, source }: PlayedMount): unknown {
  const DriverConfig = { Name: driver, Options: options ?? null };
  return { Type: 'volume', Source: source, Target: '/run/secrets', VolumeOptions: { DriverConfig } };
}

function serviceJson({ id, mounts, name }: PlayedService): unknown {
  const ContainerSpec = { Image: 'busybox', Mounts: mounts.map(mountJson) };
  return { ID: id, Version: { Index: 1 }, Spec: { Name: name, TaskTemplate: { ContainerSpec } } };
}

function taskJson({ desiredState, id, mounts, nodeId, serviceId, state }: PlayedTask): unknown {
  const ContainerSpec = { Image: 'busybox', Mounts: mounts.map(mountJson) };
  return {
    ID: id,
    Version: { Index: 1 },
    ServiceID: serviceId,
    NodeID: nodeId,
    Spec: { ContainerSpec },
    Status: { State: state },
    DesiredState: desiredState,
  };
}

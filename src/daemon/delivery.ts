// SPDX-License-Identifier: Apache-2.0
// The second way out of the store: secrets pushed to nodes, and handed to containers as volumes. This node's part of it, whatever it
// is to its cluster.
import { hostname } from 'node:os';
import type { Auditor } from '../audit/index.ts';
import type { ClusterReach, ManagerContact } from '../cluster/index.ts';
import { CofferError, type Logger } from '../common/index.ts';
import type { AgentReport } from '../control/index.ts';
import type { VolumeFacts } from '../diagnosis/index.ts';
import {
  Agent,
  DISPATCH_PROTOCOL,
  LeaderConnector,
  MANAGER_MESSAGE_BYTES_MAX,
  MemoryMounts,
  MountTool,
  NODE_MESSAGE_BYTES_MAX,
  type VolumeDescription,
  type VolumeService,
} from '../distribution/index.ts';
import { ContainerWatch, type EngineClient } from '../engine/index.ts';
import type { ReplicatedStore } from '../store/index.ts';
import {
  type Channel,
  type ChannelEvents,
  channelHandler,
  openChannel,
  type Protocol,
  systemClock,
} from '../transport/index.ts';
import { Leading } from './leading.ts';
import type { VolumeKnowledge } from './read-ledger.ts';
import type { Settings } from './settings.ts';

/** What waits for a side that does not read: some messages. */
const QUEUE_BYTES = 4 * MANAGER_MESSAGE_BYTES_MAX;

export interface DeliveryOptions {
  readonly settings: Settings;
  readonly engine: EngineClient;
  /** Told of what is sent to nodes for their volumes. */
  readonly audit: Auditor;
  /** Whom this node speaks to; undefined while it is in no cluster. */
  readonly reach: () => ClusterReach | undefined;
  readonly driverName: () => string;
  readonly now_ms: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
}

export class Delivery implements VolumeService {
  readonly #options: DeliveryOptions;
  readonly #leading: Leading;
  readonly #containers: ContainerWatch;
  readonly #connector: LeaderConnector;
  #agent: Agent | undefined;
  /** Why there is none. */
  #problem = new CofferError('volume.unavailable', 'coffer is starting', { hint: 'Try again in a moment.' });
  /** What nodes speak on this node's port. */
  readonly protocol: Protocol;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    const { engine, logger } = options;
    this.#leading = new Leading(options);
    this.#containers = new ContainerWatch({ client: engine, logger });
    this.#connector = new LeaderConnector({
      reach: options.reach,
      dial,
      accept: (nodeId, channel) => this.#leading.accept(nodeId, channel),
    });
    this.protocol = {
      name: DISPATCH_PROTOCOL,
      policy: 'member',
      handler: channelHandler({
        message_bytes: NODE_MESSAGE_BYTES_MAX,
        queue_bytes: QUEUE_BYTES,
        accept: ({ nodeId }, channel) => this.#leading.accept(nodeId, channel),
      }),
    };
  }

  /** Takes up what is mounted. Never rejects: a node without volumes does all else. */
  async start(): Promise<void> {
    const { logger, now_ms, random, settings } = this.#options;
    try {
      this.#agent = await Agent.start({
        connector: this.#connector,
        containers: this.#containers,
        places: new MemoryMounts(settings.volumesDirectory, new MountTool()),
        stateDirectory: settings.stateDirectory,
        nodeName: hostname(),
        cutOffAfter_ms: settings.cutOffAfter_ms,
        clock: systemClock,
        now_ms,
        random,
        logger,
      });
      this.#containers.start();
    } catch (thrown) {
      this.#problem = CofferError.from(thrown, 'volume.unavailable');
      logger.error('this node has no volumes of secrets', { reason: this.#problem.message });
    }
  }

  /** The store serves: this manager may lead. What is returned ends that, before the store is closed. */
  attach(store: ReplicatedStore): () => void {
    return this.#leading.attach(store);
  }

  /** The node was removed from its cluster: it keeps nothing that it was given. */
  withdraw(reason: CofferError): void {
    this.#agent?.withdraw(reason);
  }

  async stop(): Promise<void> {
    this.#leading.stop();
    this.#containers.stop();
    await this.#agent?.stop();
  }

  describe(): AgentReport {
    if (this.#agent === undefined) {
      const problem = this.#problem.detail;
      return { problem, volumes: 0, mounted: 0, secrets: 0, cutOff: false };
    }
    const { isCutOff, manager, mountedCount, problem, secretCount, since, volumeCount } =
      this.#agent.describe();
    return {
      manager: manager === undefined ? undefined : this.#leading.nameOf(manager),
      connectedAt_ms: since === undefined ? undefined : Date.parse(since),
      problem: this.#leading.problem === undefined ? problem : describeBlindness(this.#leading.problem),
      volumes: volumeCount,
      mounted: mountedCount,
      secrets: secretCount,
      cutOff: isCutOff,
    };
  }

  /** The volumes of this node, and why it is given no secrets for them. */
  registered(): { readonly registered: readonly VolumeFacts[]; readonly problem: string | undefined } {
    return { registered: this.#agent?.registered() ?? [], problem: this.describe().problem };
  }

  /** How many nodes are connected; undefined unless this manager leads. */
  get sessions(): number | undefined {
    return this.#leading.sessions;
  }

  /** What nodes have in volumes, or who knows. */
  get volumes(): VolumeKnowledge {
    return this.#leading.volumes;
  }

  async create(name: string, options: Readonly<Record<string, string>>): Promise<void> {
    await this.#present().create(name, options);
  }

  async remove(name: string): Promise<void> {
    await this.#present().remove(name);
  }

  async mount(name: string, mountId: string): Promise<string> {
    return this.#present().mount(name, mountId);
  }

  async unmount(name: string, mountId: string): Promise<void> {
    await this.#present().unmount(name, mountId);
  }

  get(name: string): VolumeDescription | undefined {
    return this.#present().get(name);
  }

  usersOf(name: string): readonly string[] {
    return this.#agent?.usersOf(name) ?? [];
  }

  list(): readonly VolumeDescription[] {
    return this.#agent?.list() ?? [];
  }

  #present(): Agent {
    if (this.#agent === undefined) {
      throw this.#problem;
    }
    return this.#agent;
  }
}

function describeBlindness({ detail, hint }: CofferError): string {
  const sentence = `this manager leads, and cannot tell which tasks are due secrets: ${detail}`;
  return hint === undefined ? sentence : `${sentence}. ${hint}`;
}

function dial(
  { clusterId, credentials }: ClusterReach,
  { address, nodeId }: ManagerContact,
  events: ChannelEvents,
): Promise<Channel> {
  return openChannel({
    address,
    protocol: DISPATCH_PROTOCOL,
    credentials,
    expect: { nodeId, clusterId, role: 'manager' },
    message_bytes: MANAGER_MESSAGE_BYTES_MAX,
    queue_bytes: QUEUE_BYTES,
    accept: () => events,
  });
}

// SPDX-License-Identifier: Apache-2.0
// The way of a node to the leader, whichever manager that is.
import type { ClusterReach, ManagerContact } from '../cluster/index.ts';
import { CofferError } from '../common/index.ts';
import type { Channel, ChannelEvents } from '../transport/index.ts';
import { openLocalChannel } from './local-channel.ts';

export interface LeaderConnectorOptions {
  /** Undefined while this node is in no cluster. */
  readonly reach: () => ClusterReach | undefined;
  /** Connects to another manager. Rejects with its refusal, or `transport.*`. */
  readonly dial: (reach: ClusterReach, manager: ManagerContact, events: ChannelEvents) => Promise<Channel>;
  /** Lets this node's own agent in, if it leads; throws `cluster.not-leader`. */
  readonly accept: (nodeId: string, channel: Channel) => ChannelEvents;
}

/**
 * One attempt after the other, each to a manager: the one that is said to lead, then the others in turn. Which one leads is learned late
 * on a worker, and a manager that does not lead refuses at once.
 */
export class LeaderConnector {
  readonly #options: LeaderConnectorOptions;
  /** Those that did not take this node since the last one that did. */
  readonly #tried = new Set<string>();
  /** Who was said to lead then. */
  #leader: string | undefined;
  #manager: string | undefined;

  constructor(options: LeaderConnectorOptions) {
    this.#options = options;
  }

  /** The node id of the manager that was tried last. */
  get manager(): string | undefined {
    return this.#manager;
  }

  /** Rejects with the refusal of the manager, `transport.*`, or `cluster.joining` while this node is in no cluster. */
  async open(events: ChannelEvents): Promise<Channel> {
    const reach = this.#options.reach();
    const manager = reach && this.#next(reach);
    if (reach === undefined || manager === undefined) {
      throw new CofferError('cluster.joining', 'this node is in no cluster yet, or knows no manager of it');
    }
    this.#manager = manager.nodeId;
    this.#tried.add(manager.nodeId);
    const channel = await this.#openTo(reach, manager, events);
    this.#tried.clear();
    return channel;
  }

  async #openTo(reach: ClusterReach, manager: ManagerContact, events: ChannelEvents): Promise<Channel> {
    const { accept, dial } = this.#options;
    return manager.nodeId === reach.nodeId
      ? openLocalChannel((channel) => accept(reach.nodeId, channel), events)
      : dial(reach, manager, events);
  }

  #next({ leader, managers }: ClusterReach): ManagerContact | undefined {
    if (leader?.nodeId !== this.#leader) {
      this.#leader = leader?.nodeId;
      this.#tried.clear();
    }
    const inOrder = [
      ...(leader === undefined ? [] : [leader]),
      ...managers.filter(({ nodeId }) => nodeId !== leader?.nodeId),
    ];
    const untried = inOrder.find(({ nodeId }) => !this.#tried.has(nodeId));
    if (untried === undefined) {
      this.#tried.clear();
    }
    return untried ?? inOrder[0];
  }
}

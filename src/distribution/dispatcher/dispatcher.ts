// SPDX-License-Identifier: Apache-2.0
// The leader's sessions with all nodes.
import { CofferError, type Logger } from '../../common/index.ts';
import { type Channel, type ChannelEvents, type Clock, LimitedLog } from '../../transport/index.ts';
import type { NodePlan, Plan } from '../plan-model.ts';
import type { NodeFacts } from '../protocol.ts';
import type { ReadValue } from './assignment-diff.ts';
import { RegistrationLimit } from './registration-limit.ts';
import { type DispatchPeer, Session } from './session.ts';

export interface DispatcherOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The value of a version that is about to be sent to that node. */
  readonly readValue: (secretId: string, version: number, nodeId: string) => ReturnType<ReadValue>;
  /** A node has registered, or reports. A plan that names it is to follow. What is thrown ends the session. */
  readonly onFacts: (peer: DispatchPeer, facts: NodeFacts) => void;
  /** The node that had registered has no session any more. */
  readonly onGone: (nodeId: string) => void;
}

export interface SessionDescription {
  readonly nodeId: string;
  readonly hostname: string;
  readonly secrets: number;
  /** False while it has not acknowledged all that it is due. */
  readonly isCurrent: boolean;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #limit: RegistrationLimit;
  readonly #log: LimitedLog;
  /** All connections, those that have not registered too. */
  readonly #connections = new Set<Session>();
  /** By node: one each. */
  readonly #registered = new Map<string, Session>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const now_ms = (): number => options.clock.now_ms();
    this.#limit = new RegistrationLimit(now_ms);
    this.#log = new LimitedLog(options.logger, now_ms);
  }

  /** A connection of a member of the cluster, from its first message on. */
  accept(peer: DispatchPeer, channel: Channel): ChannelEvents {
    const { clock, onFacts, readValue } = this.#options;
    const session = new Session({
      peer,
      channel,
      clock,
      readValue: (secretId, version) => readValue(secretId, version, peer.nodeId),
      onRegister: (facts) => this.#register(session, facts),
      onReport: (facts) => onFacts(peer, facts),
      onEnd: (reason) => this.#ended(session, reason),
    });
    this.#connections.add(session);
    return session;
  }

  /** What the nodes that it names are due from now on; the others' plans stay. Nodes without a session are not concerned. */
  update(plan: Plan): void {
    for (const [nodeId, nodePlan] of plan) {
      this.#registered.get(nodeId)?.offer(nodePlan);
    }
  }

  /** Ends all connections of a node. */
  disconnect(nodeId: string, reason: CofferError): void {
    for (const session of this.#connections) {
      if (session.peer.nodeId === nodeId) {
        session.end(reason);
      }
    }
  }

  /** Ends all connections. */
  close(reason: CofferError): void {
    for (const session of this.#connections) {
      session.end(reason);
    }
  }

  /** Of the nodes that have registered. */
  list(): readonly SessionDescription[] {
    return [...this.#registered.values()].map(({ isCurrent, peer, secrets }) => ({
      nodeId: peer.nodeId,
      hostname: peer.hostname,
      secrets,
      isCurrent,
    }));
  }

  /** What each node has acknowledged. */
  carriedOut(): readonly { readonly peer: DispatchPeer; readonly plan: NodePlan }[] {
    return [...this.#registered.values()].flatMap(({ carriedOut, peer }) =>
      carriedOut === undefined ? [] : [{ peer, plan: carriedOut }],
    );
  }

  #register(session: Session, facts: NodeFacts): void {
    const { nodeId } = session.peer;
    this.#limit.take(nodeId);
    const older = this.#registered.get(nodeId);
    this.#registered.set(nodeId, session);
    older?.end(new CofferError('transport.refused', 'a newer connection of this node has taken its place'));
    this.#options.onFacts(session.peer, facts);
  }

  #ended(session: Session, { code, detail }: CofferError): void {
    const { hostname, nodeId } = session.peer;
    this.#log.warn(code, 'a connection of a node has ended', { node: nodeId, hostname, why: detail });
    this.#connections.delete(session);
    if (this.#registered.get(nodeId) === session) {
      this.#registered.delete(nodeId);
      this.#options.onGone(nodeId);
    }
  }
}

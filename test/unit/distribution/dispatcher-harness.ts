// SPDX-License-Identifier: Apache-2.0
// A dispatcher with the far ends of its connections in the test's hands.
import assert from 'node:assert/strict';
import { CofferError, SecretValue, silentLogger, unreachable } from '../../../src/common/index.ts';
import type { Channel, ChannelEvents } from '../../../src/transport/index.ts';
import { Dispatcher } from '../../../src/distribution/dispatcher/dispatcher.ts';
import { decodeManagerMessage } from '../../../src/distribution/message-codec.ts';
import type { NodePlan, PlannedSecret } from '../../../src/distribution/plan-model.ts';
import {
  type Assignment,
  type Change,
  type Holder,
  MANAGER_MESSAGE_BYTES_MAX,
  type ManagerMessage,
  type NodeFacts,
} from '../../../src/distribution/protocol.ts';
import { StillClock } from '../../support/still-clock.ts';

export const NO_FACTS: NodeFacts = { containers: [] };

/** What a node sees of its connection. */
export class FarEnd implements Channel {
  readonly messages: ManagerMessage[] = [];
  #closed: CofferError | undefined;
  /** What is sent waits until this resolves. */
  reading: Promise<void> = Promise.resolve();
  /** When set, it takes nothing more. */
  full = false;
  #events: ChannelEvents | undefined;

  connect(accept: (channel: Channel) => ChannelEvents): this {
    this.#events = accept(this);
    return this;
  }

  send(payload: Buffer, zerosBehind_bytes = 0): boolean {
    if (this.#closed !== undefined || this.full) {
      payload.fill(0);
      return false;
    }
    const message = Buffer.concat([payload, Buffer.alloc(zerosBehind_bytes)]);
    assert.ok(message.length <= MANAGER_MESSAGE_BYTES_MAX);
    this.messages.push(decodeManagerMessage(message));
    payload.fill(0);
    return true;
  }

  drained(): Promise<void> {
    return this.reading;
  }

  close(reason: CofferError): void {
    this.#closed ??= reason;
    this.#events?.onClose(reason);
  }

  /** Why there is no connection any more; undefined while there is one. */
  reason(): CofferError | undefined {
    return this.#closed;
  }

  /** Anything, also what is no message. */
  say(message: unknown): void {
    this.#events?.onMessage(Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message)));
  }

  /** The node's side breaks it off. */
  breakOff(): void {
    this.#closed ??= new CofferError('transport.unreachable', 'the connection broke');
    this.#events?.onClose(this.#closed);
  }

  register(facts: NodeFacts = NO_FACTS): this {
    this.say({ kind: 'register', facts });
    return this;
  }

  report(facts: NodeFacts = NO_FACTS): void {
    this.say({ kind: 'report', session: this.session, facts });
  }

  heartbeat(): void {
    this.say({ kind: 'heartbeat', session: this.session });
  }

  /** Of the last assignment that came. */
  acknowledge(): void {
    this.say({ kind: 'acknowledge', session: this.session, sequence: this.assignments.at(-1)?.sequence });
  }

  get session(): string {
    const [first] = this.messages;
    return first?.kind === 'registered' ? first.session : '';
  }

  get assignments(): readonly Assignment[] {
    return this.messages.filter((message) => message.kind === 'assignment');
  }

  /** The changes of all assignments since the last call, in words. */
  news(): readonly string[] {
    const fresh = this.assignments.slice(this.#read);
    this.#read += fresh.length;
    return fresh.flatMap(({ changes }) => changes.map(words));
  }

  #read = 0;
}

export function words(change: Change): string {
  switch (change.kind) {
    case 'put-secret':
      return `put ${change.name} ${change.version}: ${change.value.toString('latin1')}`;
    case 'remove-secret':
      return `remove ${change.secretId}`;
    case 'put-holder': {
      const { key, refused, secrets } = change.holder;
      const names = [
        ...secrets.map(({ name }) => name),
        ...refused.map(({ code, name }) => `[${name}: ${code}]`),
      ];
      return `put ${key}: ${names.join(' ')}`.trim();
    }
    case 'remove-holder':
      return `remove ${change.key}`;
    default:
      return unreachable(change);
  }
}

/** `{ db: 1 }` and `{ 'task/t': ['db'] }`, as the plan of one node. */
export function nodePlan(
  versions: Readonly<Record<string, number>>,
  holders: Readonly<Record<string, readonly string[]>> = {},
): NodePlan {
  const planned = Object.entries(versions).map(
    ([name, version]): PlannedSecret => ({ id: `id-${name}`, name, version }),
  );
  const held = Object.entries(holders).map(
    ([key, names]): Holder => ({
      key,
      secrets: names.map((name) => ({ secretId: `id-${name}`, name })),
      refused: [],
    }),
  );
  return {
    isWhole: true,
    secrets: new Map(planned.map((secret) => [secret.id, secret])),
    holders: new Map(held.map((holder) => [holder.key, holder])),
  };
}

export class DispatcherHarness {
  readonly clock = new StillClock();
  readonly gone: string[] = [];
  readonly reports: string[] = [];
  /** All that was read, to see that it is wiped. */
  readonly read: SecretValue[] = [];
  /** Secrets that cannot be read, and why. */
  readonly unreadable = new Map<string, CofferError>();
  /** How large values are; without it they are `id version` in words. */
  size_bytes: number | undefined;
  /** What is answered when a node tells facts. */
  onFacts: (nodeId: string) => void = () => undefined;

  readonly dispatcher = new Dispatcher({
    clock: this.clock,
    logger: silentLogger,
    readValue: (secretId, version) => this.#read(secretId, version),
    onFacts: ({ nodeId }) => {
      this.reports.push(nodeId);
      this.onFacts(nodeId);
    },
    onGone: (nodeId) => this.gone.push(nodeId),
  });

  connect(nodeId = 'a'): FarEnd {
    const far = new FarEnd();
    return far.connect((channel) => this.dispatcher.accept({ nodeId, hostname: nodeId }, channel));
  }

  /** A node that has registered, and has carried out its first assignment. */
  settled(plan: NodePlan, nodeId = 'a'): FarEnd {
    const far = this.connect(nodeId).register();
    this.offer(plan, nodeId);
    far.acknowledge();
    far.news();
    return far;
  }

  offer(plan: NodePlan, nodeId = 'a'): void {
    this.dispatcher.update(new Map([[nodeId, plan]]));
  }

  /** Changes are gathered for less than this. */
  gather(): void {
    this.clock.advance(20);
  }

  #read(secretId: string, version: number): SecretValue {
    const error = this.unreadable.get(secretId);
    if (error !== undefined) {
      throw error;
    }
    const bytes =
      this.size_bytes === undefined
        ? Buffer.from(`${secretId} ${version}`)
        : Buffer.alloc(this.size_bytes, 0x61);
    const value = SecretValue.copyOf(bytes);
    this.read.push(value);
    return value;
  }
}

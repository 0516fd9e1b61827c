// SPDX-License-Identifier: Apache-2.0
// A leader that one node has sessions with: it answers what is granted, from a store of its own.
import { CofferError } from '../../../src/common/index.ts';
import type { Connector } from '../../../src/distribution/agent/connector.ts';
import type { Channel, ChannelEvents } from '../../../src/transport/index.ts';
import { decodeNodeMessage, encodeManagerMessage } from '../../../src/distribution/message-codec.ts';
import type {
  Change,
  Holder,
  ManagerMessage,
  NodeFacts,
  NodeMessage,
} from '../../../src/distribution/protocol.ts';

interface Stored {
  readonly version: number;
  readonly value: string;
}

/** What a session was sent. */
interface Sent {
  readonly secrets: Map<string, number>;
  readonly holders: Map<string, string>;
}

class FakeSession {
  readonly id: string;
  readonly events: ChannelEvents;
  readonly received: NodeMessage[] = [];
  readonly sent: Sent = { secrets: new Map(), holders: new Map() };
  facts: NodeFacts = { containers: [] };
  sequence = 0;
  acknowledged = 0;
  isOpen = true;

  constructor(id: string, events: ChannelEvents) {
    this.id = id;
    this.events = events;
  }

  /** Later, as a connection would. */
  send(message: ManagerMessage): void {
    const payload = encodeManagerMessage(message);
    setImmediate(() => {
      if (this.isOpen) {
        try {
          this.events.onMessage(payload);
        } catch (thrown) {
          this.close(CofferError.from(thrown));
        }
      }
    });
  }

  close(reason: CofferError): void {
    if (this.isOpen) {
      this.isOpen = false;
      setImmediate(() => this.events.onClose(reason));
    }
  }
}

export class FakeLeader implements Connector {
  readonly manager = 'm1';
  readonly store = new Map<string, Stored>();
  /** By key of the holder: names of secrets. One that is missing from the store is refused. */
  readonly grants = new Map<string, readonly string[]>();
  /** Whether holders are answered for. */
  answers = true;
  /** Whether it knows all that is due. */
  isWhole = true;
  /** Why it lets nobody in. */
  refusal: CofferError | undefined;
  heartbeat_ms = 5_000;
  attempts = 0;
  readonly sessions: FakeSession[] = [];

  async open(events: ChannelEvents): Promise<Channel> {
    this.attempts += 1;
    if (this.refusal !== undefined) {
      throw this.refusal;
    }
    const session = new FakeSession(this.sessions.length.toString(16).padStart(32, '0'), events);
    this.sessions.push(session);
    return {
      send: (payload) => this.#onMessage(session, payload),
      drained: async () => undefined,
      close: (reason) => session.close(reason),
    };
  }

  /** The newest. */
  get session(): FakeSession | undefined {
    return this.sessions.findLast(({ isOpen }) => isOpen);
  }

  /** Whether the node has carried out all that it was sent. */
  get isSettled(): boolean {
    const { session } = this;
    return session !== undefined && session.sequence > 0 && session.acknowledged === session.sequence;
  }

  put(name: string, version: number, value: string): void {
    this.store.set(name, { version, value });
    this.push();
  }

  grant(key: string, secrets: readonly string[]): void {
    this.grants.set(key, secrets);
    this.push();
  }

  revoke(key: string): void {
    this.grants.delete(key);
    this.push();
  }

  drop(): void {
    this.session?.close(new CofferError('cluster.not-leader', 'another manager leads'));
  }

  /** The node was killed: nobody is at the other end any more. */
  forget(): void {
    this.sessions.forEach((session) => (session.isOpen = false));
  }

  /** Sends what has changed since. */
  push(): void {
    const { session } = this;
    if (session === undefined || session.received.length === 0 || !this.answers) {
      return;
    }
    const holders = new Map(this.#holders(session).map((holder) => [holder.key, holder]));
    const ids = new Set([...holders.values()].flatMap((holder) => holder.secrets.map(({ name }) => name)));
    const changes: Change[] = [];
    for (const name of ids) {
      const stored = this.store.get(name);
      if (stored !== undefined && session.sent.secrets.get(name) !== stored.version) {
        session.sent.secrets.set(name, stored.version);
        const value = Buffer.from(stored.value);
        changes.push({ kind: 'put-secret', secretId: `${name}-id`, name, version: stored.version, value });
      }
    }
    for (const [key, holder] of holders) {
      const text = JSON.stringify(holder);
      if (session.sent.holders.get(key) !== text) {
        session.sent.holders.set(key, text);
        changes.push({ kind: 'put-holder', holder });
      }
    }
    for (const key of [...session.sent.holders.keys()].filter((sent) => !holders.has(sent))) {
      session.sent.holders.delete(key);
      changes.push({ kind: 'remove-holder', key });
    }
    for (const name of [...session.sent.secrets.keys()].filter((sent) => !ids.has(sent))) {
      session.sent.secrets.delete(name);
      changes.push({ kind: 'remove-secret', secretId: `${name}-id` });
    }
    if (changes.length > 0 || session.sequence === 0) {
      this.assign(changes, { complete: session.sequence === 0 && this.isWhole });
    }
  }

  assign(
    changes: readonly Change[],
    rest: { readonly complete?: boolean; readonly more?: boolean; readonly sequence?: number } = {},
  ): void {
    const { session } = this;
    if (session !== undefined) {
      session.sequence = rest.sequence ?? session.sequence + 1;
      const { complete = false, more = false } = rest;
      const { id, sequence } = session;
      session.send({ kind: 'assignment', session: id, sequence, complete, more, changes });
    }
  }

  #holders({ facts }: FakeSession): readonly Holder[] {
    return facts.containers.map(({ id, taskId }) => {
      const key = taskId === '' ? `container/${id}` : `task/${taskId}`;
      const names = this.grants.get(key) ?? [];
      return {
        key,
        secrets: names
          .filter((name) => this.store.has(name))
          .map((name) => ({ secretId: `${name}-id`, name })),
        refused: names
          .filter((name) => !this.store.has(name))
          .map((name) => ({ name, code: 'secret.not-found', message: `there is no secret ${name}` })),
      };
    });
  }

  #onMessage(session: FakeSession, payload: Buffer): boolean {
    if (!session.isOpen) {
      return false;
    }
    const message = decodeNodeMessage(payload);
    session.received.push(message);
    switch (message.kind) {
      case 'register':
        session.facts = message.facts;
        session.send({ kind: 'registered', session: session.id, heartbeat_ms: this.heartbeat_ms });
        this.push();
        break;
      case 'report':
        session.facts = message.facts;
        this.push();
        break;
      case 'acknowledge':
        session.acknowledged = message.sequence;
        break;
      case 'heartbeat':
        break;
    }
    return true;
  }
}

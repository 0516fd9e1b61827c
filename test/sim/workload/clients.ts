// SPDX-License-Identifier: Apache-2.0
// Clients that write and read secrets through any node, and ask again under the same request id when no answer comes.
import { CofferError, SecretValue, unreachable } from '../../../src/common/index.ts';
import { type Command, currentVersion, newSecretId, type Secret } from '../../../src/secrets/index.ts';
import type { Replica } from '../../../src/store/index.ts';
import type { Member } from '../cluster/cluster.ts';
import type { WorkloadTraits } from '../faults/sim-config.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Scheduler } from '../kernel/scheduler.ts';
import type { History } from './history.ts';
import type { Answer, Call, Register } from './secret-register.ts';
import { tagOf, valueOf } from './values.ts';

export interface ClientParts {
  readonly scheduler: Scheduler;
  readonly history: History;
  readonly traits: WorkloadTraits;
  /** The nodes that a client may know of. */
  readonly nodes: () => readonly Member[];
  /** Whether answers get through to the client for certain. */
  readonly calm: () => boolean;
  /** Told when an answer shows that a node's disk is damaged. */
  readonly onDamage: (member: Member) => void;
}

/** One call's request: the same in all its attempts. */
interface Asked {
  readonly name: string;
  readonly call: Call;
  readonly requestId: string;
  /** Bytes of a value that it writes, at least. */
  readonly size: number;
  /** How far the node of the first attempt had applied the log. */
  baseIndex: number | undefined;
}

/** What one attempt came to: an answer, or nothing that can be relied on. */
type Reply = Exclude<Answer, { kind: 'unknown' }> | { readonly kind: 'unknown'; readonly why: string };

const REQUEST_ID_BYTES = 16;
const AT_MS = 1_700_000_000_000;
const WIRE_US = 300;
/** Of the puts without a condition, one in so many is a rollback where there is something to go back to. */
const ROLLBACK_EVERY = 3;

export class Client {
  readonly #parts: ClientParts;
  readonly #number: number;
  readonly #random: RandomStream;
  /** What the client saw last under a name. */
  readonly #known = new Map<string, Register>();
  #calls = 0;
  #node: Member | undefined;
  #stopped = false;

  constructor(number: number, random: RandomStream, parts: ClientParts) {
    this.#number = number;
    this.#random = random;
    this.#parts = parts;
  }

  /** Makes one call after another until `stop`. */
  async run(): Promise<void> {
    const { scheduler, traits } = this.#parts;
    while (!this.#stopped) {
      await scheduler.sleep(this.#random.exponential(traits.think_us));
      const name = `name-${this.#random.below(traits.names)}`;
      await this.call(name, this.#chooseCall(name));
    }
  }

  /** It makes no further calls. */
  stop(): void {
    this.#stopped = true;
  }

  /** One call with all its attempts. `through` fixes the node. */
  async call(name: string, call: Call, through?: Member): Promise<Answer> {
    const { history, scheduler, traits } = this.#parts;
    const requestId = this.#random.bytes(REQUEST_ID_BYTES).toString('hex');
    const size = this.#random.below(traits.valueBytes_max + 1);
    const asked: Asked = { name, call, requestId, size, baseIndex: undefined };
    const open = history.invoke(this.#number, name, requestId, call);
    let attempts = 0;
    for (;;) {
      attempts += 1;
      const reply = await this.#attempt(through ?? this.#choose(), asked);
      if (reply.kind !== 'unknown') {
        const answer =
          attempts > 1 && reply.kind === 'done' ? ({ ...reply, result: 'unknown' } as const) : reply;
        this.#learn(name, call, reply);
        open.answer(answer);
        return answer;
      }
      history.lost(open, reply.why);
      if (attempts >= traits.attempts_max || (this.#stopped && through === undefined)) {
        return { kind: 'unknown' };
      }
      await scheduler.sleep(this.#random.exponential(traits.think_us));
    }
  }

  #chooseCall(name: string): Call {
    this.#calls += 1;
    const known = this.#known.get(name) ?? 'absent';
    if (this.#random.chance(this.#parts.traits.reads)) {
      return { kind: 'read' };
    }
    const newId = newSecretId((size) => this.#random.bytes(size));
    const value = `c${this.#number}-${this.#calls}`;
    switch (this.#random.below(6)) {
      case 0:
        return { kind: 'create', newId, value };
      case 1:
        return known === 'absent' ? { kind: 'create', newId, value } : { kind: 'remove', id: known.id };
      case 2:
        return { kind: 'put', newId, value, expect: 'absent' };
      case 3:
        return { kind: 'put', newId, value, expect: known === 'absent' ? 0 : known.version };
      default:
        // Without a draw of its own, so that a seed goes on as it did before there were rollbacks.
        return known !== 'absent' && known.version > 1 && this.#calls % ROLLBACK_EVERY === 0
          ? { kind: 'rollback', id: known.id, expect: known.version }
          : { kind: 'put', newId, value, expect: 'always' };
    }
  }

  #choose(): Member | undefined {
    if (this.#node?.node.state !== 'running' || !this.#random.chance(this.#parts.traits.loyalty)) {
      this.#node = this.#random.pickAny(this.#parts.nodes());
    }
    return this.#node;
  }

  #attempt(member: Member | undefined, asked: Asked): Promise<Reply> {
    const { scheduler, traits } = this.#parts;
    return new Promise((resolve) => {
      const timer = scheduler.after(traits.timeout_us, () => resolve({ kind: 'unknown', why: 'no answer' }));
      const reply = (answer: Reply): void => {
        if (this.#parts.calm() || !this.#random.chance(traits.replyLoss)) {
          scheduler.after(this.#random.exponential(WIRE_US), () => {
            timer.cancel();
            resolve(answer);
          });
        }
      };
      scheduler.after(this.#random.exponential(WIRE_US), () => {
        if (member?.node.replica === undefined) {
          reply({ kind: 'unknown', why: 'nobody there' });
          return;
        }
        member.node.process?.post(() => this.#perform(member, asked, reply));
      });
    });
  }

  #perform(member: Member, asked: Asked, reply: (answer: Reply) => void): void {
    const { call, name } = asked;
    const { replica } = member.node;
    if (replica === undefined) {
      reply({ kind: 'unknown', why: 'nobody there' });
      return;
    }
    const work = call.kind === 'read' ? this.#read(replica, name) : this.#write(replica, asked, call);
    work.then(reply, (thrown: unknown) => reply(this.#failure(member, CofferError.from(thrown))));
  }

  async #write(replica: Replica, asked: Asked, call: Exclude<Call, { kind: 'read' }>): Promise<Reply> {
    asked.baseIndex ??= replica.state.appliedIndex;
    const { baseIndex, name, requestId, size } = asked;
    const { secret, index } = await replica.propose(commandOf(name, call, size), { requestId, baseIndex });
    return { kind: 'done', index, result: secret === undefined ? 'absent' : shown(secret) };
  }

  async #read(replica: Replica, name: string): Promise<Reply> {
    const freshness = await replica.readBarrier(this.#parts.traits.timeout_us / 1_000);
    const seen = this.#look(replica, name);
    if (freshness === 'local') {
      // It may be old; but it is what the log makes up to that entry.
      this.#parts.history.seenLocally(name, seen.register, seen.index);
      return { kind: 'unknown', why: 'only a local read' };
    }
    return seen;
  }

  #look(replica: Replica, name: string): Extract<Reply, { kind: 'seen' }> {
    const { appliedIndex: index } = replica.state;
    const secret = replica.state.index.byName(name);
    if (secret === undefined) {
      return { kind: 'seen', register: 'absent', index };
    }
    const value = replica.state.readValue(secret.id, currentVersion(secret).number);
    const tag = tagOf(value.expose());
    value.wipe();
    return { kind: 'seen', register: { ...shown(secret), value: tag }, index };
  }

  #failure(member: Member, error: CofferError): Reply {
    if (error.code.startsWith('secret.')) {
      return { kind: 'refused', code: error.code };
    }
    if (error.code === 'store.damaged') {
      this.#parts.onDamage(member);
    }
    this.#parts.history.failed(error);
    return { kind: 'unknown', why: error.code };
  }

  #learn(name: string, call: Call, reply: Reply): void {
    if (reply.kind === 'seen') {
      this.#known.set(name, reply.register);
    } else if (reply.kind === 'done') {
      this.#known.set(name, call.kind === 'remove' || reply.result === 'unknown' ? 'absent' : reply.result);
    }
  }
}

function shown(secret: Secret): Exclude<Register, 'absent'> {
  return { id: secret.id, version: currentVersion(secret).number, value: '' };
}

function commandOf(name: string, call: Exclude<Call, { kind: 'read' }>, size: number): Command {
  switch (call.kind) {
    case 'put': {
      const { expect, newId: id, value } = call;
      const bytes = SecretValue.takeOver(valueOf(value, size));
      return {
        kind: 'put',
        id,
        name,
        labels: undefined,
        origin: 'control',
        expect,
        value: bytes,
        at_ms: AT_MS,
      };
    }
    case 'create': {
      const { newId: id, value } = call;
      const bytes = SecretValue.takeOver(valueOf(value, size));
      return {
        kind: 'create',
        id,
        name,
        labels: {},
        origin: 'gateway',
        pending: false,
        value: bytes,
        at_ms: AT_MS,
      };
    }
    case 'remove':
      return { kind: 'remove', id: call.id };
    case 'rollback': {
      const { expect, id } = call;
      return { kind: 'rollback', id, version: expect - 1, expect, at_ms: AT_MS };
    }
    default:
      return unreachable(call);
  }
}

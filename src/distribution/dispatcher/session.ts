// SPDX-License-Identifier: Apache-2.0
// The leader's end of a node's connection, from its first message to its end.
import { randomBytes } from 'node:crypto';
import { CofferError, TokenBuckets, unreachable } from '../../common/index.ts';
import type { Channel, ChannelEvents, Clock, Timer } from '../../transport/index.ts';
import { decodeNodeMessage, encodeManagerMessage } from '../message-codec.ts';
import type { NodePlan } from '../plan-model.ts';
import type { NodeFacts, NodeMessage } from '../protocol.ts';
import { AssignmentDiff, EMPTY_PLAN, type ReadValue } from './assignment-diff.ts';
import { assignmentMessages } from './assignment-messages.ts';
import { Gathering } from './gathering.ts';
import { reasonFor } from './reason.ts';
import { Sending } from './sending.ts';
import { Silence } from './silence.ts';

const HEARTBEAT_MS = 5_000;
const PERIODS_MAX = 3;
const REGISTER_TIMEOUT_MS = 5_000;
const ACKNOWLEDGE_TIMEOUT_MS = 30_000;
/** What a node may say unasked: as much at once, and then one more each time that this has passed. */
const MESSAGES_BURST = 100;
const MESSAGES_REFILL_MS = 100;

/** Who has connected, by its certificate. */
export interface DispatchPeer {
  readonly nodeId: string;
  readonly hostname: string;
}

export interface SessionOptions {
  readonly peer: DispatchPeer;
  readonly channel: Channel;
  readonly clock: Clock;
  readonly readValue: ReadValue;
  /** What it throws ends the session, as it does for `onReport`. */
  readonly onRegister: (facts: NodeFacts) => void;
  readonly onReport: (facts: NodeFacts) => void;
  /** Called once, however it ends. */
  readonly onEnd: (reason: CofferError) => void;
}

/** `new`: nothing was heard. `waiting`: registered, and unanswered until there is a plan. */
type State = 'new' | 'waiting' | 'open' | 'ended';

export class Session implements ChannelEvents {
  readonly peer: DispatchPeer;
  readonly #options: SessionOptions;
  readonly #id = randomBytes(16).toString('hex');
  readonly #messages: TokenBuckets;
  readonly #silence: Silence;
  readonly #gathering: Gathering;
  #state: State = 'new';
  #registerTimer: Timer | undefined;
  #acknowledgeTimer: Timer | undefined;
  /** What the node has, or will have when it has carried out what is under way. Undefined: nobody knows. */
  #assigned: NodePlan | undefined;
  #plan: NodePlan | undefined;
  /** What the node has acknowledged last. */
  #carriedOut: NodePlan | undefined;
  /** Until the last message of an assignment is sent. */
  #sending: Sending | undefined;
  /** Of the last message that was sent. */
  #sequence = 0;
  #acknowledged = 0;
  /** The node has reported, and waits for what the plan says to it. */
  #awaited = false;

  constructor(options: SessionOptions) {
    const { clock, peer } = options;
    this.#options = options;
    this.peer = peer;
    this.#messages = new TokenBuckets({
      burst: MESSAGES_BURST,
      refill_ms: MESSAGES_REFILL_MS,
      now_ms: () => clock.now_ms(),
    });
    this.#gathering = new Gathering(clock, () => this.#carefully(() => this.#send()));
    this.#silence = new Silence(clock, PERIODS_MAX * HEARTBEAT_MS, () =>
      this.end(timeout(`the node was silent for ${PERIODS_MAX} heartbeats`)),
    );
    this.#registerTimer = clock.setTimer(REGISTER_TIMEOUT_MS, () =>
      this.end(timeout(`the node has not registered within ${REGISTER_TIMEOUT_MS / 1_000} seconds`)),
    );
  }

  /** What the node is known to hold, or about to. */
  get secrets(): number {
    return this.#assigned?.secrets.size ?? 0;
  }

  /** What the node has said that it has; undefined until it has said anything. */
  get carriedOut(): NodePlan | undefined {
    return this.#carriedOut;
  }

  /** Whether the node has carried out all that was planned. */
  get isCurrent(): boolean {
    return this.#state === 'open' && !this.#isUnderWay && this.#assigned === this.#plan;
  }

  onMessage(payload: Buffer): void {
    if (this.#state !== 'ended') {
      this.#carefully(() => this.#take(decodeNodeMessage(payload)));
    }
  }

  onClose(reason: CofferError): void {
    this.#finish(reason);
  }

  /** What the node is due from now on. The first one answers its registration. */
  offer(plan: NodePlan): void {
    this.#plan = plan;
    switch (this.#state) {
      case 'waiting':
        this.#carefully(() => this.#open());
        break;
      case 'open':
        if (this.#awaited) {
          this.#awaited = false;
          this.#carefully(() => this.#send());
        } else {
          this.#gathering.add();
        }
        break;
      case 'new':
      case 'ended':
        break;
      default:
        unreachable(this.#state);
    }
  }

  end(reason: CofferError): void {
    if (this.#finish(reason)) {
      this.#options.channel.close(reason);
    }
  }

  #take(message: NodeMessage): void {
    if (message.kind === 'register') {
      this.#register(message.facts);
      return;
    }
    if (this.#state !== 'open' || message.session !== this.#id) {
      throw new CofferError(
        'request.invalid',
        'the node speaks of a session that this connection does not have',
      );
    }
    this.#silence.broken();
    switch (message.kind) {
      case 'heartbeat':
        this.#messages.take('', 'messages of the node');
        break;
      case 'report':
        this.#messages.take('', 'messages of the node');
        this.#awaited = true;
        this.#options.onReport(message.facts);
        break;
      case 'acknowledge':
        this.#acknowledge(message.sequence);
        break;
      default:
        unreachable(message);
    }
  }

  #register(facts: NodeFacts): void {
    if (this.#state !== 'new') {
      throw new CofferError('request.invalid', 'the node registers twice on one connection');
    }
    this.#registerTimer?.cancel();
    this.#state = 'waiting';
    this.#options.onRegister(facts);
  }

  #open(): void {
    this.#state = 'open';
    this.#silence.watch();
    const { channel } = this.#options;
    const message = { kind: 'registered', session: this.#id, heartbeat_ms: HEARTBEAT_MS } as const;
    if (channel.send(encodeManagerMessage(message))) {
      this.#send();
    }
  }

  get #isUnderWay(): boolean {
    return this.#sending !== undefined || this.#sequence > this.#acknowledged;
  }

  /** Sends what has changed since, unless something is under way: then it goes out when that is acknowledged. */
  #send(): void {
    this.#gathering.cancel();
    const isAssigned = this.#plan === this.#assigned;
    if (this.#state !== 'open' || this.#isUnderWay || isAssigned || this.#plan === undefined) {
      return;
    }
    const { channel, readValue } = this.#options;
    // What was assigned while the swarm was not known is no beginning to go on from.
    const begun = this.#assigned?.isWhole === this.#plan.isWhole ? this.#assigned : undefined;
    const diff = new AssignmentDiff(begun ?? EMPTY_PLAN, this.#plan, readValue);
    const complete = begun === undefined && this.#plan.isWhole;
    const frame = { session: this.#id, sequence: this.#sequence + 1, complete };
    this.#sending = new Sending({
      channel,
      messages: assignmentMessages(diff.changes(), frame),
      onSent: () => {
        this.#sequence += 1;
        this.#awaitProgress();
      },
      onDone: () => this.#sent(diff.reached),
      onFailed: (thrown) => this.end(reasonFor(thrown)),
    });
    this.#sending.next();
  }

  #sent(assigned: NodePlan): void {
    this.#sending = undefined;
    this.#assigned = assigned;
  }

  /** A node that takes no message, or carries none out, may be alive all the same: it is of no use. */
  #awaitProgress(): void {
    this.#acknowledgeTimer?.cancel();
    this.#acknowledgeTimer = this.#options.clock.setTimer(ACKNOWLEDGE_TIMEOUT_MS, () =>
      this.end(timeout(`the node has acknowledged nothing for ${ACKNOWLEDGE_TIMEOUT_MS / 1_000} seconds`)),
    );
  }

  #acknowledge(sequence: number): void {
    if (this.#sending !== undefined || !this.#isUnderWay || sequence !== this.#sequence) {
      throw new CofferError('request.invalid', 'the node acknowledges what is not under way');
    }
    this.#acknowledgeTimer?.cancel();
    this.#acknowledged = sequence;
    this.#carriedOut = this.#assigned;
    this.#send();
  }

  /** Whatever goes wrong is the end of this session, and of nothing else. */
  #carefully(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.end(reasonFor(thrown));
    }
  }

  #finish(reason: CofferError): boolean {
    if (this.#state === 'ended') {
      return false;
    }
    this.#state = 'ended';
    this.#registerTimer?.cancel();
    this.#acknowledgeTimer?.cancel();
    this.#silence.cancel();
    this.#gathering.cancel();
    this.#sending?.cancel();
    this.#assigned = undefined;
    this.#carriedOut = undefined;
    this.#plan = undefined;
    this.#options.onEnd(reason);
    return true;
  }
}

function timeout(sentence: string): CofferError {
  return new CofferError('transport.timeout', sentence);
}

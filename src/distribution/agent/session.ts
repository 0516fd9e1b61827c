// SPDX-License-Identifier: Apache-2.0
import { CofferError, unreachable } from '../../common/index.ts';
import type { Channel, ChannelEvents, Clock, Timer } from '../../transport/index.ts';
import { decodeManagerMessage, encodeNodeMessage } from '../message-codec.ts';
import type { Assignment, Change, ManagerMessage, NodeFacts, NodeMessage, Registered } from '../protocol.ts';
import { wipeChanges } from './holdings.ts';

/** A new leader may have to read its swarm before it answers. */
const REGISTRATION_MAX_MS = 60_000;
/** Of one assignment, over all its parts: more than a node can hold. */
const CHANGES_MAX = 100_000;
const VALUES_BYTES_MAX = 256 * 1024 * 1024;
/** Give or take, so that a thousand nodes do not speak at once. */
const JITTER = 0.1;

export interface SessionOptions {
  readonly facts: () => NodeFacts;
  readonly onRegistered: () => void;
  /** Takes the values over. What it has returned from is acknowledged, and `afterwards`, if it returns one, is called then. */
  readonly onAssignment: (changes: readonly Change[], complete: boolean) => (() => void) | undefined;
  /** Called once. */
  readonly onEnd: (reason: CofferError) => void;
  readonly clock: Clock;
  /** From 0 to below 1; for the jitter. */
  readonly random: () => number;
}

type State =
  | { readonly kind: 'new' }
  | { readonly kind: 'registering'; readonly channel: Channel; readonly told: string; readonly timer: Timer }
  | {
      readonly kind: 'registered';
      readonly channel: Channel;
      readonly id: string;
      readonly heartbeat_ms: number;
      told: string;
      timer: Timer;
    }
  | { readonly kind: 'ended' };

/** The node's end of one connection to the leader. */
export class Session implements ChannelEvents {
  readonly #options: SessionOptions;
  #state: State = { kind: 'new' };
  #sequence = 0;
  /** Of an assignment of which further parts are to come. */
  #staged: Change[] = [];
  #stagedBytes = 0;
  #isComplete = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Registers with the facts. */
  begin(channel: Channel): void {
    if (this.#state.kind !== 'new') {
      channel.close(new CofferError('transport.unreachable', 'the session has ended'));
      return;
    }
    const facts = this.#options.facts();
    const timer = this.#options.clock.setTimer(REGISTRATION_MAX_MS, () =>
      this.end(new CofferError('transport.timeout', 'the leader does not answer the registration')),
    );
    this.#state = { kind: 'registering', channel, told: JSON.stringify(facts), timer };
    this.#send(channel, { kind: 'register', facts });
  }

  /** Tells the leader the facts, if they are others than it was told. */
  report(): void {
    const state = this.#state;
    if (state.kind !== 'registered') {
      return;
    }
    const facts = this.#options.facts();
    const told = JSON.stringify(facts);
    if (told !== state.told) {
      state.told = told;
      this.#send(state.channel, { kind: 'report', session: state.id, facts });
    }
  }

  /** Closes the connection, if there is one. `onEnd` is called before it returns, unless it was before. */
  end(reason: CofferError): void {
    const state = this.#state;
    this.onClose(reason);
    if (state.kind === 'registering' || state.kind === 'registered') {
      state.channel.close(reason);
    }
  }

  onMessage(payload: Buffer): void {
    let message: ManagerMessage;
    try {
      message = decodeManagerMessage(payload);
    } finally {
      payload.fill(0);
    }
    switch (message.kind) {
      case 'registered':
        this.#onRegistered(message);
        return;
      case 'assignment':
        this.#onAssignment(message);
        return;
      default:
        unreachable(message);
    }
  }

  onClose(reason: CofferError): void {
    const state = this.#state;
    if (state.kind === 'ended') {
      return;
    }
    this.#state = { kind: 'ended' };
    if (state.kind !== 'new') {
      state.timer.cancel();
    }
    this.#dropStaged();
    this.#options.onEnd(reason);
  }

  #onRegistered({ session, heartbeat_ms }: Registered): void {
    const state = this.#state;
    if (state.kind === 'ended') {
      return;
    }
    if (state.kind !== 'registering') {
      throw new CofferError('request.invalid', 'the leader has answered a registration that was not sent');
    }
    state.timer.cancel();
    const { channel, told } = state;
    this.#state = {
      kind: 'registered',
      channel,
      id: session,
      heartbeat_ms,
      told,
      timer: this.#nextHeartbeat(heartbeat_ms),
    };
    this.#options.onRegistered();
    this.report();
  }

  #nextHeartbeat(heartbeat_ms: number): Timer {
    const factor = 1 - JITTER + 2 * JITTER * this.#options.random();
    return this.#options.clock.setTimer(heartbeat_ms * factor, () => {
      const state = this.#state;
      if (state.kind === 'registered') {
        state.timer = this.#nextHeartbeat(heartbeat_ms);
        this.#send(state.channel, { kind: 'heartbeat', session: state.id });
      }
    });
  }

  #onAssignment(assignment: Assignment): void {
    const state = this.#state;
    if (state.kind !== 'registered' || assignment.session !== state.id) {
      wipeChanges(assignment.changes);
      if (state.kind === 'ended') {
        return;
      }
      throw new CofferError('request.invalid', 'the leader has sent an assignment of another session');
    }
    this.#stage(assignment);
    if (assignment.more) {
      return;
    }
    const changes = this.#staged;
    const complete = this.#isComplete;
    this.#staged = [];
    this.#dropStaged();
    const afterwards = this.#options.onAssignment(changes, complete);
    this.#send(state.channel, { kind: 'acknowledge', session: state.id, sequence: assignment.sequence });
    afterwards?.();
  }

  #stage({ sequence, complete, changes }: Assignment): void {
    const isNext = sequence === this.#sequence + 1;
    if (!isNext) {
      wipeChanges(changes);
      throw new CofferError(
        'request.invalid',
        `the leader has sent assignment ${sequence}, and ${this.#sequence + 1} was to come`,
      );
    }
    this.#sequence = sequence;
    this.#isComplete ||= complete;
    // One by one: a spread has as many arguments.
    changes.forEach((change) => this.#staged.push(change));
    this.#stagedBytes += changes.reduce(
      (sum, one) => sum + (one.kind === 'put-secret' ? one.value.length : 0),
      0,
    );
    if (this.#staged.length > CHANGES_MAX || this.#stagedBytes > VALUES_BYTES_MAX) {
      throw new CofferError('request.too-large', 'the leader has sent more than a node can hold');
    }
  }

  #dropStaged(): void {
    wipeChanges(this.#staged);
    this.#staged = [];
    this.#stagedBytes = 0;
    this.#isComplete = false;
  }

  #send(channel: Channel, message: NodeMessage): void {
    if (!channel.send(encodeNodeMessage(message))) {
      this.end(
        new CofferError('transport.unreachable', 'the connection to the leader takes no more messages'),
      );
    }
  }
}

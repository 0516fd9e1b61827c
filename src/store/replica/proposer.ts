// SPDX-License-Identifier: Apache-2.0
// The way of a command from its caller into the core, and of its outcome back.
import { ByteWriter, CofferError, SecretMemory } from '../../common/index.ts';
import { type Entry, entrySize, type NodeId, NONE, type RawNode } from '../../raft/index.ts';
import {
  checkCommand,
  checkRequestId,
  type Command,
  encodeRequest,
  type RequestOutcome,
} from '../../secrets/index.ts';
import type { Clock } from './clock.ts';
import type { SpaceGuard } from './disk-space.ts';
import { GroupGate } from './group-gate.ts';
import { ProposalQueue } from './proposal-queue.ts';
import type { Proposed, ProposeOptions } from '../secret-store.ts';

export interface ProposerOptions {
  readonly id: NodeId;
  readonly node: RawNode;
  readonly clock: Clock;
  readonly diskSpace: SpaceGuard;
  readonly newRequestId: () => string;
  readonly appliedIndex: () => number;
  /** Whether proposals are to wait, whoever leads. */
  readonly paused: () => boolean;
  /** Why no more proposals are taken; undefined while they are. */
  readonly ended: () => CofferError | undefined;
  /** Called when the disk cannot even be measured. */
  readonly onFault: (thrown: unknown) => void;
  /** Called when there is something for `admit` to do. */
  readonly wake: () => void;
  /** Called when a proposal of this node was applied here, with how long after it was made. */
  readonly onApplied: (duration_ms: number) => void;
}

const TIMEOUT_MS = 10_000;
/** A log record and a state record for each value, and LevelDB's own copies of both. */
const DISK_BYTES_PER_BYTE = 4;
/** What a leader holds of others' proposals, before its log takes them. */
const FORWARDED_BYTES_MAX = 64 * 1024 * 1024;

/** Proposes commands, again and again under one request id, until their outcome is known or nobody waits for it. */
export class Proposer {
  readonly #options: ProposerOptions;
  readonly #queue = new ProposalQueue();
  /** For one request at a time, until it has memory of its own. */
  readonly #writer = new ByteWriter();
  readonly #memory = new SecretMemory();
  readonly #gate: GroupGate;
  /** What other nodes want to have appended by this one, which leads. */
  #forwarded: Entry[] = [];
  #forwarded_bytes = 0;
  #lead: NodeId = NONE;
  /** The core has taken no proposals of late: it has no room, or is handing over its leadership. */
  #held = false;
  #onSettled: () => void = () => undefined;

  constructor(options: ProposerOptions) {
    this.#options = options;
    this.#gate = new GroupGate(options.clock, options.wake);
  }

  /** See `SecretStore`. */
  async propose(command: Command, options: ProposeOptions): Promise<Proposed> {
    const { appliedIndex, diskSpace, newRequestId, onFault, wake } = this.#options;
    // The log takes only what can be read back and applied: a committed entry that cannot would end every start.
    checkCommand(command);
    const requestId = options.requestId ?? newRequestId();
    checkRequestId(requestId);
    const baseIndex = options.baseIndex ?? appliedIndex();
    // Encoded at once: the caller may wipe its value as soon as this call returns.
    const data = this.#memory.copyOf(
      encodeRequest({ id: requestId, baseIndex, proposer: this.#options.id, command }, this.#writer),
    );
    this.#writer.clear();
    try {
      await diskSpace.measure()?.catch(onFault);
      this.#admitToDisk(data.length, command.kind === 'remove' ? 'removal' : 'write');
    } catch (thrown) {
      data.fill(0);
      throw thrown;
    }
    const outcome = this.#enqueue(requestId, data, options.timeout_ms ?? TIMEOUT_MS);
    wake();
    return outcome;
  }

  /** Hands the proposals that wait to the core, group by group, until it takes no more. */
  admit(): void {
    const { clock, id, node } = this.#options;
    while (this.#mayAdmit()) {
      const own = this.#queue.nextGroup().map(({ data }) => this.#entryOf(data));
      const entries = [...this.#forwarded, ...own];
      const refusal = node.step({ type: 'MsgProp', to: id, from: id, term: 0, entries });
      if (refusal !== undefined) {
        own.forEach(({ data }) => data.fill(0));
        this.#held = true;
        return;
      }
      this.#forgetForwarded();
      this.#gate.passed(entries.length);
      const last = { at_ms: clock.now_ms(), term: node.term, forwarded: this.#lead !== id };
      this.#queue.proposed(own.length, last);
    }
  }

  /** Takes over entries that another node wants to have appended. False if they are the core's own affair. */
  takeOver(entries: readonly Entry[]): boolean {
    const { id, wake } = this.#options;
    if (this.#lead !== id || entries.some(({ type }) => type !== 'EntryNormal')) {
      return false;
    }
    const size_bytes = entries.reduce((sum, entry) => sum + entrySize(entry), 0);
    if (this.#forwarded_bytes + size_bytes > FORWARDED_BYTES_MAX) {
      // As good as lost: its own node proposes it again.
      entries.forEach(({ data }) => data.fill(0));
      return true;
    }
    this.#forwarded.push(...entries);
    this.#forwarded_bytes += size_bytes;
    wake();
    return true;
  }

  leaderIs(lead: NodeId): void {
    this.#lead = lead;
    if (lead !== this.#options.id) {
      this.#dropForwarded();
    }
    this.tryAgain();
  }

  /** Time has passed, or the core has room again: what was held or lost is proposed again. */
  tryAgain(): void {
    this.#held = false;
    if (this.#lead !== NONE) {
      this.#queue.proposeAgain(this.#options.clock.now_ms(), this.#options.node.term);
    }
  }

  /** Whether the disk has room for what a leader wants to have appended. */
  hasRoomFor(entries: readonly Entry[]): boolean {
    const size_bytes = entries.reduce((sum, entry) => sum + entrySize(entry), 0);
    return size_bytes === 0 || this.#options.diskSpace.admit(size_bytes * DISK_BYTES_PER_BYTE, 'removal');
  }

  /** A request was applied or refused. */
  settle(requestId: string, outcome: RequestOutcome): void {
    this.#queue.settle(requestId, outcome);
    this.#onSettled();
  }

  /** Resolves when all that was proposed is settled, after `timeout_ms` at the latest. */
  drained(timeout_ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(timeout_ms, resolve);
      this.#onSettled = () => {
        if (this.#queue.size === 0) {
          timer.cancel();
          resolve();
        }
      };
      this.#onSettled();
    });
  }

  rejectAll(error: CofferError): void {
    this.#gate.close();
    this.#dropForwarded();
    this.#queue.rejectAll(error);
  }

  #mayAdmit(): boolean {
    const { appliedIndex, id, node, paused } = this.#options;
    const count = this.#queue.waiting + this.#forwarded.length;
    if (this.#lead === id) {
      const isApplied = appliedIndex() >= node.lastIndex;
      return this.#gate.isOpen(count, isApplied) && !this.#held && !paused();
    }
    return count > 0 && this.#lead !== NONE && !this.#held && !paused();
  }

  #dropForwarded(): void {
    this.#forwarded.forEach(({ data }) => data.fill(0));
    this.#forgetForwarded();
  }

  #forgetForwarded(): void {
    this.#forwarded = [];
    this.#forwarded_bytes = 0;
  }

  #enqueue(requestId: string, data: Buffer, timeout_ms: number): Promise<Proposed> {
    const { clock, onApplied } = this.#options;
    const begun_ms = clock.now_ms();
    return new Promise((settle, reject) => {
      const resolve = (proposed: Proposed): void => {
        onApplied(clock.now_ms() - begun_ms);
        settle(proposed);
      };
      const timer = clock.setTimer(timeout_ms, () => {
        this.#queue.abandon(requestId);
        const sentence = `the change was not acknowledged within ${timeout_ms / 1_000} s; it may still happen`;
        reject(new CofferError('store.timeout', sentence));
      });
      try {
        this.#queue.add({ requestId, data, timer, resolve, reject });
      } catch (thrown) {
        timer.cancel();
        data.fill(0);
        reject(CofferError.from(thrown));
      }
    });
  }

  /** An entry with a copy of the data: the core keeps it until it is applied, and it is wiped then. */
  #entryOf(request: Buffer): Entry {
    return { index: 0, term: 0, type: 'EntryNormal', data: this.#memory.copyOf(request) };
  }

  #admitToDisk(size_bytes: number, purpose: 'write' | 'removal'): void {
    const { diskSpace, ended } = this.#options;
    const reason = ended();
    if (reason !== undefined) {
      throw reason;
    }
    if (!diskSpace.admit(size_bytes * DISK_BYTES_PER_BYTE, purpose)) {
      throw diskSpace.fullError();
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// A node of the Raft core with the simplest driver there can be: storage in memory, and a state machine that joins
// texts.
import { invariant } from '../../src/common/index.ts';
import {
  type ConfState,
  decodeConfChange,
  type Entry,
  isLocalTarget,
  type Message,
  type MsgStorageAppend,
  type MsgStorageApply,
  type NodeId,
  type RaftConfig,
  RawNode,
  type Ready,
  type Snapshot,
} from '../../src/raft/index.ts';
import { Raft } from '../../src/raft/raft.ts';
import { MemoryStorage, NOBODY } from './raft-memory-storage.ts';

/** The settings that tests begin from: no limits, and elections after exactly `electionTick` ticks. */
export const TEST_SETTINGS = {
  electionTick: 3,
  heartbeatTick: 1,
  asyncStorageWrites: false,
  maxSizePerMsg: Infinity,
  maxCommittedSizePerReady: 0,
  maxUncommittedEntriesSize: 0,
  maxInflightMsgs: 2 ** 31 - 1,
  maxInflightBytes: 0,
  checkQuorum: false,
  preVote: false,
  readOnlyOption: 'ReadOnlySafe',
  disableProposalForwarding: false,
  disableConfChangeValidation: false,
  stepDownOnRemoval: false,
  recoveringTerm: 0,
} as const satisfies Partial<RaftConfig>;

export type RaftSettings = Partial<Omit<RaftConfig, 'id' | 'storage' | 'applied'>>;

export const EMPTY_SNAPSHOT: Snapshot = {
  data: Buffer.alloc(0),
  metadata: { index: 0, term: 0, confState: NOBODY },
};

/** One node. Its `raft` is there for tests that must look inside; the driver's part uses `node` alone. */
export class RaftMember {
  readonly id: NodeId;
  readonly storage = new MemoryStorage();
  settings: RaftSettings;
  raft: Raft;
  node: RawNode;
  /** Writes that are asked for and not done. */
  appendWork: MsgStorageAppend[] = [];
  /** Entries that are handed out and not applied. */
  applyWork: MsgStorageApply[] = [];
  /** The state after each applied entry. The last one is the state; each could be sent as a snapshot. */
  history: Snapshot[];

  constructor(id: NodeId, settings: RaftSettings, snapshot: Snapshot = EMPTY_SNAPSHOT) {
    this.id = id;
    this.settings = settings;
    this.history = [snapshot];
    this.storage.useSnapshots(() => this.state);
    this.storage.applySnapshot(snapshot);
    [this.raft, this.node] = this.#start(snapshot.metadata.index);
  }

  /** What the state machine holds: all data that was applied, one after the other. */
  get state(): Snapshot {
    const state = this.history.at(-1);
    invariant(state !== undefined, 'there is a state from the beginning');
    return state;
  }

  get confState(): ConfState {
    return this.state.metadata.confState;
  }

  /** Does what a `Ready` asks for, and returns it; messages to peers are the caller's to send. */
  handleReady(): Ready {
    const ready = this.node.ready();
    if (this.settings.asyncStorageWrites === true) {
      for (const message of ready.messages) {
        if (message.type === 'MsgStorageAppend') {
          this.appendWork.push(message);
        } else if (message.type === 'MsgStorageApply') {
          this.applyWork.push(message);
        }
      }
      return ready;
    }
    if (ready.hardState !== undefined) {
      this.storage.setHardState(ready.hardState);
    }
    this.#write(ready.entries, ready.snapshot);
    this.#apply(ready.committedEntries);
    this.node.advance();
    return ready;
  }

  /** Does the oldest write that is asked for, and returns the answers to deliver; undefined if there is none. */
  processAppend(): MsgStorageAppend | undefined {
    const work = this.appendWork.shift();
    if (work !== undefined) {
      const { term, vote, commit, entries, snapshot } = work;
      if (term !== 0 || vote !== 0 || commit !== 0) {
        this.storage.setHardState({ term, vote, commit });
      }
      this.#write(entries, snapshot);
    }
    return work;
  }

  /** Applies what was handed out first, and returns the answers to deliver; undefined if there is nothing. */
  processApply(): MsgStorageApply | undefined {
    const work = this.applyWork.shift();
    if (work !== undefined) {
      this.#apply(work.entries);
    }
    return work;
  }

  /** Damage: its disk loses the entries from `index` on, and what they did to the state. */
  loseFrom(index: number): void {
    this.storage.loseFrom(index);
    this.history = this.history.filter(({ metadata }) => metadata.index < index);
  }

  /** The process ends, with whatever it was about to write, and a new one begins with what is on disk. */
  restart(settings: RaftSettings = {}): void {
    this.appendWork = [];
    this.applyWork = [];
    this.settings = { ...this.settings, ...settings };
    this.storage.setConfState(this.confState);
    [this.raft, this.node] = this.#start(this.state.metadata.index);
  }

  #start(applied: number): [Raft, RawNode] {
    const config: RaftConfig = {
      ...TEST_SETTINGS,
      random: () => 0,
      ...this.settings,
      id: this.id,
      storage: this.storage,
      applied,
    };
    const raft = new Raft(config);
    return [raft, new RawNode(config, raft)];
  }

  #write(entries: readonly Entry[], snapshot: Snapshot | undefined): void {
    if (snapshot !== undefined) {
      this.storage.applySnapshot(snapshot);
      this.history.push(snapshot);
    }
    this.storage.append(entries);
  }

  #apply(entries: readonly Entry[]): void {
    for (const { index, term, type, data } of entries) {
      if (index < this.raft.log.firstIndex()) {
        // The core has been given a snapshot since it handed the entry out, and stands by the configuration of that.
        continue;
      }
      let update = data;
      let { confState } = this.state.metadata;
      if (type !== 'EntryNormal') {
        const change = decodeConfChange(type, data);
        update = change.context;
        confState = this.node.applyConfChange(change);
      }
      this.history.push({
        data: Buffer.concat([this.state.data, update]),
        metadata: { index, term, confState },
      });
    }
  }
}

/** The messages of a `Ready` that leave the node. */
export function outbound(ready: Ready): readonly Message[] {
  return ready.messages.filter(({ to }) => !isLocalTarget(to));
}

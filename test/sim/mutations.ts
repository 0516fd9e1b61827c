// SPDX-License-Identifier: Apache-2.0
// Bugs that others have made, planted into the code under test to see whether the simulator finds them. Each is a change of
// its source: a text that must stand there exactly once, and what takes its place.
import {
  type Aim,
  CHURN,
  DAMAGE,
  LONG_TAILS,
  MS_US,
  NEW_LEADERS,
  ROTATIONS,
  SECOND_US,
  SNAPSHOTS,
  STALE_LEADERS,
  UNREST,
} from './mutation-aims.ts';

/** A change of one file. */
export interface Edit {
  readonly file: string;
  readonly search: string;
  readonly replacement: string;
}

export interface Mutation extends Edit, Aim {
  readonly name: string;
  /** What is to be taken away with it, since it would do the same work. */
  readonly also?: Edit;
  /** The seed that has found it last, which is tried first: others before it take their time, and find nothing. */
  readonly firstSeed?: number;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'votes twice in a term',
    file: 'src/raft/election.ts',
    search: '(raft.vote === NONE && raft.lead === NONE) ||',
    replacement: 'raft.lead === NONE ||',
    ...UNREST,
  },
  {
    name: 'forgets its vote in a restart',
    file: 'src/store/replica/open-replica.ts',
    search: 'hardState: { ...stored, commit }',
    replacement: 'hardState: { ...stored, vote: 0, commit }',
    ...UNREST,
  },
  {
    name: 'asks for votes before its own is durable',
    file: 'src/store/replica/core-loop.ts',
    search: "const votes = messages.filter(({ type }) => type === 'MsgVote');",
    replacement:
      "const votes: readonly Message[] = [];\n    messages.filter(({ type }) => type === 'MsgVote').forEach((vote) => this.#parts.send(vote as PeerMessage));",
    ...UNREST,
  },
  {
    name: 'votes before the vote is durable',
    file: 'src/raft/raft.ts',
    search: "if (type === 'MsgAppResp' || type === 'MsgVoteResp' || type === 'MsgPreVoteResp') {",
    replacement: "if (to === this.id || type === 'MsgAppResp') {",
  },
  {
    name: 'acknowledges before the entries are durable',
    file: 'src/raft/raft.ts',
    search: "if (type === 'MsgAppResp' || type === 'MsgVoteResp' || type === 'MsgPreVoteResp') {",
    replacement: "if (to === this.id || type === 'MsgVoteResp' || type === 'MsgPreVoteResp') {",
  },
  {
    name: 'writes without a sync',
    file: 'src/store/replica/append-writer.ts',
    search: 'const written = this.#timed(() => database.write(operations, { sync: true }));',
    replacement: 'const written = this.#timed(() => database.write(operations, { sync: false }));',
  },
  {
    name: 'commits an entry of an older term by counting',
    file: 'src/raft/raft-log.ts',
    search: 'if (id.term === 0 || id.index <= this.#committed || !this.matchTerm(id)) {',
    replacement: 'if (id.term === 0 || id.index <= this.#committed) {',
    ...LONG_TAILS,
  },
  {
    name: 'votes for a longer log of an older term',
    firstSeed: 43,
    file: 'src/raft/entry-id.ts',
    search: 'return id.term > other.term || (id.term === other.term && id.index >= other.index);',
    replacement: 'return id.index >= other.index;',
    ...LONG_TAILS,
  },
  {
    name: 'a wrong quorum: half is enough',
    file: 'src/raft/quorum/majority.ts',
    search: 'return Math.floor(voters.size / 2) + 1;',
    replacement: 'return Math.max(1, Math.floor(voters.size / 2));',
  },
  {
    name: 'a joint election won in one half only',
    firstSeed: 5,
    file: 'src/raft/quorum/joint.ts',
    search: 'const outgoing = majorityVote(config.outgoing, votes);',
    replacement: 'const outgoing = incoming;',
    ...CHURN,
  },
  {
    name: 'a joint commit by one half only',
    file: 'src/raft/quorum/joint.ts',
    search:
      'return Math.min(majorityCommitted(config.incoming, acked), majorityCommitted(config.outgoing, acked));',
    replacement: 'return majorityCommitted(config.incoming, acked);',
    ...CHURN,
  },
  {
    name: 'learners count in the quorum',
    file: 'src/raft/tracker/progress-tracker.ts',
    search: 'return jointCommitted(this.config.voters, (id) => {',
    replacement:
      'const reached = [...this.progress.values()].map(({ match }) => match).sort((a, b) => b - a);\n    if (this.config.learners.size > 0) {\n      return reached[Math.floor(this.config.voters.incoming.size / 2)] ?? 0;\n    }\n    return jointCommitted(this.config.voters, (id) => {',
    ...CHURN,
  },
  {
    name: 'a leader counts itself after it was removed',
    firstSeed: 13,
    file: 'src/raft/configuration.ts',
    search:
      '  raft.tracker.config = config;\n  raft.tracker.progress = progress;\n' +
      '  raft.trace?.(`goes over to the configuration ${describeConfig(config)}`);\n' +
      '  const confState = raft.tracker.confState();\n',
    replacement:
      '  const own = raft.ownProgress;\n  raft.tracker.config = config;\n  raft.tracker.progress = progress;\n' +
      '  void describeConfig;\n  const confState = raft.tracker.confState();\n' +
      "  if (raft.state === 'StateLeader' && own !== undefined && !progress.has(raft.id)) {\n" +
      '    const incoming = new Set([raft.id, ...[...config.voters.incoming].slice(1)]);\n' +
      '    raft.tracker.config = { ...config, voters: { ...config.voters, incoming } };\n' +
      '    raft.tracker.progress = new Map([...progress, [raft.id, own]]);\n    return confState;\n  }\n',
    ...CHURN,
  },
  {
    name: 'a second membership change before the first is applied',
    firstSeed: 9,
    file: 'src/raft/proposals.ts',
    search: 'if (raft.pendingConfIndex > raft.log.applied) {',
    replacement: 'if (raft.pendingConfIndex < 0) {',
    ...CHURN,
  },
  {
    name: 'a membership change is applied twice',
    file: 'src/store/replica/applier.ts',
    search: 'const confState = node.applyConfChange(change);',
    replacement: 'node.applyConfChange(change);\n        const confState = node.applyConfChange(change);',
    ...CHURN,
  },
  {
    name: "a snapshot's configuration is not taken over",
    file: 'src/raft/append.ts',
    search: '  switchToConfig(raft, changed);\n',
    replacement: '  void changed;\n',
    overrides: { ...CHURN.overrides, settings: { logLimits: { entriesMax: 4, bytesMax: 1 << 20 } } },
  },
  {
    name: 'the term of the entry before is not compared',
    file: 'src/raft/raft-log.ts',
    search: 'if (!this.matchTerm(previous)) {',
    replacement: 'if (previous.index > this.lastIndex()) {',
    ...LONG_TAILS,
  },
  {
    name: 'a short append cuts the log',
    file: 'src/raft/raft-log.ts',
    search: 'if (fresh !== -1) {\n      this.append(entries.slice(fresh));\n    }',
    replacement: 'void fresh;\n    this.append(entries.filter(({ index }) => index > this.#committed));',
    overrides: { network: { ordered: false, duplication: 0.1, spread: 30 } },
  },
  {
    name: 'commits beyond what an append has shown to match',
    file: 'src/raft/raft-log.ts',
    search: 'const fresh = entries.findIndex((entry) => !this.matchTerm(entry));',
    replacement:
      'this.commitTo(Math.min(leaderCommit, this.lastIndex()));\n    const fresh = entries.findIndex((entry) => !this.matchTerm(entry));',
    ...LONG_TAILS,
  },
  {
    name: 'a heartbeat commits beyond what matches',
    file: 'src/raft/replication.ts',
    search: 'const commit = Math.min(progress.match, raft.log.committed);',
    replacement: 'const commit = raft.log.committed;',
  },
  {
    name: 'an acknowledgement of an older term counts',
    file: 'src/raft/step.ts',
    search: '} else if (message.term !== 0 && message.term < raft.term) {',
    replacement:
      "} else if (message.term !== 0 && message.term < raft.term && message.type !== 'MsgAppResp') {",
    overrides: {
      voters: 3,
      safety_us: 8 * SECOND_US,
      settings: { tick_ms: 20 },
      network: { ordered: false, delay_us: 3 * MS_US, spread: 60, loss: 0 },
      workload: { clients: 3, think_us: 10 * MS_US, reads: 0.1 },
      faults: { transfer: 60 * MS_US, 'slow-link': 300 * MS_US, 'swizzle-clog': 500 * MS_US },
    },
  },
  {
    name: 'a read without a round to the quorum',
    file: 'src/raft/read-index.ts',
    search:
      'raft.readOnly.add(request, index);\n      raft.readOnly.receiveAck(raft.id, raft.readOnly.heartbeatContext());\n      broadcastHeartbeat(raft);',
    replacement: 'void broadcastHeartbeat;\n      respond(raft, request, index);',
    ...STALE_LEADERS,
  },
  {
    name: 'a read before an entry of the own term is committed',
    firstSeed: 22,
    file: 'src/raft/read-index.ts',
    search: 'if (!raft.committedEntryInCurrentTerm) {\n    raft.earlyReads.push(request);',
    replacement: 'if (raft.term < 0) {\n    raft.earlyReads.push(request);',
    ...NEW_LEADERS,
  },
  {
    name: 'a read before its index is applied',
    firstSeed: 10,
    file: 'src/store/replica/read-rounds.ts',
    search: 'const due = this.#indexed.filter(({ index }) => index <= appliedIndex);',
    replacement: 'const due = this.#indexed.filter(({ index }) => index <= appliedIndex + 1_000_000);',
    ...NEW_LEADERS,
  },
  {
    name: 'a request that is made again is done again',
    file: 'src/secrets/request.ts',
    search: 'if (first !== undefined) {',
    replacement: 'if (first !== undefined && index < 0) {',
  },
  {
    name: 'the applied index is written before its effects',
    file: 'src/store/replica/append-writer.ts',
    search: 'const written = this.#timed(() => database.write(operations, { sync: true }));',
    replacement:
      'await this.#timed(() => database.write(operations.filter(({ key }) => key[0] === 0x61), { sync: true }));\n      const written = this.#timed(() => database.write(operations.filter(({ key }) => key[0] !== 0x61), { sync: true }));',
    ...SNAPSHOTS,
  },
  {
    name: 'a snapshot is switched to in two steps',
    firstSeed: 14,
    file: 'src/store/replica/append-writer.ts',
    search: 'const written = this.#timed(() => database.write(operations, { sync: true }));',
    replacement:
      'const installs = messages.some(({ snapshot }) => snapshot !== undefined);\n      if (installs) {\n        await this.#timed(() => database.write(operations.filter(({ key }) => key[0] === 0x61), { sync: true }));\n      }\n      const written = this.#timed(() => database.write(operations, { sync: true }));',
    ...SNAPSHOTS,
  },
  {
    name: 'the last entry is applied again after a restart',
    file: 'src/store/replica/replica-parts.ts',
    search: 'applied: state.appliedIndex,',
    replacement: 'applied: Math.max(0, state.appliedIndex - 1),',
  },
  {
    name: 'entries are wiped while they can still be sent',
    file: 'src/store/replica/applier.ts',
    search: '      log.release(last.index);\n',
    replacement: '      void log;\n',
    ...CHURN,
  },
  {
    name: 'a recovering node votes',
    file: 'src/raft/election.ts',
    search:
      'mayVoteFor(raft, message) && raft.log.isUpToDate({ term: logTerm, index }) && raft.recoveringTerm === 0;',
    replacement: 'mayVoteFor(raft, message) && raft.log.isUpToDate({ term: logTerm, index });',
    ...DAMAGE,
  },
  {
    name: 'a recovering node is counted',
    file: 'src/raft/tracker/progress-tracker.ts',
    search: 'return progress.recoveringTerm !== 0;',
    replacement: 'return progress.recoveringTerm < 0;',
    ...DAMAGE,
  },
  {
    name: 'a database that is behind its checkpoint is believed',
    file: 'src/store/replica/open-replica.ts',
    search: 'verifyCheckpoint({ checkpoint,',
    replacement: 'void ({ verifyCheckpoint, checkpoint,',
    ...DAMAGE,
  },
  {
    name: 'the chain of the log is not verified',
    firstSeed: 28,
    file: 'src/storage/log-chain.ts',
    search: 'const chained = reader.fixed(LOG_DIGEST_BYTES).equals(previous.digest);',
    replacement: 'const chained = reader.fixed(LOG_DIGEST_BYTES).length > 0;',
    also: {
      file: 'src/store/replica/verify-checkpoint.ts',
      search: 'if (there !== undefined && !there.digest.equals(lastDigest)) {',
      replacement: 'if (there === undefined && lastDigest.length === 0) {',
    },
    overrides: { ...LONG_TAILS.overrides, faults: { 'isolate-leader': 400 * MS_US, rot: 700 * MS_US } },
  },
  {
    name: 'a snapshot is dropped before it is installed',
    file: 'src/store/replica/core-loop.ts',
    search: '    this.#installsSnapshot = false;\n    this.run();\n',
    replacement: '    this.run();\n    this.#installsSnapshot = false;\n    this.run();\n',
    ...SNAPSHOTS,
  },
  {
    name: 'a recovering node believes its old commit index',
    firstSeed: 17,
    file: 'src/store/replica/open-replica.ts',
    search: 'const commit = checkpoint.recoveringTerm === 0 ?',
    replacement: 'const commit = checkpoint.recoveringTerm >= 0 ?',
    overrides: {
      ...DAMAGE.overrides,
      outage_us: 50 * MS_US,
      faults: { rot: 300 * MS_US, kill: 100 * MS_US, 'isolate-leader': 2 * SECOND_US },
    },
  },
  {
    name: 'a checkpoint that a power cut set back stays behind',
    file: 'src/store/replica/open-replica.ts',
    search: 'if (!same) {',
    replacement: 'if (!same && now.term < 0) {',
    overrides: {
      ...DAMAGE.overrides,
      outage_us: 10 * MS_US,
      // Several batches between two syncs of the checkpoint.
      disk: { sync_us: 40 * MS_US, spread: 2, byte_us: 0.01 },
      workload: { clients: 3, think_us: 20 * MS_US, reads: 0.1 },
      faults: { 'power-cut': 60 * MS_US, rollback: 40 * MS_US },
    },
  },
  {
    name: 'an old data key is dropped before all is sealed anew',
    file: 'src/store/data-key-rotation.ts',
    search: 'await replica.reseal(',
    replacement: 'void replica.reseal(',
    ...ROTATIONS,
  },
  {
    name: 'what is on its way to the disk is not sealed anew',
    file: 'src/store/replica/reseal.ts',
    search: 'await writer.flushed();',
    replacement: '',
    also: {
      file: 'src/store/replica/reseal.ts',
      search: 'database.filesHold(keyIds)',
      replacement: 'database.filesHold([])',
    },
    ...ROTATIONS,
  },
  {
    name: 'seals under a new data key before that is on the disk',
    file: 'src/storage/key-file-seal.ts',
    search: '    const active = keyring.add();\n',
    replacement: '    const active = keyring.add();\n    keyring.activate(active);\n',
    ...ROTATIONS,
  },
];

// SPDX-License-Identifier: Apache-2.0
// The driver: it carries proposals through the Raft core to the disk and on to the state, one group at a time.
import { CofferError, type Logger, type SecretValue, withDeadline } from '../common/index.ts';
import type { Keyring } from '../crypto/index.ts';
import type { Entry, HardState, RaftNode } from '../raft/index.ts';
import {
  applyCommand,
  checkCommand,
  type Command,
  decodeCommand,
  encodeCommand,
  type Secret,
} from '../secrets/index.ts';
import type {
  CheckpointFile,
  Database,
  DatabaseOperation,
  DirectoryLock,
  RaftLog,
} from '../storage/index.ts';
import { AppliedWaiters } from './applied-waiters.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import type { DiskSpace } from './disk-space.ts';
import { hardStateOperation, type NodeIdentity } from './node-identity.ts';
import { type Proposal, ProposalQueue } from './proposal-queue.ts';
import type { SecretState } from './secret-state.ts';
import type { Freshness, Proposed, SecretStore, StoreStatus } from './secret-store.ts';

/** The parts of an opened store. */
export interface StoreParts {
  readonly identity: NodeIdentity;
  /** Held until the store is closed. */
  readonly lock: DirectoryLock;
  readonly keyring: Keyring;
  readonly database: Database;
  readonly checkpoint: CheckpointFile;
  readonly log: RaftLog;
  readonly state: SecretState;
  readonly node: RaftNode;
  readonly hardState: HardState;
  readonly diskSpace: DiskSpace;
  readonly logger: Logger;
  /** Called once, for what fails after `start`: the process must end. */
  readonly onFault: (error: CofferError) => void;
}

const PROPOSE_TIMEOUT_MS = 10_000;
/** Applied state that no proposal takes along is written by itself after this time. */
const IDLE_FLUSH_MS = 50;
/** A log record and a state record for each value, and LevelDB's own copies of both. */
const DISK_BYTES_PER_BYTE = 4;

/** The one store of the daemon. See `SecretStore` for what it promises. */
export class ReplicatedStore implements SecretStore {
  readonly #parts: StoreParts;
  readonly #queue = new ProposalQueue();
  readonly #inFlight = new Map<number, Proposal>();
  #hardState: HardState;
  #durableAppliedIndex: number;
  readonly #waiters = new AppliedWaiters();
  readonly #checkpoint: CheckpointWriter;
  #running: Promise<void> | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #flushDue = false;
  #serving = false;
  #closing: Promise<void> | undefined;
  #ended: CofferError | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#checkpoint = new CheckpointWriter(parts.checkpoint, (error) => this.#fault(error));
    this.#hardState = parts.hardState;
    this.#durableAppliedIndex = parts.state.appliedIndex;
  }

  /** Becomes leader and catches up with the log. Resolves when the store serves. */
  async start(): Promise<void> {
    await this.#parts.diskSpace.measure();
    this.#parts.node.campaign();
    this.#wake();
    await this.#running;
    this.#check();
    this.#serving = true;
  }

  async propose(command: Command): Promise<Proposed> {
    this.#check();
    // The log takes only what can be read back and applied: a committed entry that cannot would end every start.
    checkCommand(command);
    // Encoded at once: the caller may wipe its value as soon as this call returns.
    const data = encodeCommand(command);
    const outcome = new Promise<Proposed>((resolve, reject) => {
      try {
        this.#queue.add({ data, removal: command.kind === 'remove', resolve, reject });
      } catch (thrown) {
        data.fill(0);
        reject(CofferError.from(thrown));
      }
    });
    this.#wake();
    return withDeadline(
      outcome,
      PROPOSE_TIMEOUT_MS,
      'store.timeout',
      `the change was not acknowledged within ${PROPOSE_TIMEOUT_MS / 1_000} s; it may still happen`,
    );
  }

  async readBarrier(timeout_ms: number): Promise<Freshness> {
    this.#check();
    const index = this.#parts.node.readIndex();
    if (index !== undefined && index <= this.#parts.state.appliedIndex) {
      return 'linearizable';
    }
    const wanted = index ?? this.#parts.node.status().lastIndex;
    return (await this.#waiters.wait(wanted, timeout_ms)) ? 'linearizable' : 'local';
  }

  byId(id: string): Secret | undefined {
    this.#check();
    return this.#parts.state.index.byId(id);
  }

  byName(name: string): Secret | undefined {
    this.#check();
    return this.#parts.state.index.byName(name);
  }

  byEngineId(engineId: string): Secret | undefined {
    this.#check();
    return this.#parts.state.index.byEngineId(engineId);
  }

  list(): readonly Secret[] {
    this.#check();
    return this.#parts.state.index.list();
  }

  deliveredVersion(taskId: string, secretId: string): number | undefined {
    this.#check();
    return this.#parts.state.index.deliveredVersion(taskId, secretId);
  }

  readValue(secretId: string, version: number): SecretValue {
    this.#check();
    return this.#parts.state.readValue(secretId, version);
  }

  status(): StoreStatus {
    this.#check();
    const { identity, keyring, log, state, node, diskSpace } = this.#parts;
    const { role, term, commitIndex, appliedIndex, lastIndex } = node.status();
    return {
      role,
      clusterId: identity.clusterId,
      nodeId: identity.nodeId,
      term,
      firstIndex: log.start.index + 1,
      appliedIndex,
      commitIndex,
      lastIndex,
      secrets: state.index.size,
      dataKeyId: keyring.active.id.toString('hex'),
      dataKeySealed: false,
      diskFree_bytes: diskSpace.free_bytes,
    };
  }

  /** Finishes what was proposed, writes all down, and lets go of the disk. */
  close(): Promise<void> {
    this.#ended ??= new CofferError('store.closed', 'the store is closed');
    this.#closing ??= this.#close(this.#ended);
    return this.#closing;
  }

  async #close(ended: CofferError): Promise<void> {
    await this.#running;
    this.#queue.rejectAll(ended);
    clearTimeout(this.#flushTimer);
    const { database, keyring, lock, state } = this.#parts;
    try {
      if (this.#ended?.code === 'store.closed' && state.changed) {
        await this.#write([]);
      }
      await this.#checkpoint.close();
    } finally {
      await database.close();
      await lock.release();
      keyring.wipe();
    }
  }

  #check(): void {
    if (this.#ended !== undefined) {
      throw this.#ended;
    }
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#ended === undefined && (this.#queue.length > 0 || this.#flushDue)) {
        this.#wake();
      }
    });
  }

  async #run(): Promise<void> {
    // Whatever else is proposed before the event loop turns joins the first group.
    await Promise.resolve();
    try {
      while (this.#queue.length > 0 || this.#parts.node.hasReady() || this.#flushDue) {
        await this.#admitGroup();
        await this.#step();
      }
      this.#scheduleFlush();
    } catch (thrown) {
      this.#fault(CofferError.from(thrown, 'store.faulted'));
    }
  }

  /** Hands the next group to the core, less what the disk has no room for. */
  async #admitGroup(): Promise<void> {
    if (this.#queue.length === 0) {
      return;
    }
    const { diskSpace, node } = this.#parts;
    await diskSpace.measure();
    for (const proposal of this.#queue.takeGroup()) {
      const purpose = proposal.removal ? 'removal' : 'write';
      if (diskSpace.admit(proposal.data.length * DISK_BYTES_PER_BYTE, purpose)) {
        this.#inFlight.set(node.propose(proposal.data).index, proposal);
      } else {
        proposal.data.fill(0);
        proposal.reject(diskSpace.fullError());
      }
    }
  }

  /** One round of the core's wishes: write, report, apply. */
  async #step(): Promise<void> {
    const { log, node } = this.#parts;
    const { hardState, entries, committedEntries } = node.ready();
    if (hardState !== undefined) {
      this.#hardState = hardState;
    }
    const operations: DatabaseOperation[] = [...log.append(entries)];
    if (hardState !== undefined) {
      operations.push(hardStateOperation(this.#parts.keyring, hardState));
    }
    await this.#write(operations);
    if (hardState !== undefined) {
      // A vote must not be forgotten, whatever becomes of the database.
      await this.#checkpoint.sync();
    }
    if (entries.length > 0) {
      node.appended(log.last.index, log.last.term);
    }
    for (const entry of [...committedEntries, ...node.ready().committedEntries]) {
      this.#apply(entry);
    }
    this.#waiters.wake(this.#parts.state.appliedIndex);
  }

  /** One synced batch: what is given, and what was applied since the last one. */
  async #write(operations: readonly DatabaseOperation[]): Promise<void> {
    const { database, identity, log, state } = this.#parts;
    this.#flushDue = false;
    const batch = state.changed ? state.batch() : undefined;
    if (batch !== undefined) {
      this.#durableAppliedIndex = state.appliedIndex;
    }
    const all = [...operations, ...(batch?.operations ?? []), ...log.compact(this.#durableAppliedIndex)];
    if (all.length === 0) {
      return;
    }
    await database.write(all, { sync: true });
    if (batch !== undefined) {
      state.written(batch);
    }
    const { index: lastIndex, term: lastTerm, digest: lastDigest } = log.last;
    const { term, vote } = this.#hardState;
    await this.#checkpoint.write({ ...identity, term, vote, lastIndex, lastTerm, lastDigest });
  }

  #apply(entry: Entry): void {
    const { node, state } = this.#parts;
    if (entry.data.length === 0) {
      state.apply(entry.index, []);
      node.applied(entry.index);
      return;
    }
    const command = decodeCommand(entry.data);
    const outcome = applyCommand(state.index, command, entry.index);
    state.apply(entry.index, outcome.kind === 'applied' ? outcome.effects : []);
    node.applied(entry.index);
    entry.data.fill(0);
    if ('value' in command) {
      command.value.wipe();
    }
    const proposal = this.#inFlight.get(entry.index);
    this.#inFlight.delete(entry.index);
    if (outcome.kind === 'applied') {
      proposal?.resolve({ secret: outcome.secret, index: entry.index });
    } else {
      proposal?.reject(outcome.error);
    }
  }

  #scheduleFlush(): void {
    if (!this.#parts.state.changed || this.#ended !== undefined) {
      return;
    }
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = undefined;
      if (this.#parts.state.changed && this.#ended === undefined) {
        this.#flushDue = true;
        this.#wake();
      }
    }, IDLE_FLUSH_MS).unref();
  }

  #fault(error: CofferError): void {
    if (this.#ended?.code === 'store.faulted') {
      return;
    }
    this.#ended = new CofferError('store.faulted', error.detail, { cause: error });
    this.#queue.rejectAll(this.#ended);
    for (const proposal of this.#inFlight.values()) {
      proposal.reject(this.#ended);
    }
    this.#inFlight.clear();
    if (this.#serving) {
      this.#parts.onFault(this.#ended);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// One node: a disk that stays, and processes that come and go. What runs in a process is the real store.
import { CofferError, type Logger } from '../../../src/common/index.ts';
import type { Keyring } from '../../../src/crypto/index.ts';
import { KeyFileSeal } from '../../../src/storage/index.ts';
import type { MsgSnap, NodeId, PeerMessage } from '../../../src/raft/index.ts';
import {
  createRecovering,
  createReplica,
  DataKeyRotation,
  type NodeIdentity,
  openReplica,
  recoveringCheckpoint,
  type Replica,
  type ReplicaSettings,
  type SpaceGuard,
} from '../../../src/store/index.ts';
import type { DiskBehaviour } from '../disk/disk-behaviour.ts';
import { SimCheckpointFile } from '../disk/sim-checkpoint-file.ts';
import { SimDatabase } from '../disk/sim-database.ts';
import type { CrashKind, SimDisk } from '../disk/sim-disk.ts';
import type { SimKeyFile } from '../disk/sim-key-file.ts';
import type { Coverage } from '../kernel/coverage.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Scheduler } from '../kernel/scheduler.ts';
import type { Trace } from '../kernel/trace.ts';
import type { Endpoint, SimNetwork } from '../network/sim-network.ts';
import type { NodeClock } from './node-clock.ts';
import { SimProcess } from './sim-process.ts';

export type NodeState =
  | 'down'
  | 'starting'
  | 'running'
  /** It never runs again. */
  | 'retired';

/** Told of what becomes of the node's processes. */
export interface NodeObserver {
  /** Something ran in the process: what it says of itself may be another than before. */
  ran(node: SimNode): void;
  /** A replica was opened, and is about to be started. */
  opened(node: SimNode): void;
  /** A start was refused. */
  refused(node: SimNode, error: CofferError): void;
  /** The process gave up; it is dead already. */
  faulted(node: SimNode, error: CofferError): void;
  /** The process was killed from outside, or lost its power. */
  ended(node: SimNode): void;
}

export interface NodeParts {
  readonly name: string;
  readonly identity: NodeIdentity;
  /** The cluster's first members, if the node is one of them. */
  readonly firstVoters: readonly NodeId[];
  readonly keyFile: SimKeyFile;
  readonly disk: SimDisk;
  readonly behaviour: DiskBehaviour;
  readonly nodeClock: NodeClock;
  readonly random: RandomStream;
  readonly settings: ReplicaSettings;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly trace: Trace;
  readonly coverage: Coverage;
  readonly observer: NodeObserver;
}

/** A disk that is as large as the test wants it to be. */
const PLENTY_BYTES = 1 << 30;

export class SimNode {
  readonly #parts: NodeParts;
  #state: NodeState = 'down';
  #process: SimProcess | undefined;
  #replica: Replica | undefined;
  #rotation: DataKeyRotation | undefined;
  #starts = 0;
  #created = false;
  /** The next start begins with an empty database. */
  #recovers = false;

  constructor(parts: NodeParts) {
    this.#parts = parts;
  }

  get id(): NodeId {
    return this.#parts.identity.raftId;
  }

  get name(): string {
    return this.#parts.name;
  }

  get state(): NodeState {
    return this.#state;
  }

  /** The store, while it runs. */
  get replica(): Replica | undefined {
    return this.#state === 'running' ? this.#replica : undefined;
  }

  get process(): SimProcess | undefined {
    return this.#process;
  }

  get disk(): SimDisk {
    return this.#parts.disk;
  }

  get keyFile(): SimKeyFile {
    return this.#parts.keyFile;
  }

  get behaviour(): DiskBehaviour {
    return this.#parts.behaviour;
  }

  get clock(): NodeClock {
    return this.#parts.nodeClock;
  }

  /** Which of the node's processes runs, counted from 1. */
  get starts(): number {
    return this.#starts;
  }

  /** Starts a process, unless one runs. */
  start(): void {
    if (this.#state !== 'down') {
      return;
    }
    const { nodeClock, observer, random, scheduler } = this.#parts;
    this.#starts += 1;
    const stream = random.fork(`process ${this.#starts}`);
    const process = new SimProcess(scheduler, nodeClock, stream.fork('loop'), () => observer.ran(this));
    this.#process = process;
    this.#state = 'starting';
    this.#trace(`starts${this.#recovers ? ' with an empty database' : ''}`);
    this.#open(process, stream).catch((thrown: unknown) => {
      if (process.alive) {
        this.#end(process);
        observer.refused(this, CofferError.from(thrown));
      }
    });
  }

  /** The process ends without a word. */
  crash(kind: CrashKind): void {
    const process = this.#process;
    if (process !== undefined) {
      this.#trace(kind === 'power' ? 'loses power' : 'is killed');
      this.#end(process, kind);
      this.#parts.observer.ended(this);
    }
  }

  /** The process is asked to end, and does when it has done what it must. */
  stop(): void {
    const { replica } = this;
    const process = this.#process;
    if (process === undefined || replica === undefined) {
      return;
    }
    this.#trace('is asked to stop');
    const ended = (): void => {
      if (process.alive) {
        this.#trace('has stopped');
        this.#parts.coverage.hit('stopped in good order');
        this.#end(process);
        this.#parts.observer.ended(this);
      }
    };
    process.post(() => {
      replica.close().then(ended, ended);
    });
  }

  /** Asks the process to seal all that it has under a new data key. */
  rotateDataKey(): void {
    this.#process?.post(() => this.#rotation?.begin());
  }

  /** Stops for good. */
  retire(): void {
    if (this.#process !== undefined) {
      this.#end(this.#process);
    }
    this.#trace('is retired');
    this.#state = 'retired';
  }

  /** The next start is one of a node that has lost what it had. */
  recoverAtNextStart(): void {
    this.#recovers = true;
  }

  async #open(process: SimProcess, random: RandomStream): Promise<void> {
    const { behaviour, disk, keyFile, network, observer, settings } = this.#parts;
    const keyring = keyFile.read();
    const database = new SimDatabase(disk, behaviour, process);
    const checkpointFile = new SimCheckpointFile(disk, behaviour, process);
    await this.#fill(database, checkpointFile, keyring);
    const { checkpoint } = disk;
    if (checkpoint === undefined) {
      throw new CofferError('store.damaged', 'there is no checkpoint');
    }
    const endpoint = this.#endpointOf(process);
    const replicaRandom = random.fork('replica');
    const replica = await openReplica({
      keyring,
      database,
      checkpointFile,
      checkpoint,
      clock: process.clock,
      transport: network.transportOf(this.id, endpoint),
      random: (limit) => replicaRandom.below(limit),
      diskSpace: spaceOn(behaviour),
      settings,
      logger: this.#logger(),
      onFault: (error) => this.#fault(process, error),
      trace: (event) => {
        this.#parts.coverage.hit(`core ${event.replaceAll(/[0-9a-f]*[0-9][0-9a-f]*/g, '#')}`);
        this.#trace(event);
      },
    });
    if (!process.alive) {
      return;
    }
    this.#replica = replica;
    this.#rotation = this.#rotationOf(replica, keyring, process);
    this.#state = 'running';
    network.attach(this.id, endpoint);
    observer.opened(this);
    replica.start();
    if (keyring.retired.length > 0) {
      this.#parts.coverage.hit('a rotation of the data key gone on with');
    }
    void this.#rotation.resume();
  }

  /** Makes what a start needs: the first time, and after a loss. Both may be cut off, and are done again then. */
  async #fill(database: SimDatabase, checkpointFile: SimCheckpointFile, keyring: Keyring): Promise<void> {
    const { disk, firstVoters, identity } = this.#parts;
    if (!this.#created) {
      disk.wipe();
      await checkpointFile.write(await createReplica(database, keyring, identity, firstVoters));
      await checkpointFile.sync();
      this.#created = true;
    }
    const { checkpoint } = disk;
    if (this.#recovers && checkpoint !== undefined) {
      const recovering = recoveringCheckpoint(checkpoint);
      await checkpointFile.write(recovering);
      await checkpointFile.sync();
      disk.wipe();
      await createRecovering(database, keyring, recovering);
      this.#recovers = false;
    }
  }

  #rotationOf(replica: Replica, keyring: Keyring, process: SimProcess): DataKeyRotation {
    const { behaviour, keyFile } = this.#parts;
    const seal = new KeyFileSeal({
      file: 'keys.json',
      keyring,
      seal: { version: 0, unlockKeyId: undefined },
      write: (_file, content) => keyFile.write(content, behaviour, process),
    });
    return new DataKeyRotation({ replica, keyring, seal, clock: process.clock, logger: this.#logger() });
  }

  #endpointOf(process: SimProcess): Endpoint {
    const running = (use: (replica: Replica) => void): void => {
      if (process.alive && this.#replica !== undefined) {
        use(this.#replica);
      }
    };
    return {
      get alive() {
        return process.alive;
      },
      after: (delay_us, run) => process.after(delay_us, run),
      post: (run) => process.post(run),
      receive: (message: PeerMessage) => running((replica) => replica.receive(message)),
      receiveSnapshot: (message: MsgSnap, chunks) =>
        this.#replica?.receiveSnapshot(message, chunks) ?? Promise.reject(new Error('not running')),
      reportUnreachable: (id) => running((replica) => replica.reportUnreachable(id)),
    };
  }

  #fault(process: SimProcess, error: CofferError): void {
    if (process.alive) {
      this.#end(process);
      this.#parts.observer.faulted(this, error);
    }
  }

  #end(process: SimProcess, kind: CrashKind = 'process'): void {
    process.kill();
    this.#process = undefined;
    this.#replica = undefined;
    this.#rotation = undefined;
    this.#state = 'down';
    this.#parts.network.detach(this.id);
    this.#parts.disk.crash(kind);
    if (this.#parts.keyFile.crash()) {
      this.#parts.coverage.hit('a crash in a write of the key file');
    }
  }

  #logger(): Logger {
    const log =
      (level: string): Logger['info'] =>
      (sentence, fields) => {
        this.#parts.coverage.hit(`log ${sentence}`);
        this.#trace(`${level}: ${sentence} ${fields === undefined ? '' : JSON.stringify(fields)}`);
      };
    return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  }

  #trace(what: string): void {
    this.#parts.trace.add(() => `${this.name} ${what}`);
  }
}

function spaceOn(behaviour: DiskBehaviour): SpaceGuard {
  return {
    get free_bytes() {
      return behaviour.full ? 0 : PLENTY_BYTES;
    },
    measure: async () => undefined,
    admit: () => !behaviour.full,
    fullError: () => new CofferError('store.disk-full', 'the disk is full'),
  };
}

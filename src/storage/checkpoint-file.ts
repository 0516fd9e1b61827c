// SPDX-License-Identifier: Apache-2.0
// The side file: what the node knows it has written, kept outside LevelDB. LevelDB opens an emptied log as a
// healthy empty database; this file is how that is noticed.
import { writeSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ByteReader, CofferError, invariant, pooledWriter, systemErrorCode } from '../common/index.ts';
import { type Keyring, openRecord, sealRecord } from '../crypto/index.ts';
import type { NodeId } from '../raft/index.ts';
import { syncDirectory } from './atomic-file.ts';
import { LOG_DIGEST_BYTES } from './log-chain.ts';
import type { LogMark } from './raft-log.ts';

/** Who the node is, and how far its log and its votes have come. */
export interface Checkpoint extends LogMark {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly raftId: NodeId;
  readonly term: number;
  /** The node voted for in `term`; `NONE` for none. */
  readonly vote: NodeId;
  /** The highest term in which this node may have acknowledged what its disk has lost since; 0 for a node that is whole. */
  readonly recoveringTerm: number;
}

/** Where a node keeps its newest checkpoint. */
export interface CheckpointFile {
  /** Seals what is to be written next, ahead of its `write`: while the disk works. Nothing is written. */
  prepare(checkpoint: Checkpoint): void;
  /**
   * Hands a newer checkpoint to the system: it outlives this process at once, and a power cut after the next
   * `sync`. Calls must not overlap.
   */
  write(checkpoint: Checkpoint): Promise<void>;
  /** Makes what was written before the call durable. */
  sync(): Promise<void>;
  /** Syncs, and lets go of the file. */
  close(): Promise<void>;
}

const MAGIC = Buffer.from('coffer checkpoint\n', 'latin1');
/** A slot's content fits into one sector, which a disk writes whole or not; slots lie in pages of their own. */
const SLOT_CONTENT_BYTES = 512;
const SLOT_STRIDE_BYTES = 4_096;
const SLOTS = 3;
const PLACE = Buffer.from('checkpoint');
const ID_LENGTH_MAX = 64;

/**
 * Three slots of magic, u64 sequence, u32 length, sealed record: one that is durable, one that is being made so,
 * and one to write. The first two are never written, so a crash at any moment leaves one that is whole.
 */
export class DiskCheckpointFile implements CheckpointFile {
  readonly #handle: FileHandle;
  /** What is written, in the same memory each time: a slot comes with each batch of the log. */
  readonly #content = Buffer.alloc(SLOT_CONTENT_BYTES);
  readonly #keyring: Keyring;
  #sequence: number;
  /** What stands sealed in `#content`, and was not written yet. */
  #prepared: Checkpoint | undefined;
  #durableSlot: number;
  #syncingSlot: number | undefined;
  /** The slot with what was written last; undefined when that is durable or being made so. */
  #writtenSlot: number | undefined;
  #sync: Promise<void> | undefined;

  private constructor(handle: FileHandle, keyring: Keyring, sequence: number, durableSlot: number) {
    this.#handle = handle;
    this.#keyring = keyring;
    this.#sequence = sequence;
    this.#durableSlot = durableSlot;
  }

  /** Makes the file with its first checkpoint, durably. Overwrites what is there. */
  static async create(file: string, keyring: Keyring, checkpoint: Checkpoint): Promise<DiskCheckpointFile> {
    const handle = await open(file, 'w+', 0o600);
    try {
      // Zeros, not a hole: a full disk must not be able to refuse a checkpoint later.
      await handle.writeFile(Buffer.alloc(SLOTS * SLOT_STRIDE_BYTES));
      const created = new DiskCheckpointFile(handle, keyring, 0, SLOTS - 1);
      await created.write(checkpoint);
      await created.sync();
      await syncDirectory(path.dirname(file));
      return created;
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  /**
   * Opens the file and reads its newest whole slot. Throws `store.damaged` if there is no file, or no slot that
   * opens under this node's keys.
   */
  static async open(
    file: string,
    keyring: Keyring,
  ): Promise<{ readonly file: DiskCheckpointFile; readonly checkpoint: Checkpoint }> {
    const content = await readWhole(file);
    const slots = Array.from({ length: SLOTS }, (_, slot) => readSlot(content, slot, keyring)).filter(
      (slot) => slot !== undefined,
    );
    const [newest] = slots.sort((a, b) => b.sequence - a.sequence);
    if (newest === undefined) {
      throw new CofferError('store.damaged', `${file} holds no checkpoint that opens with this node's keys`);
    }
    const handle = await open(file, 'r+', 0o600);
    const opened = new DiskCheckpointFile(handle, keyring, newest.sequence, newest.slot);
    try {
      // The slot that counts as durable from here on may not be: its writer may have died before its sync.
      await handle.datasync();
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
    return { file: opened, checkpoint: newest.checkpoint };
  }

  prepare(checkpoint: Checkpoint): void {
    this.#sequence += 1;
    writeSlot(this.#content, this.#keyring, this.#sequence, checkpoint);
    this.#prepared = checkpoint;
  }

  async write(checkpoint: Checkpoint): Promise<void> {
    if (this.#prepared !== checkpoint) {
      this.prepare(checkpoint);
    }
    this.#prepared = undefined;
    const content = this.#content;
    const slot = this.#writtenSlot ?? this.#freeSlot();
    // Into the system's memory, which takes less time than to have another thread do it.
    const position = slot * SLOT_STRIDE_BYTES;
    const written_bytes = writeSync(this.#handle.fd, content, 0, content.length, position);
    invariant(written_bytes === content.length, 'a slot lies within the file and is written whole');
    this.#writtenSlot = slot;
  }

  async sync(): Promise<void> {
    // A sync that is under way may have begun before the last write.
    await this.#sync;
    if (this.#sync === undefined && this.#writtenSlot !== undefined) {
      this.#sync = this.#syncWritten(this.#writtenSlot);
    }
    await this.#sync;
  }

  async close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      await this.#handle.close();
    }
  }

  async #syncWritten(slot: number): Promise<void> {
    this.#syncingSlot = slot;
    this.#writtenSlot = undefined;
    try {
      await this.#handle.datasync();
      this.#durableSlot = slot;
    } finally {
      this.#syncingSlot = undefined;
      this.#sync = undefined;
    }
  }

  #freeSlot(): number {
    // In turn, so that none keeps for long what was written once.
    const next = (this.#durableSlot + 1) % SLOTS;
    return next === this.#syncingSlot ? (next + 1) % SLOTS : next;
  }
}

function writeSlot(content: Buffer, keyring: Keyring, sequence: number, checkpoint: Checkpoint): void {
  const payload = pooledWriter()
    .text(checkpoint.clusterId)
    .text(checkpoint.nodeId)
    .u64(checkpoint.raftId)
    .u64(checkpoint.term)
    .u64(checkpoint.vote)
    .u64(checkpoint.lastIndex)
    .u64(checkpoint.lastTerm)
    .fixed(checkpoint.lastDigest)
    .u64(checkpoint.logRewrites)
    .u64(checkpoint.recoveringTerm)
    .finish();
  const used = pooledWriter()
    .fixed(MAGIC)
    .u64(sequence)
    .bytes(sealRecord(keyring, placeOf(sequence), payload))
    .finish();
  invariant(used.length <= SLOT_CONTENT_BYTES, 'a checkpoint fits into one sector');
  content.set(used);
  content.fill(0, used.length);
}

interface Slot {
  readonly slot: number;
  readonly sequence: number;
  readonly checkpoint: Checkpoint;
}

function readSlot(content: Buffer, slot: number, keyring: Keyring): Slot | undefined {
  const start = slot * SLOT_STRIDE_BYTES;
  const reader = new ByteReader(content.subarray(start, start + SLOT_CONTENT_BYTES), 'a checkpoint');
  try {
    if (!reader.fixed(MAGIC.length).equals(MAGIC)) {
      return undefined;
    }
    const sequence = reader.u64();
    const record = openRecord(keyring, placeOf(sequence), reader.bytes(SLOT_CONTENT_BYTES), 'a checkpoint');
    return { slot, sequence, checkpoint: readCheckpoint(record) };
  } catch (thrown) {
    // A slot that was being written when the machine stopped: the other one counts.
    if (thrown instanceof CofferError && thrown.code === 'store.damaged') {
      return undefined;
    }
    throw thrown;
  }
}

function readCheckpoint(record: Buffer): Checkpoint {
  const reader = new ByteReader(record, 'a checkpoint');
  const checkpoint: Checkpoint = {
    clusterId: reader.text(ID_LENGTH_MAX),
    nodeId: reader.text(ID_LENGTH_MAX),
    raftId: reader.u64(),
    term: reader.u64(),
    vote: reader.u64(),
    lastIndex: reader.u64(),
    lastTerm: reader.u64(),
    lastDigest: Buffer.from(reader.fixed(LOG_DIGEST_BYTES)),
    logRewrites: reader.u64(),
    recoveringTerm: reader.u64(),
  };
  reader.finish();
  return checkpoint;
}

function placeOf(sequence: number): Buffer {
  return pooledWriter().fixed(PLACE).u64(sequence).finish();
}

async function readWhole(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') {
      throw new CofferError('store.damaged', `${file} is missing, which every start leaves behind`);
    }
    throw CofferError.from(thrown, 'store.faulted');
  }
}

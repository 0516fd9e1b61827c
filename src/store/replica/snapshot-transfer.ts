// SPDX-License-Identifier: Apache-2.0
// The state on its way to a follower that the log no longer reaches: a stream, never one large blob.
import { CofferError, invariant, type Logger } from '../../common/index.ts';
import type { Keyring } from '../../crypto/index.ts';
import {
  type MsgSnap,
  type MsgStorageAppend,
  type NodeId,
  type BasicStatus,
  sameConfState,
} from '../../raft/index.ts';
import type { Database, DatabaseOperation, RaftLog } from '../../storage/index.ts';
import type { Clock } from './clock.ts';
import { paced } from '../snapshot/paced.ts';
import type { SecretState } from '../state/secret-state.ts';
import { exportState } from '../snapshot/snapshot-export.ts';
import type { StateStage } from '../snapshot/snapshot-import.ts';
import type { Transport } from './transport.ts';

export interface SnapshotTransferOptions {
  readonly clock: Clock;
  readonly keyring: Keyring;
  readonly database: Database;
  readonly log: RaftLog;
  readonly state: SecretState;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly write: (operations: readonly DatabaseOperation[]) => Promise<void>;
  /** Called with how a snapshot that the core asked for ended. */
  readonly onSent: (to: NodeId, status: 'finish' | 'failure') => void;
}

interface Staged {
  readonly message: MsgSnap;
  readonly stage: StateStage;
}

/** Sends and takes in snapshots. */
export class SnapshotTransfer {
  readonly #options: SnapshotTransferOptions;
  #receiving = false;
  #staged: Staged | undefined;

  constructor(options: SnapshotTransferOptions) {
    this.#options = options;
  }

  /** Sends what the disk holds now, which may be a later state than the core had in mind. Never rejects. */
  async send(message: MsgSnap): Promise<void> {
    const { clock, database, keyring, log, logger, onSent, transport } = this.#options;
    const view = database.snapshot();
    try {
      const { appliedIndex: index, confState, chunks } = exportState(view, keyring);
      const position = log.positionAt(index);
      invariant(position !== undefined, 'the log reaches back to the state on the disk');
      const metadata = { index, term: position.term, confState };
      await transport.sendSnapshot(
        { ...message, snapshot: { data: position.digest, metadata } },
        paced(chunks, clock),
      );
      onSent(message.to, 'finish');
    } catch (thrown) {
      logger.warn('a snapshot was not sent', { to: message.to, reason: CofferError.from(thrown).message });
      onSent(message.to, 'failure');
    } finally {
      await view.close();
    }
  }

  /**
   * Writes the stream beside the state that is served, and says whether it was staged: then all of it is there and whole,
   * and the message goes to the core. Throws `store.damaged` for a stream that is not whole, and `store.busy` while
   * another one is being taken in.
   */
  async receive(
    message: MsgSnap,
    chunks: AsyncIterable<Buffer>,
    { commit, term }: BasicStatus,
  ): Promise<boolean> {
    const { state, write } = this.#options;
    const { index } = message.snapshot.metadata;
    if (message.term < term || index <= commit) {
      // The core answers what this node has already; the stream is not needed for that.
      return false;
    }
    if (this.#receiving || this.#staged !== undefined) {
      throw new CofferError('store.busy', 'another snapshot is being taken in');
    }
    this.#receiving = true;
    try {
      const stage = state.stage();
      for await (const chunk of chunks) {
        await write(stage.add(chunk));
      }
      stage.finish();
      checkAnnounced(stage, message);
      this.#staged = { message, stage };
    } catch (thrown) {
      state.abandonStage();
      throw thrown;
    } finally {
      this.#receiving = false;
    }
    return true;
  }

  /** The operations that put the staged snapshot in the place of the state and of the log. */
  install({ snapshot }: MsgStorageAppend): readonly DatabaseOperation[] {
    const staged = this.#staged;
    invariant(staged !== undefined && snapshot !== undefined, 'a snapshot is staged before it is installed');
    const { data: digest, metadata } = snapshot;
    invariant(staged.message.snapshot.metadata.index === metadata.index, 'the snapshot is the staged one');
    this.#staged = undefined;
    const { index, term, confState } = metadata;
    const { operations } = this.#options.state.install(staged.stage, index, confState);
    return [...operations, ...this.#options.log.reset({ index, term, digest })];
  }

  /** The core has no use for what was staged. */
  drop(): void {
    this.#staged = undefined;
    this.#options.state.abandonStage();
  }
}

function checkAnnounced({ appliedIndex, confState }: StateStage, { snapshot }: MsgSnap): void {
  const { metadata } = snapshot;
  const same = confState !== undefined && sameConfState(confState, metadata.confState);
  if (appliedIndex !== metadata.index || !same) {
    throw new CofferError(
      'store.damaged',
      `a snapshot is of entry ${appliedIndex ?? 0} and its configuration, and not of entry ${metadata.index}, as announced`,
    );
  }
}

// SPDX-License-Identifier: Apache-2.0
// What is done with all that is on a node's disk, beside the writes of every day: it is read out, sealed anew, and cleared.
import { CofferError } from '../../common/index.ts';
import type { Keyring } from '../../crypto/index.ts';
import type { Database } from '../../storage/index.ts';
import type { ExportedRecord } from '../secret-store.ts';
import { paced } from '../snapshot/paced.ts';
import { exportSecrets } from '../snapshot/secrets-export.ts';
import type { SecretState } from '../state/secret-state.ts';
import type { AppendWriter } from './append-writer.ts';
import { type Clock, withTimeout } from './clock.ts';
import type { SpaceGuard } from './disk-space.ts';
import { reseal } from './reseal.ts';

/** What an export waits for the applied state to be written. */
const FLUSH_TIMEOUT_MS = 10_000;

export interface WholeStateOptions {
  readonly database: Database;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly diskSpace: SpaceGuard;
  readonly state: SecretState;
  readonly writer: Pick<AppendWriter, 'flushed' | 'write' | 'writeAsOf' | 'renewCheckpoint'>;
  /** Throws why the replica takes no more calls, if it does not. */
  readonly check: () => void;
  /** Called with what a deletion failed with. */
  readonly onError: (thrown: unknown) => void;
}

/** The state of a replica as a whole, until `stop`. */
export class WholeState {
  readonly #options: WholeStateOptions;
  #clearing = false;
  #stopped = false;

  constructor(options: WholeStateOptions) {
    this.#options = options;
  }

  /** See `reseal`. Does not settle if the replica ends before. */
  async reseal(onProgress: (records: number) => void): Promise<void> {
    const { check, state } = this.#options;
    check();
    await reseal({ ...this.#options, loaded: () => state.load.ended, onProgress });
    check();
  }

  /** See `SecretStore`. */
  async *exportSecrets(): AsyncGenerator<ExportedRecord> {
    const { check, clock, database, keyring, writer } = this.#options;
    check();
    const late = (): CofferError =>
      new CofferError('store.timeout', `the disk did not take the state in ${FLUSH_TIMEOUT_MS / 1_000} s`);
    await withTimeout(clock, writer.flushed(), FLUSH_TIMEOUT_MS, late);
    yield* paced(exportSecrets(database.snapshot(), keyring), clock);
  }

  /** Deletes what snapshots have left behind: a state that was replaced, or a stream that was cut. Never rejects. */
  async clearObsolete(): Promise<void> {
    const { database, onError, state, writer } = this.#options;
    if (this.#clearing) {
      return;
    }
    this.#clearing = true;
    try {
      while (state.hasObsolete && !this.#stopped) {
        for await (const operations of state.obsoleteGroups(database)) {
          await writer.write(operations);
        }
      }
    } catch (thrown) {
      onError(thrown);
    } finally {
      this.#clearing = false;
    }
  }

  /** Deletes nothing more. */
  stop(): void {
    this.#stopped = true;
  }
}

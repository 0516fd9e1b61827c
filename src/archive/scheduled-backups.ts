// SPDX-License-Identifier: Apache-2.0
// The backups that a manager makes by itself: each has files of its own, so that a copy outlives any machine.
import { newHeader, parseRecipient } from '../backup/index.ts';
import { CofferError, type Logger } from '../common/index.ts';
import type { BackupScheduleObject } from '../membership/index.ts';
import type { SecretStore, StoreSource } from '../store/index.ts';
import type { BackupDirectory, OpenedBackup } from './backup-directory.ts';
import { beginBackup } from './payload.ts';
import { isBackupDue, nextDue_ms, type ScheduledFile, spacing_ms, surplusFiles } from './schedule.ts';

const LOOK_MS = 2_000;
/** One that failed is tried again after this time, and after twice as long each time from then on. */
const RETRY_MS = 5_000;
const RETRY_MAX_MS = 60 * 60 * 1_000;
const READ_TIMEOUT_MS = 1_000;

export interface ScheduledBackupsOptions {
  readonly store: StoreSource;
  readonly directory: BackupDirectory;
  /** Of this coffer. */
  readonly version: string;
  readonly now_ms: () => number;
  /** Of a clock that never goes back. */
  readonly monotonic_ms: () => number;
  readonly logger: Logger;
}

/** A backup that was not written. */
export interface BackupFailure {
  readonly failedAt_ms: number;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** `GET /v1/backups`: what the schedule of this manager has made, and is to make. */
export interface ScheduledBackupsDescription {
  readonly directory: string;
  /** Absent while there is no schedule. */
  readonly schedule?:
    | {
        readonly every_ms: number;
        readonly offset_ms: number;
        readonly recipients: readonly string[];
        readonly keep: number;
      }
    | undefined;
  readonly nextAt_ms?: number | undefined;
  /** Whether one is being written. */
  readonly running: boolean;
  /** How the last one ended, unless it was written. It is tried again by itself. */
  readonly failure?: BackupFailure | undefined;
  /** Oldest first. */
  readonly files: readonly { readonly name: string; readonly createdAt_ms: number; readonly size: number }[];
}

/** Looks every few seconds whether a backup is due, while this node is a manager that serves. */
export class ScheduledBackups {
  readonly #options: ScheduledBackupsOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #writing = false;
  #stopped = false;
  #failure: BackupFailure | undefined;
  #failures = 0;
  /** Of the schedule that failed: another one is tried at once. */
  #retry: { readonly at_ms: number; readonly setAt_ms: number } | undefined;
  /** The last one of this process, so that a clock that goes to and fro makes no flood. */
  #written: { readonly at_ms: number; readonly setAt_ms: number } | undefined;

  constructor(options: ScheduledBackupsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_MS).unref();
    void this.look();
  }

  /** One that is being written is given up; nothing of it is left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Throws while this node is no manager that serves. */
  async describe(): Promise<ScheduledBackupsDescription> {
    const { directory, now_ms, store: source } = this.#options;
    const store = source();
    const { nodeId } = store.status();
    const schedule = scheduleOf(store);
    const files = await directory.files(nodeId);
    return {
      directory: directory.path,
      schedule: schedule && {
        every_ms: schedule.every_ms,
        offset_ms: schedule.offset_ms,
        recipients: schedule.recipients,
        keep: schedule.keep,
      },
      nextAt_ms:
        schedule &&
        (isBackupDue(schedule, nodeId, files, now_ms()) ? now_ms() : nextDue_ms(schedule, nodeId, now_ms())),
      running: this.#writing,
      failure: this.#failure,
      files: files.map(({ createdAt_ms, name, size_bytes }) => ({ name, createdAt_ms, size: size_bytes })),
    };
  }

  /** One of its files. Throws `backup.not-found`, and as `describe` does. */
  open(name: string): Promise<OpenedBackup> {
    const { directory, store } = this.#options;
    return directory.open(store().status().nodeId, name);
  }

  /** Makes a backup if one is due, and resolves when that has ended. Never rejects. */
  look(): Promise<void> {
    if (this.#stopped) {
      return Promise.resolve();
    }
    this.#running ??= this.#makeIfDue().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #makeIfDue(): Promise<void> {
    const { directory, logger, monotonic_ms, now_ms } = this.#options;
    const found = this.#due();
    if (found === undefined) {
      return;
    }
    const { nodeId, schedule, store } = found;
    const files = await directory.files(nodeId);
    if (!isBackupDue(schedule, nodeId, files, now_ms())) {
      this.#failures = 0;
      this.#failure = undefined;
      return;
    }
    this.#writing = true;
    try {
      const file = await this.#make(store, schedule, nodeId);
      this.#written = { at_ms: monotonic_ms(), setAt_ms: schedule.setAt_ms };
      this.#failures = 0;
      this.#failure = undefined;
      logger.info('a scheduled backup was written', { file: file.name, size: file.size_bytes });
      // Only now: the newest of all is known to be whole.
      await directory.delete(surplusFiles(await directory.files(nodeId), schedule.keep, now_ms()));
    } catch (thrown) {
      this.#failed(CofferError.from(thrown, 'backup.not-written'), schedule.setAt_ms);
    } finally {
      this.#writing = false;
    }
  }

  /** What is to be looked at now; undefined while there is nothing to do. */
  #due():
    | { readonly store: SecretStore; readonly nodeId: string; readonly schedule: BackupScheduleObject }
    | undefined {
    const { monotonic_ms, store: source } = this.#options;
    try {
      const store = source();
      const schedule = scheduleOf(store);
      const { nodeId } = store.status();
      if (schedule === undefined) {
        this.#failure = undefined;
        return undefined;
      }
      const { every_ms, setAt_ms } = schedule;
      const written = this.#written?.setAt_ms === setAt_ms ? this.#written : undefined;
      const retry = this.#retry?.setAt_ms === setAt_ms ? this.#retry : undefined;
      const tooEarly =
        (written !== undefined && monotonic_ms() - written.at_ms < spacing_ms(every_ms)) ||
        (retry !== undefined && monotonic_ms() < retry.at_ms);
      return tooEarly ? undefined : { store, nodeId, schedule };
    } catch {
      // It does not serve, and tells why elsewhere.
      return undefined;
    }
  }

  async #make(store: SecretStore, schedule: BackupScheduleObject, nodeId: string): Promise<ScheduledFile> {
    const { directory, now_ms, version } = this.#options;
    // Without a majority, what this manager has is all the more worth a copy.
    await store.readBarrier(READ_TIMEOUT_MS);
    const createdAt_ms = now_ms();
    const recipients = schedule.recipients.map(parseRecipient);
    const { bytes, payloadKey } = await newHeader({ recipients });
    try {
      const { chunks } = await beginBackup(store, { payloadKey, version, createdAt_ms });
      return await directory.write(nodeId, createdAt_ms, payloadKey, this.#pieces(bytes, chunks));
    } finally {
      payloadKey.fill(0);
    }
  }

  async *#pieces(header: Buffer, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    yield header;
    for await (const chunk of chunks) {
      if (this.#stopped) {
        throw new CofferError('store.closed', 'coffer is stopping');
      }
      yield chunk;
    }
  }

  #failed(error: CofferError, setAt_ms: number): void {
    const { logger, monotonic_ms, now_ms } = this.#options;
    if (this.#stopped) {
      return;
    }
    const wait_ms = Math.min(RETRY_MS * 2 ** this.#failures, RETRY_MAX_MS);
    this.#failures += 1;
    this.#retry = { at_ms: monotonic_ms() + wait_ms, setAt_ms };
    this.#failure = { failedAt_ms: now_ms(), message: error.detail, hint: error.hint };
    logger.error('a scheduled backup was not written, and is tried again', {
      wait_ms,
      reason: error.message,
    });
  }
}

function scheduleOf(store: SecretStore): BackupScheduleObject | undefined {
  const { backupSchedule } = store.cluster;
  return backupSchedule === undefined || backupSchedule.every_ms === 0 ? undefined : backupSchedule;
}

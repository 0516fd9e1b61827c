// SPDX-License-Identifier: Apache-2.0
import { CofferError, type Logger } from '../common/index.ts';
import type { Keyring } from '../crypto/index.ts';
import type { KeyFileSeal } from '../storage/index.ts';
import type { Clock, Timer } from './replica/clock.ts';
import type { Replica } from './replica/replica.ts';

/** A rotation that failed is tried again after this time. */
const RETRY_MS = 60_000;

/** How the data keys of a node stand. */
export interface DataKeyStatus {
  /** The id of the key that new records are sealed under: 16 hexadecimal digits. */
  readonly id: string;
  /** While a rotation is under way: how many records it has sealed anew since it was begun or gone on with. */
  readonly resealed?: number | undefined;
  /** What the last rotation failed with; both keys are kept then. */
  readonly problem?: CofferError | undefined;
}

export interface DataKeyRotationOptions {
  readonly keyring: Keyring;
  readonly seal: Pick<KeyFileSeal, 'addDataKey' | 'dropDataKeys'>;
  readonly replica: Pick<Replica, 'reseal'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Rotations of a node's data key. At every moment the key file has each key that a record on the disk is sealed under: the
 * new key is durable before it seals anything, and the old one is dropped when nothing is left under it.
 */
export class DataKeyRotation {
  readonly #options: DataKeyRotationOptions;
  #last: Promise<void> = Promise.resolve();
  #resealed: number | undefined;
  #problem: CofferError | undefined;
  #retry: Timer | undefined;
  #closed = false;

  constructor(options: DataKeyRotationOptions) {
    this.#options = options;
  }

  get status(): DataKeyStatus {
    const id = this.#options.keyring.active.id.toString('hex');
    return { id, resealed: this.#resealed, problem: this.#problem };
  }

  /**
   * Seals all that is on the disk under a new key, and resolves when nothing there opens with an older one. Waits for a
   * rotation that is under way, and begins another one. What fails leaves both keys; it is tried again after a minute, and at
   * the next start.
   */
  rotate(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#options.seal.addDataKey();
      await this.#finish();
    });
  }

  /** Goes on with a rotation whose new key is on the disk already, if there is one. Never rejects. */
  async resume(): Promise<void> {
    if (this.#options.keyring.retired.length > 0) {
      this.#resealed ??= 0;
      await this.#inTurn(() => this.#finish()).catch(() => undefined);
    }
  }

  /** Begins a rotation, which goes on by itself; `status` tells how far it is and what became of it. */
  begin(): void {
    this.#resealed ??= 0;
    void this.rotate().catch(() => undefined);
  }

  /** Resolves when no rotation is under way. Never rejects. */
  settled(): Promise<void> {
    return this.#last;
  }

  /** Nothing is tried again. */
  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(async () => {
      this.#resealed = 0;
      this.#problem = undefined;
      try {
        await work();
      } catch (thrown) {
        this.#problem = CofferError.from(thrown);
        this.#options.logger.warn('the data key was not rotated', { reason: this.#problem.message });
        this.#tryAgainLater();
        throw thrown;
      } finally {
        this.#resealed = undefined;
      }
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #finish(): Promise<void> {
    const { keyring, logger, replica, seal } = this.#options;
    // Another change of the unlock key may retire more meanwhile: those are dropped the next time.
    const old = keyring.retired;
    await replica.reseal((records) => {
      this.#resealed = records;
    });
    await seal.dropDataKeys(old);
    logger.info('the data key was rotated', { key: keyring.active.id.toString('hex') });
  }

  #tryAgainLater(): void {
    const { clock, keyring } = this.#options;
    if (!this.#closed && keyring.retired.length > 0) {
      this.#retry ??= clock.setTimer(RETRY_MS, () => {
        this.#retry = undefined;
        void this.resume();
      });
    }
  }
}

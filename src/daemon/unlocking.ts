// SPDX-License-Identifier: Apache-2.0
// A locked store and the key to it: from a file that the settings name, at the start, or from an administrator.
import { open, stat } from 'node:fs/promises';
import { CofferError, type Logger, type SecretValue, systemErrorCode } from '../common/index.ts';
import { readUnlockText, type UnlockKeyHolder } from '../crypto/index.ts';
import { isSealed, type ReplicatedStore } from '../store/index.ts';
import type { UnlockKeyPlace } from './settings.ts';

/** Much more than a key or all its shares have. */
const TEXT_BYTES_MAX = 16 * 1024;

/** Where the unlock key was found at the start. */
export interface UnlockKeySource {
  readonly file: string;
  /** Whether it lies on the file system of the data that it opens: whoever takes that disk has both. */
  readonly besideData: boolean;
}

export interface UnlockingOptions {
  readonly stateDirectory: string;
  /** Looked into one after the other. */
  readonly places: readonly UnlockKeyPlace[];
  readonly unlockKey: UnlockKeyHolder;
  /** Throws `store.locked` until the holder has the key. */
  readonly open: () => Promise<ReplicatedStore>;
  readonly logger: Logger;
}

export class Unlocking {
  readonly #options: UnlockingOptions;
  #source: UnlockKeySource | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(options: UnlockingOptions) {
    this.#options = options;
  }

  /** Undefined while no file has given the key. */
  get source(): UnlockKeySource | undefined {
    return this.#source;
  }

  /** Opens the store, with the key from a file if it needs one and there is one; rejects as `open` does. */
  readonly open = async (): Promise<ReplicatedStore> => {
    const { open: openStore } = this.#options;
    try {
      return await openStore();
    } catch (thrown) {
      const error = CofferError.from(thrown);
      if (error.code !== 'store.locked') {
        throw thrown;
      }
      await this.#look(error);
      return openStore();
    }
  };

  /**
   * Takes the key from `text`, which it wipes, and has the store opened with `reopen`. One after the other: of two that come
   * together the second finds it open. Throws `unlock.*`, and what keeps an unlocked store from being opened.
   */
  unlock(text: Buffer, keeper: Reopening): Promise<void> {
    return this.#inTurn(async () => {
      try {
        requireLocked(keeper);
        await this.#unlock(readUnlockText(text), keeper);
      } finally {
        text.fill(0);
      }
    });
  }

  /** The places whose file would not open this node's keys at its next start; none while those are not sealed. */
  async stalePlaces(): Promise<readonly UnlockKeyPlace[]> {
    const { places, stateDirectory } = this.#options;
    const stale: UnlockKeyPlace[] = [];
    for (const place of places) {
      try {
        const key = await readKeyText(place.file);
        await isSealed(stateDirectory, key).finally(() => key.wipe());
      } catch (thrown) {
        if (!place.isOptional || systemErrorCode(thrown) !== 'ENOENT') {
          stale.push(place);
        }
      }
    }
    return stale;
  }

  /** As `unlock`, with a key that came from another manager; takes it over. */
  unlockWith(key: SecretValue, keeper: Reopening): Promise<void> {
    return this.#inTurn(async () => {
      try {
        requireLocked(keeper);
      } catch (thrown) {
        key.wipe();
        throw thrown;
      }
      await this.#unlock(key, keeper);
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #unlock(key: SecretValue, keeper: Reopening): Promise<void> {
    await this.#take(key);
    this.#options.logger.info('coffer was given its unlock key');
    await keeper.open();
    if (keeper.reason !== undefined) {
      throw keeper.reason;
    }
  }

  /** Throws `locked`, with what is wrong with the files, if none has the key. */
  async #look(locked: CofferError): Promise<void> {
    const problems: string[] = [];
    for (const { file, isOptional, name } of this.#options.places) {
      try {
        await this.#take(await readKeyText(file));
        this.#source = { file, besideData: await this.#isBesideData(file) };
        this.#options.logger.info('the unlock key was read from a file', { file });
        return;
      } catch (thrown) {
        if (!isOptional || systemErrorCode(thrown) !== 'ENOENT') {
          problems.push(`${name} does not help: ${CofferError.from(thrown).detail}`);
        }
      }
    }
    throw problems.length === 0
      ? locked
      : new CofferError(locked.code, [locked.detail, ...problems].join('; '), {
          cause: locked,
          ...(locked.hint !== undefined && { hint: locked.hint }),
        });
  }

  /** Throws `unlock.wrong-key`, having wiped the key. */
  async #take(key: SecretValue): Promise<void> {
    const { stateDirectory, unlockKey } = this.#options;
    try {
      await isSealed(stateDirectory, key);
    } catch (thrown) {
      key.wipe();
      throw thrown;
    }
    unlockKey.hold(key);
  }

  async #isBesideData(file: string): Promise<boolean> {
    const [own, data] = await Promise.all([stat(file), stat(this.#options.stateDirectory)]);
    return own.dev === data.dev;
  }
}

function requireLocked({ reason }: Reopening): void {
  if (reason?.code !== 'store.locked') {
    throw reason?.code === 'store.starting'
      ? reason
      : new CofferError('unlock.not-locked', 'this node is not locked');
  }
}

/** What is needed of the store's keeper. */
export interface Reopening {
  readonly reason: CofferError | undefined;
  open(): Promise<void>;
}

async function readKeyText(file: string): Promise<SecretValue> {
  const text = Buffer.alloc(TEXT_BYTES_MAX);
  const handle = await open(file, 'r');
  try {
    const { bytesRead } = await handle.read(text);
    return readUnlockText(text.subarray(0, bytesRead));
  } finally {
    text.fill(0);
    await handle.close();
  }
}

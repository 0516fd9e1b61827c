// SPDX-License-Identifier: Apache-2.0
// Each manager's own work on autolock: the keys on its disk are kept as the replicated state says.
import { type Logger, SecretValue } from '../common/index.ts';
import type { UnlockKeyHolder } from '../crypto/index.ts';
import type { AutolockObject } from '../membership/index.ts';
import type { KeyFileSeal } from '../storage/index.ts';
import type { OwnIdentity } from './own-identity.ts';

export interface SealKeeperOptions {
  /** What the state says; undefined while autolock was never turned on. */
  readonly wish: () => AutolockObject | undefined;
  readonly seal: KeyFileSeal;
  readonly own: OwnIdentity;
  readonly unlockKey: UnlockKeyHolder;
  /** Goes on with the rotation of the data key that a change has begun, by itself. */
  readonly resumeRotation: () => void;
  readonly logger: Logger;
}

/** A manager that was down while the unlock key changed opens with the old one, and takes the new one from the state. */
export class SealKeeper {
  readonly #options: SealKeeperOptions;

  constructor(options: SealKeeperOptions) {
    this.#options = options;
  }

  /** Resolves when the keys on the disk are as the state says, durably. Not to be called before the last call has settled. */
  async settle(): Promise<void> {
    const { logger, own, resumeRotation, seal, unlockKey } = this.#options;
    for (let wish = this.#wish(); wish !== undefined; wish = this.#wish()) {
      try {
        await changeSeal(wish, { own, seal, unlockKey });
      } finally {
        resumeRotation();
      }
      const { version } = wish;
      logger.info(
        seal.current.unlockKeyId === undefined
          ? "the node's keys lie in the clear beside the data"
          : "the node's keys are sealed by the unlock key",
        { version },
      );
    }
  }

  /** What is still to be done. A state that is behind the files, after a crash, is on its way to them. */
  #wish(): AutolockObject | undefined {
    const wish = this.#options.wish();
    return wish === undefined || wish.version <= this.#options.seal.current.version ? undefined : wish;
  }
}

/**
 * Keeps a node's keys in another way. The identity is first written in both ways, so that it can be read with whatever
 * opens the key file; whose replacement is the one moment at which the old key gives way to the new one. A new unlock key comes
 * with a new data key, since whoever has a copy of the disk from before has the old one, or can open it.
 */
export async function changeSeal(
  wish: Pick<AutolockObject, 'version' | 'unlockKey'>,
  { own, seal, unlockKey }: Pick<SealKeeperOptions, 'own' | 'seal' | 'unlockKey'>,
): Promise<void> {
  const { version } = wish;
  const after = wish.unlockKey.length === 0 ? undefined : SecretValue.copyOf(wish.unlockKey);
  const before = seal.current.unlockKeyId === undefined ? undefined : unlockKey.current;
  await own.keepKeyAs(before ?? 'clear', after ?? 'clear');
  await seal.change({ version, unlockKey: after }, { newDataKey: after !== undefined });
  try {
    await own.keepKeyAs(after ?? 'clear');
  } finally {
    // Whether that was written or not: by now it is what opens the key file.
    unlockKey.hold(after);
  }
}

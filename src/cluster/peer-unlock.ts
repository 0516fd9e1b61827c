// SPDX-License-Identifier: Apache-2.0
// A manager that is locked asks the others for the unlock key, until it has it or somebody else has unlocked it.
import { CofferError, type Logger, SecretValue } from '../common/index.ts';
import { keysSealedBy } from '../store/index.ts';
import { callOnce, type Clock, CredentialsSource, systemClock, type Timer } from '../transport/index.ts';
import { PROTOCOL } from './authorize.ts';
import { IdentityStore } from './identity.ts';
import { type PeerUnlockContent, PeerUnlockFile, unlockCredentials } from './peer-unlock-file.ts';
import { BODY, encodeBody } from './rpc-body.ts';

const CALL_TIMEOUT_MS = 5_000;
const REPLY_BYTES_MAX = 1_024;
const PAUSE_MIN_MS = 500;
/** After a power cut all of them ask until one was unlocked by hand; then the others are to follow soon. */
const PAUSE_MAX_MS = 10_000;

export interface PeerUnlockOptions {
  readonly stateDirectory: string;
  /** Whether the node is still to be unlocked. */
  readonly isLocked: () => boolean;
  /** Unlocks the node, with a key that it takes over. Throws `unlock.*`, and what keeps the store from being opened. */
  readonly unlock: (key: SecretValue) => Promise<void>;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Default: the machine's own. */
  readonly timers?: Pick<Clock, 'setTimer'>;
  readonly logger: Logger;
}

/** What is told of it. */
export interface PeerUnlockState {
  /** Whether the others are being asked. */
  readonly asking: boolean;
  /** What has come of it last, while they are asked. */
  readonly problem: CofferError | undefined;
  /** The address of the manager that has unlocked this one; undefined if none has. */
  readonly unlockedBy: string | undefined;
}

export class PeerUnlock {
  readonly #options: PeerUnlockOptions;
  readonly #file: PeerUnlockFile;
  #asking = false;
  #stopped = false;
  #problem: CofferError | undefined;
  #unlockedBy: string | undefined;
  #timer: Timer | undefined;
  #endPause: () => void = () => undefined;

  constructor(options: PeerUnlockOptions) {
    this.#options = options;
    this.#file = new PeerUnlockFile(options.stateDirectory);
  }

  get state(): PeerUnlockState {
    const problem = this.#asking ? this.#problem : undefined;
    return { asking: this.#asking, problem, unlockedBy: this.#unlockedBy };
  }

  /** Begins to ask, unless it does so already; does nothing on a node that the others do not know. Never rejects. */
  async start(): Promise<void> {
    if (this.#asking || this.#stopped) {
      return;
    }
    this.#asking = true;
    try {
      await this.#askOn();
    } catch (thrown) {
      const reason = CofferError.from(thrown).message;
      this.#options.logger.warn('the other managers are not asked for the unlock key', { reason });
    } finally {
      this.#asking = false;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#endPause();
  }

  /** The file is read anew each time: the node may have been unlocked, told other addresses, and locked again. */
  async #askOn(): Promise<void> {
    const { logger, random } = this.#options;
    for (let round = 0; this.#isNeeded(); round += 1) {
      const content = await this.#file.read(logger);
      if (content === undefined || content.managers.length === 0) {
        return;
      }
      if (round === 0) {
        logger.info('the other managers are asked for the unlock key', { managers: content.managers.length });
      }
      await this.#askAll(content);
      if (this.#isNeeded()) {
        const pause_ms = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** Math.min(round, 10));
        await this.#pause(pause_ms * (0.5 + random() / 2));
      }
    }
  }

  #isNeeded(): boolean {
    return !this.#stopped && this.#options.isLocked();
  }

  /** Each once, from anyone on: after a power cut they shall not all call the same one. */
  async #askAll(content: PeerUnlockContent): Promise<void> {
    const { logger, random } = this.#options;
    const first = Math.floor(random() * content.managers.length);
    for (const address of [...content.managers.slice(first), ...content.managers.slice(0, first)]) {
      if (!this.#isNeeded()) {
        return;
      }
      try {
        await this.#askOne(content, address);
        this.#unlockedBy = address;
        logger.info('this node was unlocked by another manager', { manager: address });
      } catch (thrown) {
        const error = CofferError.from(thrown);
        logger.debug('a manager has not unlocked this node', { manager: address, reason: error.message });
        this.#tell(error);
      }
    }
  }

  async #askOne(content: PeerUnlockContent, address: string): Promise<void> {
    const { clusterId } = content;
    const { reply } = await callOnce({
      address,
      protocol: PROTOCOL.unlock,
      credentials: new CredentialsSource(unlockCredentials(content)),
      // Any manager of this cluster: at that address may be another one by now.
      verification: { kind: 'member', expect: { clusterId, role: 'manager' } },
      method: 'key',
      body: encodeBody(BODY.unlock, { unlockKeyIds: await this.#sealedBy() }),
      timeout_ms: CALL_TIMEOUT_MS,
      reply_bytes: REPLY_BYTES_MAX,
    });
    const key = SecretValue.copyOf(reply);
    reply.fill(0);
    await this.#options.unlock(key);
  }

  /** A crash may have left the key file open and the identity sealed; that is the rarer case. */
  async #sealedBy(): Promise<string[]> {
    const { stateDirectory } = this.#options;
    const store = await keysSealedBy(stateDirectory);
    // One that is damaged names none: the store opens with its own.
    const identity = await new IdentityStore(stateDirectory).sealedBy().catch(() => []);
    return [...new Set([...(store === undefined ? [] : [store]), ...identity])];
  }

  /** In the log only what is new: it may go on for days. */
  #tell(error: CofferError): void {
    if (this.#problem?.code !== error.code) {
      this.#options.logger.info('the other managers have not unlocked this node yet', {
        reason: error.message,
      });
    }
    this.#problem = error;
  }

  #pause(pause_ms: number): Promise<void> {
    const { timers = systemClock } = this.#options;
    return new Promise((resolve) => {
      this.#endPause = resolve;
      this.#timer = timers.setTimer(pause_ms, resolve);
    });
  }
}

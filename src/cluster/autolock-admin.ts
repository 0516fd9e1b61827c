// SPDX-License-Identifier: Apache-2.0
// Autolock as any manager administers it: the change goes through the log, and this manager's own files follow before it is
// told that it was made.
import { CofferError, SecretValue } from '../common/index.ts';
import { checkSharePlan, formatUnlockKey, newUnlockKey, splitUnlockKey } from '../crypto/index.ts';
import type { AutolockObject, ClusterView } from '../membership/index.ts';
import type { SecretStore } from '../store/index.ts';
import type {
  AutolockAdmin,
  AutolockDescription,
  PeerUnlockDescription,
  UnlockKeyReply,
  UnlockKeyWish,
} from './admin-model.ts';

const READ_TIMEOUT_MS = 5_000;
/** How long the other managers are waited for when they are to unlock one another: those that are up need a moment. */
const KNOWN_WAIT_MS = 5_000;
const LOOK_MS = 50;
const NO_KEY = Buffer.alloc(0);

export interface LocalAutolockOptions {
  readonly store: SecretStore;
  /** Resolves when this node's keys are kept as the state says, durably. */
  readonly settled: () => Promise<void>;
}

/** See `AutolockAdmin`. */
export class LocalAutolock implements AutolockAdmin {
  readonly #options: LocalAutolockOptions;

  constructor(options: LocalAutolockOptions) {
    this.#options = options;
  }

  async describe(): Promise<AutolockDescription> {
    const { store } = this.#options;
    const freshness = await store.readBarrier(READ_TIMEOUT_MS);
    const { dataKeySealed, nodeId } = store.status();
    const { autolock } = store.cluster;
    const peerUnlock = describePeers(store.cluster, nodeId);
    return {
      enabled: isOn(autolock),
      version: autolock?.version ?? 0,
      sealedHere: dataKeySealed,
      ...(peerUnlock && { peerUnlock }),
      freshness,
    };
  }

  async set(enabled: boolean, peerUnlock?: boolean): Promise<AutolockDescription> {
    if (isOn(await this.#confirmed()) !== enabled) {
      await this.#change(enabled, peerUnlock);
    } else if (enabled && peerUnlock !== undefined) {
      return this.setPeerUnlock(peerUnlock);
    }
    await this.#options.settled();
    await this.#allKnown();
    return this.describe();
  }

  async setPeerUnlock(enabled: boolean): Promise<AutolockDescription> {
    requireOn(await this.#confirmed());
    await this.#options.store.propose({ kind: 'set-peer-unlock', enabled });
    await this.#options.settled();
    await this.#allKnown();
    return this.describe();
  }

  /** Resolves when all managers are known by what they are to be unlocked by, or some time has passed: one may be down. */
  async #allKnown(): Promise<void> {
    const { store } = this.#options;
    for (let waited_ms = 0; waited_ms < KNOWN_WAIT_MS; waited_ms += LOOK_MS) {
      const peers = describePeers(store.cluster, '');
      if (peers === undefined || peers.known >= peers.managers) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async unlockKey({ rotate = false, shares }: UnlockKeyWish): Promise<UnlockKeyReply> {
    if (shares !== undefined) {
      checkSharePlan(shares);
    }
    if (rotate) {
      requireOn(await this.#confirmed());
      await this.#change(true);
      await this.#options.settled();
    }
    const { store } = this.#options;
    const freshness = await store.readBarrier(READ_TIMEOUT_MS);
    const key = SecretValue.copyOf(requireOn(store.cluster.autolock).unlockKey);
    try {
      return shares === undefined
        ? { unlockKey: shown(formatUnlockKey(key)), freshness }
        : { shares: splitUnlockKey(key, shares).map(shown), freshness };
    } finally {
      key.wipe();
    }
  }

  /** As it is now, for whoever changes it. */
  async #confirmed(): Promise<AutolockObject | undefined> {
    const { store } = this.#options;
    if ((await store.readBarrier(READ_TIMEOUT_MS)) !== 'linearizable') {
      throw new CofferError(
        'store.unavailable',
        'the managers have no leader now: autolock cannot be changed',
        {
          hint: 'See that most managers are up: docker coffer node ls',
        },
      );
    }
    return store.cluster.autolock;
  }

  /** Another key leaves peer unlock as it is. */
  async #change(enabled: boolean, withPeers = false): Promise<void> {
    const { store } = this.#options;
    const version = (store.cluster.autolock?.version ?? 0) + 1;
    const key = enabled ? newUnlockKey() : undefined;
    const unlockKey = key?.expose() ?? NO_KEY;
    try {
      const peerUnlock = withPeers ? { peerUnlock: { earlierKeys: [] } } : {};
      const autolock = { kind: 'autolock', version, unlockKey, ...peerUnlock } as const;
      await store.propose({ kind: 'set-autolock', autolock });
    } finally {
      key?.wipe();
    }
  }
}

function describePeers(view: ClusterView, nodeId: string): PeerUnlockDescription | undefined {
  if (view.autolock?.peerUnlock === undefined) {
    return undefined;
  }
  return {
    managers: view.nodes().filter(({ role }) => role === 'manager').length,
    known: view.peerUnlocks().length,
    knownHere: view.peerUnlock(nodeId) !== undefined,
  };
}

function isOn(autolock: AutolockObject | undefined): autolock is AutolockObject {
  return autolock !== undefined && autolock.unlockKey.length > 0;
}

function requireOn(autolock: AutolockObject | undefined): AutolockObject {
  if (!isOn(autolock)) {
    throw new CofferError('cluster.autolock', 'autolock is off: there is no unlock key', {
      hint: 'Turn it on: docker coffer autolock on',
    });
  }
  return autolock;
}

/** The last step before it is shown. */
function shown(text: Buffer): string {
  const string = text.toString('latin1');
  text.fill(0);
  return string;
}

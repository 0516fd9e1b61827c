// SPDX-License-Identifier: Apache-2.0
// The leader's work on the CA: it ends a rotation, and forgets what has expired.
import { CofferError, type Logger } from '../common/index.ts';
import type { AuthorityObject, ClusterView, NodeObject } from '../membership/index.ts';
import type { Replica, SecretStore } from '../store/index.ts';
import { digestOf } from './certificates.ts';
import { Silence } from './silence.ts';

const STEP_MS = 1_000;
const FORGET_MS = 60 * 60 * 1_000;
const ROTATION_MIN_MS = 30_000;
/** Time for a node that is just being started again: whoever is not heard from for that long is not waited for. */
const ROTATION_PATIENCE_MS = 30_000;

export interface RotationTimes {
  /** How long a rotation of the CA lasts at least. Default: 30,000. */
  readonly min_ms?: number;
  /** How long a node is to be silent, as far as the leader knows, until it is left behind. Default: 30,000. */
  readonly patience_ms?: number;
}

export interface RotationProgress {
  readonly nodes: number;
  readonly renewed: number;
  /** Reachable, and still with a certificate of the old root, or with one to be unlocked by. */
  readonly awaited: readonly NodeObject[];
  /** Not reachable, and still with a certificate of the old root: when they come back, they have to join again. */
  readonly unreachable: readonly NodeObject[];
}

/** How far a rotation is. */
export function rotationProgress(
  view: ClusterView,
  authority: AuthorityObject,
  isReachable: (node: NodeObject) => boolean,
): RotationProgress {
  const digest = digestOf(authority);
  const nodes = view.nodes();
  const old = nodes.filter(
    ({ certificate, id }) =>
      certificate.authorityDigest !== digest || (view.peerUnlock(id)?.authorityDigest ?? digest) !== digest,
  );
  return {
    nodes: nodes.length,
    renewed: nodes.length - old.length,
    awaited: old.filter(isReachable),
    unreachable: old.filter((node) => !isReachable(node)),
  };
}

export interface AuthorityKeeperOptions {
  readonly replica: Pick<Replica, 'ended' | 'identity' | 'leader'>;
  readonly store: Pick<SecretStore, 'cluster' | 'propose'>;
  readonly isReachable: (node: NodeObject) => boolean;
  /** Whether a node has come to this manager with the certificate that the state names. */
  readonly hasShown: (node: NodeObject) => boolean;
  readonly rotation?: RotationTimes | undefined;
  readonly now_ms: () => number;
  readonly monotonic_ms: () => number;
  readonly logger: Logger;
}

/** Does its work while this node leads. */
export class AuthorityKeeper {
  readonly #options: AuthorityKeeperOptions;
  readonly #silence: Silence;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #forgot_ms = 0;

  constructor(options: AuthorityKeeperOptions) {
    this.#options = options;
    const { monotonic_ms, rotation } = options;
    this.#silence = new Silence({ patience_ms: rotation?.patience_ms ?? ROTATION_PATIENCE_MS, monotonic_ms });
  }

  start(): void {
    this.#timer = setInterval(() => void this.#run(), STEP_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #run(): Promise<void> {
    const { logger, replica } = this.#options;
    const leads = replica.ended === undefined && replica.leader === replica.identity.raftId;
    if (!leads) {
      this.#silence.forget();
    }
    if (this.#running || !leads) {
      return;
    }
    this.#running = true;
    try {
      await this.#finishRotation();
      await this.#forgetExpired();
    } catch (thrown) {
      logger.debug("the CA's upkeep was put off", { reason: CofferError.from(thrown).message });
    } finally {
      this.#running = false;
    }
  }

  async #finishRotation(): Promise<void> {
    const { isReachable, logger, now_ms, rotation, store } = this.#options;
    const { authority } = store.cluster;
    if (authority?.rotation === undefined) {
      this.#silence.forget();
      return;
    }
    const isThere = (node: NodeObject): boolean => !this.#silence.isLong(node.id, isReachable(node));
    const { awaited, unreachable } = rotationProgress(store.cluster, authority, isThere);
    const age_ms = now_ms() - authority.rotation.startedAt_ms;
    if (
      awaited.length > 0 ||
      this.#hasUnseenWorker(isThere) ||
      age_ms < (rotation?.min_ms ?? ROTATION_MIN_MS)
    ) {
      return;
    }
    await store.propose({ kind: 'finish-rotation', certificate: authority.certificate });
    logger.info('the CA was rotated', { leftBehind: unreachable.map(({ hostname }) => hostname).join(', ') });
  }

  /** The answer with a worker's new certificate may have got lost; a manager proposes only what is on its disk. */
  #hasUnseenWorker(isThere: (node: NodeObject) => boolean): boolean {
    const { hasShown, store } = this.#options;
    return store.cluster.nodes().some((node) => node.role === 'worker' && !hasShown(node) && isThere(node));
  }

  async #forgetExpired(): Promise<void> {
    const { now_ms, store } = this.#options;
    const at_ms = now_ms();
    if (at_ms - this.#forgot_ms < FORGET_MS) {
      return;
    }
    this.#forgot_ms = at_ms;
    const { cluster } = store;
    const due =
      cluster.tokens().some(({ expiresAt_ms }) => expiresAt_ms <= at_ms) ||
      cluster.revocations().some(({ until_ms }) => until_ms <= at_ms);
    if (due) {
      await store.propose({ kind: 'forget-expired', at_ms });
    }
  }
}

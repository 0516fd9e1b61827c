// SPDX-License-Identifier: Apache-2.0
// What a manager answers to another one that is locked: the unlock key that its own state has for it, with or without a quorum.
import { CofferError, type Logger, SecretValue, TokenBuckets } from '../common/index.ts';
import { unlockKeyId } from '../crypto/index.ts';
import type { ClusterView } from '../membership/index.ts';
import type { SecretStore } from '../store/index.ts';
import type { CallContext, RpcMethod } from '../transport/index.ts';
import { BODY, decodeBody } from './rpc-body.ts';
import { unlockRefusal } from './unlock-rules.ts';

/** Of one node: a start needs one answer. */
const BURST = 10;
const REFILL_MS = 5_000;

export interface UnlockServiceOptions {
  /** Throws while this node is no manager that serves. */
  readonly store: () => Pick<SecretStore, 'cluster'>;
  /** Whether a manager has the log's connection open to this one: it runs, and is not locked. */
  readonly isConnected: (nodeId: string) => boolean;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

/** The methods of `PROTOCOL.unlock` on a manager. */
export class UnlockService {
  readonly #options: UnlockServiceOptions;
  readonly #buckets: TokenBuckets;

  constructor(options: UnlockServiceOptions) {
    this.#options = options;
    const { now_ms } = options;
    this.#buckets = new TokenBuckets({ burst: BURST, refill_ms: REFILL_MS, now_ms });
  }

  readonly methods: Readonly<Record<string, RpcMethod>> = {
    /** The key itself, 32 bytes: of those that the node names the first that there is. */
    key: async (body, context) => {
      const { logger } = this.#options;
      const node = context.peer?.nodeId ?? 'unknown';
      const from = context.address;
      try {
        const key = this.#keyFor(body, context);
        logger.info('a locked manager was given the unlock key', { node, from });
        return key;
      } catch (thrown) {
        const { code, detail } = CofferError.from(thrown);
        // Whoever calls without end must not fill the log.
        const log = code === 'cluster.rate-limited' ? 'debug' : 'warn';
        logger[log]('a locked manager was not given the unlock key', { node, from, code, reason: detail });
        throw thrown;
      }
    },
  };

  #keyFor(body: Buffer, { peer }: CallContext): Buffer {
    const { cluster } = this.#options.store();
    if (peer === undefined) {
      throw new CofferError('cluster.role', 'the unlock key is told to locked managers alone');
    }
    this.#buckets.take(peer.nodeId, 'calls of this node for the unlock key');
    // Again: much may have happened since its connection was let in.
    const refusal = unlockRefusal(peer, cluster);
    if (refusal !== undefined) {
      throw refusal;
    }
    if (this.#options.isConnected(peer.nodeId)) {
      // One that has just lost its power may be thought to run for some seconds; it asks again.
      throw new CofferError(
        'unlock.peer-refused',
        `node ${peer.nodeId} runs, and is not locked: somebody else asks in its name`,
        { hint: 'If its disk was copied: docker coffer node rm, then docker coffer unlock-key --rotate.' },
      );
    }
    const wanted = decodeBody(BODY.unlock, body).unlockKeyIds;
    const keys = keysOf(cluster);
    const found = wanted.map((id) => keys.get(id)).find((key) => key !== undefined);
    if (found === undefined) {
      throw new CofferError('unlock.peer-refused', 'the node is sealed by an unlock key that is not kept', {
        hint: 'Unlock it with the key that was in force when it last ran: docker coffer unlock',
      });
    }
    // A copy, since what is sent is wiped.
    return SecretValue.copyOf(found).expose();
  }
}

function keysOf({ autolock }: ClusterView): ReadonlyMap<string, Buffer> {
  const keys =
    autolock === undefined ? [] : [autolock.unlockKey, ...(autolock.peerUnlock?.earlierKeys ?? [])];
  return new Map(keys.map((key) => [unlockKeyId(SecretValue.takeOver(key)), key]));
}

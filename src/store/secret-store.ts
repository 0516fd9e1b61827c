// SPDX-License-Identifier: Apache-2.0
// The store as the rooms above see it.
import type { SecretValue } from '../common/index.ts';
import type { ClusterView, SealingKeyObject } from '../membership/index.ts';
import type { Command, Delivery, Secret } from '../secrets/index.ts';

/** How sure a read is: `linearizable` after a read round, `local` when the round failed and local state answers. */
export type Freshness = 'linearizable' | 'local';

/** What a store says of itself to `status` and `doctor`. */
export interface StoreStatus {
  readonly role: 'leader' | 'follower' | 'candidate';
  readonly clusterId: string;
  readonly nodeId: string;
  readonly term: number;
  readonly firstIndex: number;
  readonly appliedIndex: number;
  readonly commitIndex: number;
  readonly lastIndex: number;
  /** The term of the last entry: of two logs, the one that ends in the later term is ahead, then the longer one. */
  readonly lastTerm: number;
  readonly secrets: number;
  /**
   * How much of the index of the secrets is loaded after a start, from 0 to 99; undefined once all of it is. Until then
   * secrets are found by name and by id, and cannot be listed.
   */
  readonly loaded_percent?: number | undefined;
  readonly dataKeyId: string;
  /** False while the data key lies beside the data in the clear. */
  readonly dataKeySealed: boolean;
  /** Free bytes on the file system of the state directory. */
  readonly diskFree_bytes: number;
}

export interface ProposeOptions {
  /** 32 hexadecimal digits. A request that is made again under the same id is applied once. Default: a new one. */
  readonly requestId?: string | undefined;
  /**
   * An entry that was applied before the request was first made, kept in every repetition: it bounds for how long a
   * repetition can be recognised. Default: the last entry that is applied here.
   */
  readonly baseIndex?: number | undefined;
  /** The id of the control API's request that it is for, written down with it. Default: the one of `currentRequest`. */
  readonly controlRequest?: string | undefined;
  /** Default: 10,000. */
  readonly timeout_ms?: number | undefined;
}

/** What a proposal came to. */
export interface Proposed {
  /** The secret as it is after the command, or as it was when the command removed it. */
  readonly secret: Secret | undefined;
  /** The command's index in the log. */
  readonly index: number;
}

/**
 * What `exportSecrets` yields: the entry that all of it is as of, the sealing keys, then each secret, and after it the value of each
 * version.
 */
export type ExportedRecord =
  | { readonly kind: 'begin'; readonly appliedIndex: number }
  | { readonly kind: 'sealing-key'; readonly key: SealingKeyObject }
  | { readonly kind: 'secret'; readonly secret: Secret }
  | {
      readonly kind: 'value';
      /** In the clear, of the versions of the secret before it, in their order. Wiped when the next record is asked for. */
      readonly bytes: Buffer;
    };

/**
 * The replicated store of secrets. One implementation runs in the daemon; the rooms above know only this.
 *
 * Reads are answered from the local replica, synchronously: call `readBarrier` first where the answer must not
 * be older than the call. Any method throws `store.closed` once the store is closed, and `store.faulted` after
 * a storage error, when the process is about to end.
 */
export interface SecretStore {
  /**
   * Replicates a command, and resolves when it is durable and applied. Rejects with the `secret.*` code that the
   * rules refused it with; `store.disk-full` or `store.busy` when it was not taken; `store.timeout` when its
   * outcome is unknown (it may still happen).
   */
  propose(command: Command, options?: ProposeOptions): Promise<Proposed>;

  /** Waits, `timeout_ms` at most, until the local replica has all that was acknowledged before the call. */
  readBarrier(timeout_ms: number): Promise<Freshness>;

  byId(id: string): Secret | undefined;
  /** Without regard to case. */
  byName(name: string): Secret | undefined;
  /** The secret that is bound to this id of the engine's. Throws `store.starting` while the index is being loaded. */
  byEngineId(engineId: string): Secret | undefined;
  /** All secrets, pending ones too, in no order. Throws `store.starting` while the index is being loaded. */
  list(): readonly Secret[];
  /** The version that a task was given without a pin, if that is remembered. */
  deliveredVersion(taskId: string, secretId: string): number | undefined;
  /** The version of the last delivery under a `deliveryKey`, if that is remembered. */
  versionUnder(key: string): number | undefined;
  /** All that are remembered, oldest first: also those of tasks that have ended, and of secrets that were removed. */
  deliveries(): readonly Delivery[];
  /** The value of a version that `byId` or `byName` shows. Throws `store.damaged` if its record does not open. */
  readValue(secretId: string, version: number): SecretValue;

  /**
   * All secrets, pending ones too, with the values of all their versions, as they are after the last entry that is applied
   * here when the first record is asked for: what is written meanwhile is not in it. Works at a measured pace, with one
   * record in memory. A stream that ends with `store.damaged` is not whole, whatever came before.
   */
  exportSecrets(): AsyncIterable<ExportedRecord>;

  /** The CA, the tokens and the nodes. */
  readonly cluster: ClusterView;

  status(): StoreStatus;
}

/**
 * The store, while it serves. The daemon listens before the store is open, and goes on listening when it cannot
 * be opened: then this throws the reason (`store.starting`, `store.damaged`, `store.in-use`, `settings.invalid`).
 */
export type StoreSource = () => SecretStore;

/**
 * Resolves when the store serves or has said why it does not, and after `timeout_ms` at the latest: a call that
 * comes while the daemon starts waits a little instead of being refused.
 */
export type StoreStart = (timeout_ms: number) => Promise<void>;

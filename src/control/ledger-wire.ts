// SPDX-License-Identifier: Apache-2.0
// What travels over the control socket about who holds which secret. Types alone, as in wire.ts.
import type { Freshness } from '../store/index.ts';
import type { ErrorReply } from './wire.ts';

/**
 * How what is held stands to the secret. `current`: it has the value that counts. `stale`: another value does. `removed`: the secret is no more, whatever has
 * its name now. `unknown`: no delivery is remembered.
 */
export type LedgerState = 'current' | 'stale' | 'removed' | 'unknown';

/** A running task, or a container, and one secret that it holds. */
export interface LedgerEntry {
  /** The secret's name in coffer's store. */
  readonly secret: string;
  /** Absent if it is not known, and of a sealed value. */
  readonly version?: number | undefined;
  /** The id of a value that was sealed in a label of the engine's secret, in the place of a version. */
  readonly sealed?: string | undefined;
  /** The secret's version that counts now; absent where there is no such secret in the store. */
  readonly current?: number | undefined;
  readonly state: LedgerState;
  /** Whether a label asked for that version, so that no new task gets another one either. */
  readonly pinned: boolean;
  /** `secret`: as a file of Docker's own, as it was when the task started. `volume`: kept up to date in a volume. */
  readonly via: 'secret' | 'volume';
  /** Of a task's service; the name is empty where it is not known. */
  readonly service?: LedgerName | undefined;
  /** The task's id; absent for a container that belongs to none. */
  readonly task?: string | undefined;
  /** Of a container that belongs to no task. */
  readonly container?: LedgerName | undefined;
  /** Of a task, its id is that of the engine's swarm; of a container, that of coffer's cluster. */
  readonly node: { readonly id: string; readonly hostname: string };
  /** When it was given; absent where that is not known. */
  readonly givenAt_ms?: number | undefined;
}

export interface LedgerName {
  readonly id: string;
  readonly name: string;
}

/** Who holds what, as far as this manager can tell. */
export interface Ledger {
  readonly entries: readonly LedgerEntry[];
  /** What cannot be in it, and why. */
  readonly gaps: readonly ErrorReply[];
}

/** `GET /v1/ledger`, in no order. */
export interface LedgerReply extends Ledger {
  readonly freshness: Freshness;
}

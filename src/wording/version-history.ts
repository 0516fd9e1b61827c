// SPDX-License-Identifier: Apache-2.0
// What is known of the versions of a secret, as the command line tells it.
import type { SecretDescription } from '../control/index.ts';

/** `previous` is the one that `rollback` goes back to, `older` what is kept besides. */
export type VersionStatus = 'current' | 'previous' | 'older' | 'destroyed';

/** A version without its value. */
export interface KnownVersion {
  readonly version: number;
  readonly createdAt_ms: number;
  /** Bytes of the value. */
  readonly size: number;
  readonly status: VersionStatus;
  /** Of one that was destroyed. */
  readonly destroyedAt_ms?: number;
}

/** Newest first. */
export function versionHistory({ destroyed, versions }: SecretDescription): readonly KnownVersion[] {
  const kept = versions.toReversed().map(
    ({ createdAt_ms, number, size }, age): KnownVersion => ({
      version: number,
      createdAt_ms,
      size,
      status: age === 0 ? 'current' : age === 1 ? 'previous' : 'older',
    }),
  );
  const gone = destroyed.map(
    ({ createdAt_ms, destroyedAt_ms, number, size }): KnownVersion => ({
      version: number,
      createdAt_ms,
      size,
      status: 'destroyed',
      destroyedAt_ms,
    }),
  );
  return [...kept, ...gone].toSorted((a, b) => b.version - a.version);
}

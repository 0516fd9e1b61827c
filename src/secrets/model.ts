// SPDX-License-Identifier: Apache-2.0
// What a secret is, apart from its value.

/** One version of a secret's value. Versions count from 1 and are never used twice. */
export interface SecretVersion {
  readonly number: number;
  /** Milliseconds since 1970, by the clock of the manager that proposed it. */
  readonly createdAt_ms: number;
  /** Bytes of the value. */
  readonly size: number;
  /** Of a version that was made by going back: the version that first had its value. Absent: the value came with this one. */
  readonly copyOf?: number | undefined;
}

/** A version whose value is gone for good. */
export interface DestroyedVersion extends Omit<SecretVersion, 'copyOf'> {
  readonly destroyedAt_ms: number;
}

/** The engine's own registration of a secret, where there is one. */
export interface EngineBinding {
  /** The engine's id of the secret: 25 characters of base 36. */
  readonly secretId: string;
  /** The swarm in which that id means something. */
  readonly swarmId: string;
}

/**
 * Who made the secret: `control` for `docker coffer put`, `gateway` for `docker secret create` through the
 * gateway, `generated` for a value made on first use.
 */
export const ORIGINS = ['control', 'gateway', 'generated'] as const;
export type Origin = (typeof ORIGINS)[number];

export type Labels = Readonly<Record<string, string>>;

/** All that is known of a secret but its value. */
export interface Secret {
  /** coffer's own id: 25 characters of base 36. */
  readonly id: string;
  /** Unique without regard to case; kept as it was written. */
  readonly name: string;
  readonly labels: Labels;
  readonly origin: Origin;
  /**
   * True from the moment the gateway has stored the value until the engine's registration is known. A pending
   * secret can be delivered (the engine asks only for what it has registered), and is not listed.
   */
  readonly pending: boolean;
  readonly engine: EngineBinding | undefined;
  /** Ascending, never empty; the last one is current. */
  readonly versions: readonly SecretVersion[];
  /** Ascending, `DESTROYED_KEPT` at most, each older than the current version. None of them is in `versions`. */
  readonly destroyed: readonly DestroyedVersion[];
  readonly createdAt_ms: number;
  readonly updatedAt_ms: number;
  /** The log index of the command that last changed it: the `Version.Index` of the Engine API. */
  readonly modifiedIndex: number;
}

/** The version that a new task gets. */
export function currentVersion(secret: Secret): SecretVersion {
  const last = secret.versions.at(-1);
  if (last === undefined) {
    throw new RangeError(`secret ${secret.id} has no version`);
  }
  return last;
}

/** Whether a version with this number, which may be gone by now, has the value of the current one as far as is known. */
export function hasCurrentValue(secret: Secret, number: number): boolean {
  const current = currentVersion(secret);
  return current.number === number || originOf(secret, number) === (current.copyOf ?? current.number);
}

/** The version that first had the value of this one. */
function originOf({ versions }: Secret, number: number): number {
  return versions.find((version) => version.number === number)?.copyOf ?? number;
}

/** Names are unique without regard to case, as in Swarm: this is the form that is compared. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

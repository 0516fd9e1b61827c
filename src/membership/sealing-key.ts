// SPDX-License-Identifier: Apache-2.0
// The keys to which values are sealed outside of the cluster (src/sealing): one is the active one, the others open what was sealed before.

/** Its secret half is nowhere but in the sealed, replicated state, and in backups. */
export interface SealingKeyObject {
  readonly kind: 'sealing-key';
  /** 16 hexadecimal digits: a digest of the public half. */
  readonly id: string;
  /** 32 bytes. Never shown, logged or wiped. */
  readonly secretKey: Buffer;
  /** The cluster that has made it. */
  readonly clusterId: string;
  readonly madeAt_ms: number;
  /** Whether new values are sealed to it; of one key at most. */
  readonly active: boolean;
}

/** A new key, which is the active one from now on. Fails with `sealing.key-changed` if another one is active than `after`, or there are too many. */
export interface AddSealingKey {
  readonly kind: 'add-sealing-key';
  /** Active. */
  readonly key: SealingKeyObject;
  /** The id of the key whose place it takes; empty: the cluster's first. */
  readonly after: string;
}

/** A key out of a backup. It is active only if no other is. Changes nothing if it is there. Fails with `sealing.key-changed` if there are too many. */
export interface RestoreSealingKey {
  readonly kind: 'restore-sealing-key';
  readonly key: SealingKeyObject;
}

/** What was sealed to it does not open any more. Fails with `sealing.key-not-found`, and with `sealing.key-changed` for the active one. */
export interface ForgetSealingKey {
  readonly kind: 'forget-sealing-key';
  readonly id: string;
}

export type SealingKeyCommand = AddSealingKey | RestoreSealingKey | ForgetSealingKey;

export const SEALING_KEY_BYTES = 32;
/** Of one cluster, the active one too. */
export const SEALING_KEYS_MAX = 64;

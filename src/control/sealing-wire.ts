// SPDX-License-Identifier: Apache-2.0
// What travels over the control socket about sealing keys and sealed values. Types alone, as in wire.ts.

import type { ErrorReply } from './wire.ts';

/** `GET /v1/sealing-key`, which makes the first one, `POST /v1/sealing-key/rotate`, `DELETE /v1/sealing-key/:id`. */
export interface SealingKeyDescription {
  /** 16 hexadecimal digits. */
  readonly id: string;
  /** SHA-256 of its public half, in hexadecimal. */
  readonly digest: string;
  readonly madeAt_ms: number;
  /** What seals values to it, as a text. */
  readonly certificate: string;
  /** Those that open what was sealed before, the newest first. */
  readonly older: readonly OlderSealingKey[];
}

export interface OlderSealingKey {
  readonly id: string;
  readonly madeAt_ms: number;
  /** The cluster that has made it: another one if it has come with a backup. */
  readonly clusterId: string;
}

/** `POST /v1/reseal`, with a sealed value as its body: the same value, for the same secret, under the active key. */
export interface ResealReply {
  readonly sealed: string;
  /** False: it is under that key already, or does not open, and stays as it is. */
  readonly changed: boolean;
  /** Why it does not open. */
  readonly problem?: ErrorReply | undefined;
}

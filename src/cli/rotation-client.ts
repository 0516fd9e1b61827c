// SPDX-License-Identifier: Apache-2.0
import type { RotateReply, RotationsReply } from '../control/index.ts';
import type { ControlClient } from './control-client.ts';
import { rotateReply, rotationsReply } from './rotation-replies.ts';

export interface RotationWish {
  /** The value, or what is to be generated; or it is made as the schedule of the secret would make it. */
  readonly value: Buffer | { readonly spec: string } | 'as-its-labels-say';
  /** Only if this is the current version. */
  readonly expect: number | undefined;
  /** For each service. */
  readonly timeout_ms: number;
}

/** Rotations of secrets, in coffer's own API. It rejects as `ControlClient` does. */
export class RotationClient {
  readonly #control: ControlClient;

  constructor(control: ControlClient) {
    this.#control = control;
  }

  /** Resolves when it has begun. */
  rotate(reference: string, { expect, timeout_ms, value }: RotationWish): Promise<RotateReply> {
    const query = new URLSearchParams({
      timeout_ms: String(timeout_ms),
      ...(expect !== undefined && { expect: String(expect) }),
      ...(value === 'as-its-labels-say' ? { renew: '1' } : !Buffer.isBuffer(value) && { spec: value.spec }),
    });
    const path = `/v1/secrets/${encodeURIComponent(reference)}/rotate`;
    const body = Buffer.isBuffer(value) ? { body: value } : {};
    return this.#control.call({ method: 'POST', path, query, ...body }, rotateReply);
  }

  /** Resolves when it begins to go back. */
  cancel(reference: string): Promise<RotateReply> {
    const path = `/v1/secrets/${encodeURIComponent(reference)}/rotate/cancel`;
    return this.#control.call({ method: 'POST', path }, rotateReply);
  }

  /** Of this secret, or of all, the newest first. */
  of(secret?: string): Promise<RotationsReply> {
    const query = new URLSearchParams(secret === undefined ? {} : { secret });
    return this.#control.call({ method: 'GET', path: '/v1/rotations', query }, rotationsReply);
  }
}

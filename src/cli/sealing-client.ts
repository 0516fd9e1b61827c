// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
import type { ResealReply, SealingKeyDescription } from '../control/index.ts';
import type { ControlClient } from './control-client.ts';
import { errorReply, type ReplySchema } from './replies.ts';

export const sealingKeyReply: ReplySchema<SealingKeyDescription> = v.object({
  id: v.string(),
  digest: v.string(),
  madeAt_ms: v.number(),
  certificate: v.string(),
  older: v.array(v.object({ id: v.string(), madeAt_ms: v.number(), clusterId: v.string() })),
});

const resealReply: ReplySchema<ResealReply> = v.object({
  // It goes into a file as it is.
  sealed: v.pipe(v.string(), v.regex(/^coffer-sealed-1\.[A-Za-z0-9_-]+$/)),
  changed: v.boolean(),
  problem: v.optional(errorReply),
});

/** Sealing keys and sealed values, in coffer's own API. It rejects as `ControlClient` does. */
export class SealingClient {
  readonly #control: ControlClient;

  constructor(control: ControlClient) {
    this.#control = control;
  }

  /** The first one is made when it is asked for. */
  key(): Promise<SealingKeyDescription> {
    return this.#control.call({ method: 'GET', path: '/v1/sealing-key' }, sealingKeyReply);
  }

  rotate(): Promise<SealingKeyDescription> {
    return this.#control.call({ method: 'POST', path: '/v1/sealing-key/rotate' }, sealingKeyReply);
  }

  forget(id: string): Promise<SealingKeyDescription> {
    const path = `/v1/sealing-key/${encodeURIComponent(id)}`;
    return this.#control.call({ method: 'DELETE', path }, sealingKeyReply);
  }

  /** The same value under the active key. */
  reseal(sealed: string): Promise<ResealReply> {
    const shape = { method: 'POST', path: '/v1/reseal', body: Buffer.from(sealed) } as const;
    return this.#control.call(shape, resealReply);
  }
}

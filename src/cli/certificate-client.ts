// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
import type { PutReply, WorkloadAuthorityDescription } from '../control/index.ts';
import { type ControlClient, putQuery, type PutWish } from './control-client.ts';
import { putReply, type ReplySchema } from './replies.ts';

const workloadAuthority: ReplySchema<WorkloadAuthorityDescription> = v.object({
  digest: v.string(),
  certificates: v.string(),
  notAfter_ms: v.number(),
  previous: v.optional(v.object({ digest: v.string(), trustedUntilAt_ms: v.number() })),
});

/** Certificates that are secrets, in coffer's own API. It rejects as `ControlClient` does. */
export class CertificateClient {
  readonly #control: ControlClient;

  constructor(control: ControlClient) {
    this.#control = control;
  }

  /** The labels say what is to stand in it. */
  make(name: string, wish: PutWish): Promise<PutReply> {
    const path = `/v1/secrets/${encodeURIComponent(name)}/certificate`;
    return this.#control.call({ method: 'POST', path, query: putQuery(wish) }, putReply);
  }

  authority(): Promise<WorkloadAuthorityDescription> {
    return this.#control.call({ method: 'GET', path: '/v1/workload-ca' }, workloadAuthority);
  }

  /** A new root issues from now on; or the one before it is trusted no longer. */
  changeAuthority(how: 'rotate' | 'finish'): Promise<WorkloadAuthorityDescription> {
    return this.#control.call({ method: 'POST', path: `/v1/workload-ca/${how}` }, workloadAuthority);
  }
}

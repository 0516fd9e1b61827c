// SPDX-License-Identifier: Apache-2.0
// Somebody who listens where a manager should, and writes down what he is told.
import type { TestContext } from 'node:test';
import { PROTOCOL } from '../../../src/cluster/authorize.ts';
import { silentLogger } from '../../../src/common/index.ts';
import { type Authority, generateKey, issueCertificate, type NodeSubject } from '../../../src/pki/index.ts';
import {
  CredentialsSource,
  formatAddress,
  Listener,
  rpcHandler,
  type RpcMethod,
  type TlsCredentials,
} from '../../../src/transport/index.ts';

import { DAY_MS } from '../../support/cluster-objects.ts';

export const CLUSTER_ID = 'c'.repeat(25);
export const MANAGER_ID = 'm'.repeat(25);

/** For a manager of the cluster, unless `subject` says otherwise. */
export function issueFrom(
  authority: Authority,
  subject: Partial<NodeSubject>,
  key = generateKey(),
): TlsCredentials {
  const certificate = issueCertificate({
    authority,
    publicKey: key,
    subject: { clusterId: CLUSTER_ID, nodeId: MANAGER_ID, role: 'manager', ...subject },
    now_ms: Date.now(),
    lifetime_ms: DAY_MS,
  });
  return { certificate, key: key.export({ type: 'pkcs8', format: 'pem' }), roots: [authority.certificate] };
}

export interface FakeManager {
  readonly address: string;
  /** All that came, in order. */
  readonly calls: { readonly method: string; readonly body: string }[];
}

/** Answers the calls of a protocol with `methods`, until the end of the test. */
export async function fakeManager(
  t: TestContext,
  credentials: TlsCredentials,
  methods: Readonly<Record<string, RpcMethod>>,
  protocol: string = PROTOCOL.join,
): Promise<FakeManager> {
  const calls: FakeManager['calls'] = [];
  const recorded = Object.entries(methods).map(([method, answer]): [string, RpcMethod] => [
    method,
    (body, context) => {
      calls.push({ method, body: body.toString() });
      return answer(body, context);
    },
  ]);
  const listener = new Listener({
    credentials: new CredentialsSource(credentials),
    protocols: [
      {
        name: protocol,
        policy: protocol === PROTOCOL.join ? 'stranger' : 'member',
        handler: rpcHandler({ methods: Object.fromEntries(recorded), logger: silentLogger }),
      },
    ],
    authorize: () => undefined,
    logger: silentLogger,
  });
  t.after(() => listener.close());
  return { address: formatAddress(await listener.listen({ host: '127.0.0.1', port: 0 })), calls };
}

// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from 'node:crypto';
import { CofferError, invariant } from '../common/index.ts';
import type { Clock } from './clock.ts';
import type { CredentialsSource } from './credentials.ts';
import type { Verification } from './dial.ts';
import { publicKeyFingerprint } from './peer-identity.ts';
import { RpcClient } from './rpc-client.ts';

export interface CallOnceOptions {
  /** `host:port`. */
  readonly address: string;
  /** The ALPN name. */
  readonly protocol: string;
  /** Undefined: no certificate is shown. */
  readonly credentials: CredentialsSource | undefined;
  readonly verification: Verification;
  readonly method: string;
  readonly body: Buffer;
  /** For everything: connecting and the call. */
  readonly timeout_ms: number;
  /** The largest reply; default 4 MiB. */
  readonly reply_bytes?: number;
  readonly clock?: Clock;
}

export interface CallOnceResult {
  readonly reply: Buffer;
  /** What the server has shown: with verification `none`, nobody but the caller looks at it. */
  readonly server: {
    /** DER, the server's own certificate first. */
    readonly chain: readonly Buffer[];
    /** SHA-256 of the DER of the SubjectPublicKeyInfo, in lower-case hexadecimal. */
    readonly publicKeyFingerprint: string;
  };
}

/** One call over a connection of its own. Rejects as `RpcClient.call` does. */
export async function callOnce(options: CallOnceOptions): Promise<CallOnceResult> {
  const { address, body, clock, credentials, method, protocol, reply_bytes, timeout_ms, verification } =
    options;
  const client = new RpcClient({
    address: () => address,
    protocol,
    credentials,
    verification,
    limits: { timeout_ms, ...(reply_bytes === undefined ? {} : { reply_bytes }) },
    ...(clock === undefined ? {} : { clock }),
  });
  try {
    const reply = await client.call(method, body);
    return { reply, server: describeServer(client.serverCertificates) };
  } finally {
    client.close();
  }
}

function describeServer(certificates: readonly X509Certificate[]): CallOnceResult['server'] {
  const [own] = certificates;
  try {
    invariant(own !== undefined, 'a server shows a certificate');
    return { chain: certificates.map(({ raw }) => raw), publicKeyFingerprint: publicKeyFingerprint(own) };
  } catch (thrown) {
    // A key of a kind that this version of OpenSSL cannot read, say.
    throw CofferError.from(thrown, 'pki.certificate-invalid');
  }
}

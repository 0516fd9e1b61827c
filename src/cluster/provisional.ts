// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import { createAuthority } from '../pki/index.ts';
import { newSecretId } from '../secrets/index.ts';
import type { TlsCredentials } from '../transport/index.ts';

/** What a node shows until it has a certificate for the key: whoever calls it back while it joins compares the key. */
export function provisionalCredentials(key: KeyObject, now_ms: number): TlsCredentials {
  const { certificate } = createAuthority({ clusterId: newSecretId(), now_ms, key });
  return { certificate, key: key.export({ type: 'pkcs8', format: 'pem' }), roots: [] };
}

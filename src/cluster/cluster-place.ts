// SPDX-License-Identifier: Apache-2.0
import type { CofferError } from '../common/index.ts';
import type { CredentialsSource } from '../transport/index.ts';
import type { ManagerContact } from './identity.ts';

/** What a node says of its place. */
export interface ClusterPlace {
  readonly role: 'manager' | 'worker' | undefined;
  readonly nodeId: string | undefined;
  /** Where others reach it; undefined if it does not listen. */
  readonly address: string | undefined;
  /** Why it does not listen, or is not heard. */
  readonly problem: CofferError | undefined;
  /** From when until when its certificate is valid, in ms since 1970. */
  readonly certificate: { readonly notBefore_ms: number; readonly notAfter_ms: number } | undefined;
}

/** Whom a node can speak to, and as whom. */
export interface ClusterReach {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly credentials: CredentialsSource;
  readonly managers: readonly ManagerContact[];
  /** As far as this node knows. */
  readonly leader: ManagerContact | undefined;
}

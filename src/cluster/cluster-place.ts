// SPDX-License-Identifier: Apache-2.0
import type { CofferError } from '../common/index.ts';

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

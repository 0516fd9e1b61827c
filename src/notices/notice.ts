// SPDX-License-Identifier: Apache-2.0

/** What somebody wants to know without asking. It names things, and holds no value. */
export interface Notice {
  readonly event: 'canary' | 'changed' | 'removed' | 'expiring' | 'expired';
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Of the node that says it. */
  readonly node: string;
  readonly secret: string;
  /** What is known beside that, where it is the audit log's in the same words. */
  readonly facts: Readonly<Record<string, string | number | undefined>>;
}

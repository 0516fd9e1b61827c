// SPDX-License-Identifier: Apache-2.0

/** What somebody has to know at once. It names things, and holds no value. */
export interface Notice {
  readonly event: 'canary';
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Of the node that says it. */
  readonly node: string;
  readonly secret: string;
  /** What is known beside that, as it stands in the audit log. */
  readonly facts: Readonly<Record<string, string | number | undefined>>;
}

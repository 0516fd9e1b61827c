// SPDX-License-Identifier: Apache-2.0
// Which secrets a node may have for containers that no swarm service has made. Nothing is granted until somebody grants it.

/** That containers of one node may have one secret. All that is named must hold; what is empty names nothing. */
export interface GrantObject {
  readonly kind: 'grant';
  /** 12 characters of base 36. */
  readonly id: string;
  /** The secret's name, compared without regard to case. There need be none of it yet. */
  readonly secret: string;
  /** The node's own id, never a name that another one may take. The grant goes with the node. */
  readonly nodeId: string;
  /** The container's name, in which `*` stands for any characters and `?` for one. */
  readonly container: string;
  /** Labels that the container must have, with just these values: data, never patterns. An empty value: any. */
  readonly labels: Readonly<Record<string, string>>;
  /** The image as the container was given it (`:latest` may be left out), or its id (`sha256:...`). */
  readonly image: string;
  readonly grantedAt_ms: number;
}

/** Fails with `cluster.node-not-found`, and with `grant.invalid` for what no container can match. The same again changes nothing. */
export interface PutGrant {
  readonly kind: 'put-grant';
  readonly grant: GrantObject;
}

/** Fails with `grant.not-found`. */
export interface RemoveGrant {
  readonly kind: 'remove-grant';
  readonly id: string;
}

export type GrantCommand = PutGrant | RemoveGrant;

/** Far more than anybody can oversee. */
export const GRANTS_MAX = 10_000;
export const GRANT_LABELS_MAX = 16;

// SPDX-License-Identifier: Apache-2.0
// Grants as an administrator sees them. Types alone, as in admin-model.ts.

/** That containers of one node may have one secret. What is empty names nothing: any container, label or image will do. */
export interface GrantDescription {
  /** 12 characters of base 36. */
  readonly id: string;
  /** As it was granted. Case does not count. */
  readonly secret: string;
  /** Whether there is a secret of that name now. */
  readonly secretExists: boolean;
  readonly node: { readonly id: string; readonly hostname: string };
  /** The container's name, in which `*` stands for any characters and `?` for one. */
  readonly container: string;
  /** An empty value: any. */
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly grantedAt_ms: number;
}

/** `GET /v1/grants`. */
export interface GrantsReply {
  /** In the order in which they were granted. */
  readonly grants: readonly GrantDescription[];
  /** `local`: no leader has confirmed that it is so still. */
  readonly freshness: 'linearizable' | 'local';
}

/** `POST /v1/grants`, whose body is a `GrantWish`. */
export interface GrantReply {
  readonly grant: GrantDescription;
  /** False when the same was granted before: then that grant is shown. */
  readonly changed: boolean;
}

/** `DELETE /v1/grants/:id`: the grant as it was. */
export interface RevokedReply {
  readonly grant: GrantDescription;
}

export interface GrantWish {
  readonly secret: string;
  /** An id, a unique prefix of one, or a hostname. */
  readonly node: string;
  readonly container?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly image?: string | undefined;
}

/** Which grants are wanted: all that is named must hold. */
export interface GrantFilter {
  /** A secret's name, without regard to case. */
  readonly secret?: string | undefined;
  /** As in `GrantWish`. */
  readonly node?: string | undefined;
}

/** Which secrets nodes may have for containers that no swarm service has made. Changes throw `store.unavailable` without a majority. */
export interface GrantAdmin {
  /** Throws `cluster.node-not-found`. */
  list(filter: GrantFilter): Promise<GrantsReply>;
  /** Throws `cluster.node-not-found`, and `grant.invalid` for what no container can match. */
  grant(wish: GrantWish): Promise<GrantReply>;
  /** By its id or a unique prefix of it. Throws `grant.not-found`, and `request.invalid` if several begin so. */
  revoke(reference: string): Promise<RevokedReply>;
}

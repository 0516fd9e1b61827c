// SPDX-License-Identifier: Apache-2.0
// Grants, as any manager is told them: the wish goes through the log, which the leader takes it to.
import { randomBytes } from 'node:crypto';
import { CofferError } from '../common/index.ts';
import { checkGrant, type GrantObject, sameGrant } from '../membership/index.ts';
import type { SecretStore } from '../store/index.ts';
import { findNode } from './find-node.ts';
import type {
  GrantAdmin,
  GrantDescription,
  GrantFilter,
  GrantReply,
  GrantsReply,
  GrantWish,
  RevokedReply,
} from './grant-model.ts';

const READ_TIMEOUT_MS = 2_000;
const ID_LENGTH = 12;
const ID_ENTROPY_BYTES = 16;
const LISTED = 'List the grants with: docker coffer grant-ls';

export interface LocalGrantsOptions {
  readonly store: SecretStore;
  readonly now_ms: () => number;
}

/** See `GrantAdmin`. */
export class LocalGrants implements GrantAdmin {
  readonly #options: LocalGrantsOptions;

  constructor(options: LocalGrantsOptions) {
    this.#options = options;
  }

  async list(filter: GrantFilter): Promise<GrantsReply> {
    const { store } = this.#options;
    const freshness = await store.readBarrier(READ_TIMEOUT_MS);
    const { cluster } = store;
    const grants =
      filter.node === undefined ? cluster.grants() : cluster.grantsOf(findNode(cluster, filter.node).id);
    const secret = filter.secret?.toLowerCase();
    const wanted = grants.filter((grant) => secret === undefined || grant.secret.toLowerCase() === secret);
    return { grants: wanted.map((grant) => this.#describe(grant)), freshness };
  }

  async grant(wish: GrantWish): Promise<GrantReply> {
    const { now_ms, store } = this.#options;
    // A manager that is behind may not know the node yet, or still know one that was removed.
    await store.readBarrier(READ_TIMEOUT_MS);
    const { container = '', image = '', labels = {}, node, secret } = wish;
    const grant: GrantObject = {
      kind: 'grant',
      id: newGrantId(),
      secret,
      nodeId: findNode(store.cluster, node).id,
      container,
      labels,
      image,
      grantedAt_ms: now_ms(),
    };
    checkGrant(grant);
    await store.propose({ kind: 'put-grant', grant });
    const granted = store.cluster.grantsOf(grant.nodeId).find((one) => sameGrant(one, grant));
    if (granted === undefined) {
      throw new CofferError('grant.not-found', 'the grant was revoked at once, or its node removed', {
        hint: LISTED,
      });
    }
    return { grant: this.#describe(granted), changed: granted.id === grant.id };
  }

  async revoke(reference: string): Promise<RevokedReply> {
    const { store } = this.#options;
    await store.readBarrier(READ_TIMEOUT_MS);
    const found = this.#find(reference);
    const grant = this.#describe(found);
    await store.propose({ kind: 'remove-grant', id: found.id });
    return { grant };
  }

  #find(reference: string): GrantObject {
    const { cluster } = this.#options.store;
    const exact = cluster.grant(reference);
    if (exact !== undefined) {
      return exact;
    }
    const found = cluster.grants().filter(({ id }) => reference !== '' && id.startsWith(reference));
    const [grant, ...others] = found;
    if (grant === undefined) {
      throw new CofferError('grant.not-found', `there is no grant ${reference}`, {
        hint: `${LISTED}; by a secret's name: docker coffer revoke NAME --node NODE`,
      });
    }
    if (others.length > 0) {
      throw new CofferError('request.invalid', `${reference} is ambiguous: ${found.length} grants match`, {
        hint: 'Use the whole id.',
      });
    }
    return grant;
  }

  #describe({ container, grantedAt_ms, id, image, labels, nodeId, secret }: GrantObject): GrantDescription {
    const { store } = this.#options;
    return {
      id,
      secret,
      secretExists: store.byName(secret)?.pending === false,
      node: { id: nodeId, hostname: store.cluster.node(nodeId)?.hostname ?? '' },
      container,
      labels,
      image,
      grantedAt_ms,
    };
  }
}

/** Some 62 bits: as good as unique, and short enough to type. */
function newGrantId(): string {
  const number = BigInt(`0x${randomBytes(ID_ENTROPY_BYTES).toString('hex')}`);
  return number.toString(36).padStart(ID_LENGTH, '0').slice(-ID_LENGTH);
}

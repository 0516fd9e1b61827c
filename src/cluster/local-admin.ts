// SPDX-License-Identifier: Apache-2.0
// The administration of the cluster, as the leader carries it out; what any manager can answer by itself is here too.
import { randomBytes } from 'node:crypto';
import { CofferError, HOUR_MS } from '../common/index.ts';
import type { ClusterCommand, NodeObject, TokenObject } from '../membership/index.ts';
import { authorityDigest, formatJoinToken, hashTokenSecret } from '../pki/index.ts';
import type { Replica, SecretStore } from '../store/index.ts';
import type {
  AuthorityDescription,
  ClusterAdmin,
  ClusterDescription,
  NodeDescription,
  NodeReply,
  NodeRole,
  TokenDescription,
  TokenReply,
  TokenWish,
} from './admin-model.ts';
import { rotationProgress } from './authority-keeper.ts';
import { digestOf, nextAuthority, requireAuthority, rootEnd_ms, rootsOf } from './certificates.ts';
import { managerContacts } from './contacts.ts';
import { describeNode } from './describe-node.ts';
import { findNode } from './find-node.ts';
import { raftIdFor } from './join-service.ts';
import { describeSchedules } from './maintenance-admin.ts';
import { describeQuorum, lossWarning, type QuorumView } from './quorum-view.ts';

const TOKEN_TTL_MS = HOUR_MS;
const TOKEN_USES = 10;
const TOKEN_ID_PATTERN = /[^0-9a-z]/g;
/** How long a change of the membership is waited for. */
const EFFECT_TIMEOUT_MS = 60_000;
const LOOK_MS = 50;
/** Without a majority, the change itself says so. */
const READ_TIMEOUT_MS = 5_000;
const NO_LEADER = 'No manager leads now, or none that is heard here: nothing can be changed.';

export interface LocalAdminOptions {
  readonly replica: Replica;
  readonly store: SecretStore;
  /** Whether a node was heard from lately; undefined if this node cannot tell. */
  readonly isReachable: (node: NodeObject) => boolean | undefined;
  readonly now_ms: () => number;
}

/** What others carry out, each for itself. */
type Parts = 'autolock' | 'dataKey' | 'survivors' | 'maintenance' | 'grants' | 'policies';

/** See `ClusterAdmin` for what it promises. What it knows of other nodes' reachability is what the leader knows. */
export class LocalAdmin implements Omit<ClusterAdmin, Parts> {
  readonly #options: LocalAdminOptions;

  constructor(options: LocalAdminOptions) {
    this.#options = options;
  }

  async describe(): Promise<ClusterDescription> {
    const { replica, store } = this.#options;
    const { cluster } = store;
    const nodes = cluster.nodes();
    const leader = cluster.nodeByRaftId(replica.leader);
    const quorum = this.#quorum();
    const managers = nodes.filter(({ role }) => role === 'manager').length;
    return {
      id: replica.identity.clusterId,
      createdAt_ms: nodes[0]?.joinedAt_ms ?? 0,
      managers,
      workers: nodes.length - managers,
      voters: quorum.voters,
      quorum: quorum.quorum,
      reachableVoters: quorum.reachable,
      leader: leader && { id: leader.id, hostname: leader.hostname },
      certificateLifetime_ms: cluster.settings.certificateLifetime_ms,
      revoked: cluster.revocations().length,
      schedules: describeSchedules(cluster),
      warnings: [...(leader === undefined ? [NO_LEADER] : []), ...describeQuorum(quorum)],
    };
  }

  async nodes(): Promise<readonly NodeDescription[]> {
    return this.#options.store.cluster.nodes().map((node) => this.#describeNode(node));
  }

  async node(reference: string): Promise<NodeReply> {
    return this.#reply(this.#find(reference));
  }

  async setRole(reference: string, role: NodeRole, force: boolean): Promise<NodeReply> {
    await this.#caughtUp();
    const { id, role: current } = this.#find(reference);
    if (role === 'manager') {
      await this.#propose({ kind: 'set-role', nodeId: id, role, raftId: raftIdFor(role) });
    } else if (current === 'manager') {
      this.#checkLoss(this.#find(id), force);
      const isDone = (): boolean => this.#options.store.cluster.node(id)?.role !== 'manager';
      await this.#retire(id, 'demoted', isDone, 'the demotion');
    }
    return this.#reply(this.#find(id));
  }

  async remove(reference: string, force: boolean): Promise<NodeReply> {
    const { now_ms, store } = this.#options;
    await this.#caughtUp();
    const node = this.#find(reference);
    const before = { ...this.#reply(node), grants: store.cluster.grantsOf(node.id).length };
    if (node.role === 'worker') {
      if (this.#options.isReachable(node) === true && !force) {
        throw new CofferError('cluster.quorum', `node ${node.hostname} is not down`, {
          hint: 'Stop it first, or use --force.',
        });
      }
      await this.#propose({ kind: 'remove-node', nodeId: node.id, at_ms: now_ms() });
      return before;
    }
    if (!force) {
      throw new CofferError('cluster.quorum', `node ${node.hostname} is a manager`, {
        hint: `Demote it first (docker coffer node demote ${node.hostname}), or use --force.`,
      });
    }
    this.#checkLoss(node, false);
    await this.#retire(node.id, 'removed', () => store.cluster.node(node.id) === undefined, 'the removal');
    return { ...before, warnings: describeQuorum(this.#quorum()) };
  }

  async authority(): Promise<AuthorityDescription> {
    const { isReachable, store } = this.#options;
    const authority = requireAuthority(store.cluster);
    const { rotation } = authority;
    const progress =
      rotation && rotationProgress(store.cluster, authority, (node) => isReachable(node) ?? true);
    return {
      digest: digestOf(authority),
      certificates: rootsOf(authority).join(''),
      notAfter_ms: rootEnd_ms(authority),
      rotation: rotation &&
        progress && {
          startedAt_ms: rotation.startedAt_ms,
          nodes: progress.nodes,
          renewed: progress.renewed,
          unreachable: progress.unreachable.map(({ hostname }) => hostname),
        },
    };
  }

  async rotateAuthority(): Promise<AuthorityDescription> {
    const { now_ms, replica, store } = this.#options;
    const current = requireAuthority(store.cluster);
    if (current.rotation === undefined) {
      const authority = nextAuthority(current, replica.identity.clusterId, now_ms());
      await this.#propose({ kind: 'begin-rotation', authority });
    } else {
      throw new CofferError('cluster.rotation-running', 'the CA is being rotated already', {
        hint: 'docker coffer ca says how far it is.',
      });
    }
    return this.authority();
  }

  async setCertificateLifetime(lifetime_ms: number): Promise<ClusterDescription> {
    await this.#propose({
      kind: 'change-settings',
      settings: { kind: 'settings', certificateLifetime_ms: lifetime_ms },
    });
    return this.describe();
  }

  tokens(): readonly TokenDescription[] {
    return this.#options.store.cluster.tokens().map(describeToken);
  }

  async createToken({ role, rotate = false, ttl_ms, uses }: TokenWish): Promise<TokenReply> {
    const { now_ms, store } = this.#options;
    const authority = requireAuthority(store.cluster);
    const secret = randomBytes(16);
    const token: TokenObject = {
      kind: 'token',
      id: newTokenId(),
      role,
      secretHash: Buffer.alloc(0),
      createdAt_ms: now_ms(),
      expiresAt_ms: now_ms() + (ttl_ms ?? TOKEN_TTL_MS),
      usesLeft: uses ?? TOKEN_USES,
    };
    const stored = { ...token, secretHash: hashTokenSecret(token.id, secret) };
    await this.#propose({ kind: 'put-token', token: stored, revokeOthers: rotate });
    const digest = authorityDigest(authority.certificate);
    return {
      token: formatJoinToken({ role, authorityDigest: digest, tokenId: token.id, secret }),
      description: describeToken(stored),
      addresses: managerContacts(store.cluster).map(({ address }) => address),
    };
  }

  async revokeToken(id: string): Promise<void> {
    await this.#propose({ kind: 'revoke-token', id });
  }

  /** Of one who has begun to lead, what the leader before it has left in the log is not applied yet. */
  async #caughtUp(): Promise<void> {
    await this.#options.store.readBarrier(READ_TIMEOUT_MS);
  }

  async #retire(
    nodeId: string,
    leaving: 'demoted' | 'removed',
    isDone: () => boolean,
    what: string,
  ): Promise<void> {
    try {
      await this.#propose({ kind: 'retire-manager', nodeId, leaving });
    } catch (thrown) {
      // It may have come to its end meanwhile, having been asked for before.
      if (!isDone()) {
        throw thrown;
      }
    }
    await this.#until(isDone, what);
  }

  async #propose(command: ClusterCommand): Promise<void> {
    await this.#options.store.propose(command);
  }

  #find(reference: string): NodeObject {
    return findNode(this.#options.store.cluster, reference);
  }

  #checkLoss(node: NodeObject, force: boolean): void {
    const { replica, isReachable } = this.#options;
    const voter = replica.state.confState.voters.includes(node.raftId);
    const warning = voter ? lossWarning(this.#quorum(), isReachable(node) === true) : undefined;
    if (warning !== undefined && !force) {
      throw new CofferError('cluster.quorum', warning, {
        hint: 'Start the managers that are down, or let another one join first.',
      });
    }
  }

  #quorum(): QuorumView {
    const { isReachable, replica, store } = this.#options;
    const { voters } = replica.state.confState;
    const reachable = voters.map((raftId) => {
      const node = store.cluster.nodeByRaftId(raftId);
      return raftId === replica.identity.raftId || (node === undefined ? false : isReachable(node));
    });
    return {
      voters: voters.length,
      quorum: Math.floor(voters.length / 2) + 1,
      reachable: reachable.includes(undefined) ? undefined : reachable.filter(Boolean).length,
    };
  }

  #reply(node: NodeObject): NodeReply {
    return { node: this.#describeNode(node), warnings: describeQuorum(this.#quorum()) };
  }

  #describeNode(node: NodeObject): NodeDescription {
    const { isReachable, replica } = this.#options;
    return describeNode(node, replica, isReachable(node));
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const deadline_ms = performance.now() + EFFECT_TIMEOUT_MS;
    while (!condition()) {
      if (performance.now() > deadline_ms) {
        throw new CofferError('store.timeout', `${what} has not taken effect yet; it may still happen`, {
          hint: 'docker coffer node ls shows how far it is.',
        });
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

function describeToken({ createdAt_ms, expiresAt_ms, id, role, usesLeft }: TokenObject): TokenDescription {
  return { id, role, createdAt_ms, expiresAt_ms, usesLeft };
}

function newTokenId(): string {
  const digits = randomBytes(16).readBigUInt64BE().toString(36).replace(TOKEN_ID_PATTERN, '');
  return digits.padStart(8, '0').slice(-8);
}

// SPDX-License-Identifier: Apache-2.0
// A cluster of three managers and a worker that does what it is told and remembers it. Whatever it says carries more than
// it should, as a model might that has grown a field.
import { LocalGrants } from '../../src/cluster/grant-admin.ts';
import { LocalPolicies } from '../../src/cluster/policy-admin.ts';
import { CofferError } from '../../src/common/index.ts';
import type {
  AuthorityDescription,
  AutolockAdmin,
  AutolockDescription,
  DataKeyAdmin,
  BackupSchedule,
  GrantAdmin,
  PolicyAdmin,
  MaintenanceAdmin,
  PurgeDescription,
  Schedules,
  ClusterAdmin,
  ClusterDescription,
  NodeDescription,
  NodeReply,
  NodeRole,
  SurvivorAdmin,
  SurvivorSurvey,
  TokenDescription,
  TokenReply,
  TokenWish,
} from '../../src/control/index.ts';

import { MemoryStore } from './memory-store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const LEAK = '-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n';
export const ROOT_PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
export const TOKEN = 'COFFER-1-digest-tok2-s3cr3t';

export const CLUSTER_NOW_MS = Date.UTC(2026, 0, 15, 12);

export function nodeOf(id: string, hostname: string, over: Partial<NodeDescription> = {}): NodeDescription {
  return {
    id,
    hostname,
    role: 'manager',
    status: 'ready',
    leader: false,
    voter: true,
    self: false,
    address: `${hostname}.example:7373`,
    engineNodeId: `engine-${id}`,
    joinedAt_ms: CLUSTER_NOW_MS,
    certificate: { notAfter_ms: CLUSTER_NOW_MS + 90 * DAY_MS, authorityDigest: 'd1' },
    ...over,
  };
}

export const UNLOCK_KEY = 'COFFER-UNLOCK-1-FAKE';

export class FakeCluster implements ClusterAdmin {
  /** Each change that was asked for, in words. */
  readonly calls: string[] = [];
  members: readonly NodeDescription[] = [
    nodeOf('id1', 'one', { leader: true, self: true, matchIndex: 7 }),
    nodeOf('id2', 'two'),
    nodeOf('id3', 'three', { status: 'down', certificate: { notAfter_ms: 0, authorityDigest: 'd0' } }),
    nodeOf('id4', 'four', { role: 'worker', voter: false, address: '' }),
  ];
  warnings: readonly string[] = [];
  leader: ClusterDescription['leader'] = { id: 'id1', hostname: 'one' };
  lifetime_ms = 90 * DAY_MS;
  /** What `authority` tells, in turn; the last one stays. */
  rotations: AuthorityDescription['rotation'][] = [undefined];
  listed: readonly TokenDescription[] = [tokenOf('tok1', 'worker')];
  addresses: readonly string[] = ['10.0.0.1:7373', '10.0.0.2:7373'];
  autolockOn = false;
  peerUnlockOn = false;
  freshness: AutolockDescription['freshness'] = 'linearizable';
  /** Waited for before a role changes. */
  settled: Promise<void> = Promise.resolve();
  /** What the next call is refused with. */
  refusal: Error | undefined;

  async describe(): Promise<ClusterDescription> {
    this.#refuse();
    const managers = this.members.filter(({ role }) => role === 'manager').length;
    return leaking({
      id: 'cluster1',
      createdAt_ms: CLUSTER_NOW_MS,
      managers,
      workers: this.members.length - managers,
      voters: managers,
      quorum: Math.floor(managers / 2) + 1,
      reachableVoters: this.members.filter(({ voter, status }) => voter && status === 'ready').length,
      leader: this.leader && leaking(this.leader),
      certificateLifetime_ms: this.lifetime_ms,
      revoked: 1,
      schedules: this.schedules && leaking(this.schedules),
      warnings: this.warnings,
    });
  }

  async nodes(): Promise<readonly NodeDescription[]> {
    this.#refuse();
    return this.members.map(leakingNode);
  }

  async node(reference: string): Promise<NodeReply> {
    this.#refuse();
    return this.#reply(this.#find(reference));
  }

  async setRole(reference: string, role: NodeRole, force: boolean): Promise<NodeReply> {
    this.calls.push(`setRole ${reference} ${role}${force ? ' force' : ''}`);
    await this.settled;
    this.#refuse();
    const changed = { ...this.#find(reference), role, voter: role === 'manager' };
    this.members = this.members.map((node) => (node.id === changed.id ? changed : node));
    return this.#reply(changed);
  }

  async remove(reference: string, force: boolean): Promise<NodeReply> {
    this.calls.push(`remove ${reference}${force ? ' force' : ''}`);
    this.#refuse();
    const found = this.#find(reference);
    if (!force && found.role === 'manager') {
      throw new CofferError('cluster.quorum', `node ${found.hostname} is a manager`, {
        hint: `Demote it first: docker coffer node demote ${found.hostname}`,
      });
    }
    this.members = this.members.filter(({ id }) => id !== found.id);
    return { ...this.#reply(found), grants: this.grantsOfRemoved };
  }

  async authority(): Promise<AuthorityDescription> {
    this.#refuse();
    const [first, ...later] = this.rotations;
    if (later.length > 0) {
      this.rotations = later;
    }
    return this.#authority(first);
  }

  async rotateAuthority(): Promise<AuthorityDescription> {
    this.calls.push('rotateAuthority');
    this.#refuse();
    return this.authority();
  }

  async setCertificateLifetime(lifetime_ms: number): Promise<ClusterDescription> {
    this.calls.push(`setCertificateLifetime ${lifetime_ms}`);
    this.#refuse();
    this.lifetime_ms = lifetime_ms;
    return this.describe();
  }

  tokens(): readonly TokenDescription[] {
    this.#refuse();
    return this.listed.map(leaking);
  }

  async createToken(wish: TokenWish): Promise<TokenReply> {
    this.calls.push(`createToken ${JSON.stringify(wish)}`);
    this.#refuse();
    const { role, ttl_ms = HOUR_MS, uses = 10 } = wish;
    const description = tokenOf('tok2', role, { expiresAt_ms: CLUSTER_NOW_MS + ttl_ms, usesLeft: uses });
    this.listed = [...(wish.rotate === true ? [] : this.listed), description];
    return leaking({ token: TOKEN, description: leaking(description), addresses: this.addresses });
  }

  async revokeToken(id: string): Promise<void> {
    this.calls.push(`revokeToken ${id}`);
    this.#refuse();
    this.listed = this.listed.filter((token) => token.id !== id);
  }

  /** What the data key's rotation tells, one answer after the other; undefined once it has ended. */
  dataKeyRotations: readonly (number | undefined)[] = [];
  dataKeyProblem: string | undefined;
  dataKeyTimes: { readonly madeAt_ms?: number; readonly nextAt_ms?: number; readonly still_ms?: number } = {};
  schedules: Schedules | undefined;
  /** How many managers have carried out the purge, one answer after the other; the last one stays. */
  purgesDone: readonly number[] = [0];
  purges = 0;

  /** How many go with the next node that is removed. */
  grantsOfRemoved: number | undefined;
  /** Those of a store of its own, unless a test puts others here. */
  grants: GrantAdmin = new LocalGrants({ store: new MemoryStore(), now_ms: () => CLUSTER_NOW_MS });

  /** Likewise. */
  policies: PolicyAdmin = new LocalPolicies({ store: new MemoryStore(), now_ms: () => CLUSTER_NOW_MS });

  readonly maintenance: MaintenanceAdmin = {
    purge: async () => {
      this.calls.push('purge');
      this.#refuse();
      this.purges += 1;
      return this.#purge();
    },
    purgeProgress: async () => {
      this.#refuse();
      return this.#purge();
    },
    setDataKeySchedule: async (every_ms) => {
      this.calls.push(`setDataKeySchedule ${every_ms}`);
      this.#refuse();
    },
    setBackupSchedule: async (wish: BackupSchedule | undefined) => {
      this.calls.push(`setBackupSchedule ${JSON.stringify(wish ?? 'off')}`);
      this.#refuse();
      this.schedules = { ...this.schedules, backup: wish };
    },
  };

  #purge(): PurgeDescription {
    const [done = 0, ...later] = this.purgesDone;
    this.purgesDone = later.length > 0 ? later : this.purgesDone;
    const managers = this.members.filter(({ role }) => role === 'manager');
    return leaking({
      version: this.purges,
      askedAt_ms: this.purges === 0 ? undefined : CLUSTER_NOW_MS,
      managers: managers.map(({ hostname, id, status }, place) =>
        leaking({ id, hostname, status, done: place < done }),
      ),
    });
  }

  readonly dataKey: DataKeyAdmin = {
    describe: () => {
      this.#refuse();
      const [resealed, ...later] = this.dataKeyRotations;
      this.dataKeyRotations = later;
      const rotation = resealed === undefined ? undefined : { resealed };
      return leaking({
        id: 'ab'.repeat(8),
        sealed: false,
        rotation,
        problem: this.dataKeyProblem,
        ...this.dataKeyTimes,
      });
    },
    rotate: () => {
      this.calls.push('data-key rotate');
      return this.dataKey.describe();
    },
  };

  /** What is known of the managers when a new cluster is to be forced. */
  survey: SurvivorSurvey = {
    managers: [],
    lastEntry: { term: 3, index: 40 },
    alone: false,
    refusal: undefined,
  };

  readonly survivors: SurvivorAdmin = {
    survey: async (wish) => {
      this.calls.push(`survey ${JSON.stringify(wish)}`);
      this.#refuse();
      return this.survey;
    },
  };

  readonly autolock: AutolockAdmin = {
    describe: async () => {
      this.#refuse();
      return this.#autolock();
    },
    set: async (enabled, peerUnlock) => {
      const peers = peerUnlock === undefined ? '' : ` peer unlock ${peerUnlock ? 'on' : 'off'}`;
      this.calls.push(`autolock ${enabled ? 'on' : 'off'}${peers}`);
      this.#refuse();
      this.autolockOn = enabled;
      this.peerUnlockOn = enabled && (peerUnlock ?? this.peerUnlockOn);
      return this.#autolock();
    },
    setPeerUnlock: async (enabled) => {
      this.calls.push(`peer unlock ${enabled ? 'on' : 'off'}`);
      this.#refuse();
      this.peerUnlockOn = enabled;
      return this.#autolock();
    },
    unlockKey: async (wish) => {
      this.calls.push(`unlockKey ${JSON.stringify(wish)}`);
      this.#refuse();
      const { shares } = wish;
      return leaking(
        shares === undefined
          ? { unlockKey: UNLOCK_KEY, freshness: this.freshness }
          : {
              freshness: this.freshness,
              shares: Array.from({ length: shares.count }, (_, index) => `COFFER-SHARE-1-${index + 1}`),
            },
      );
    },
  };

  #autolock(): AutolockDescription {
    return leaking({
      enabled: this.autolockOn,
      version: 1,
      sealedHere: this.autolockOn,
      peerUnlock: this.peerUnlockOn ? leaking({ managers: 3, known: 2, knownHere: true }) : undefined,
      freshness: this.freshness,
    });
  }

  #authority(rotation: AuthorityDescription['rotation']): AuthorityDescription {
    return leaking({
      digest: 'd1',
      certificates: `${ROOT_PEM}${LEAK}${ROOT_PEM}`,
      notAfter_ms: CLUSTER_NOW_MS + 7_300 * DAY_MS,
      rotation: rotation && leaking(rotation),
    });
  }

  #find(reference: string): NodeDescription {
    const found = this.members.find(({ id, hostname }) => id === reference || hostname === reference);
    if (found === undefined) {
      throw new CofferError('cluster.node-not-found', `node ${reference} not found`, {
        hint: 'List the nodes with: docker coffer node ls',
      });
    }
    return found;
  }

  #reply(node: NodeDescription): NodeReply {
    return leaking({ node: leakingNode(node), warnings: this.warnings });
  }

  #refuse(): void {
    const { refusal } = this;
    this.refusal = undefined;
    if (refusal !== undefined) {
      throw refusal;
    }
  }
}

export function tokenOf(id: string, role: NodeRole, over: Partial<TokenDescription> = {}): TokenDescription {
  const createdAt_ms = CLUSTER_NOW_MS;
  return { id, role, createdAt_ms, expiresAt_ms: createdAt_ms + HOUR_MS, usesLeft: 10, ...over };
}

function leaking<T extends object>(described: T): T {
  return { ...described, privateKey: LEAK, secretHash: LEAK };
}

function leakingNode(node: NodeDescription): NodeDescription {
  return leaking({ ...node, certificate: leaking(node.certificate) });
}

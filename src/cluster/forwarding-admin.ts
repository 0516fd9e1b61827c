// SPDX-License-Identifier: Apache-2.0
// The administration as any manager offers it: carried out here if this node leads, and by the leader otherwise.
import * as v from 'valibot';
import { CofferError, currentRequest, withDeadline } from '../common/index.ts';
import type {
  AuthorityDescription,
  AutolockAdmin,
  DataKeyAdmin,
  MaintenanceAdmin,
  ClusterAdmin,
  ClusterDescription,
  NodeDescription,
  NodeReply,
  NodeRole,
  TokenDescription,
  TokenReply,
  TokenWish,
} from './admin-model.ts';
import type { GrantAdmin } from './grant-model.ts';
import type { ManagerContact } from './identity.ts';
import type { LocalAdmin } from './local-admin.ts';
import type { MemberClient } from './member-client.ts';
import type { PolicyAdmin } from './policy-model.ts';
import { BODY, decodeBody, encodeBody } from './rpc-body.ts';
import type { SurvivorAdmin } from './survivor-model.ts';

/** A demotion waits until it has taken effect. */
const FORWARD_TIMEOUT_MS = 65_000;
/** What the leader is asked for in the place of this node: one that stands still is not waited for. */
const READ_TIMEOUT_MS = 2_000;
/** How long a leader is waited for. */
const LEADER_WAIT_MS = 5_000;
const LOOK_MS = 50;
/** A node whose connections were cut asks the others why: it knows soon whether it has left. */
const LEFT_WAIT_MS = 5_000;

const text = v.pipe(v.string(), v.maxLength(512));
const role = v.picklist(['manager', 'worker'] as const);

/** What other managers may have the leader do, and with what. */
const FORWARDED = {
  describe: v.strictTuple([]),
  nodes: v.strictTuple([]),
  node: v.strictTuple([text]),
  setRole: v.strictTuple([text, role, v.boolean()]),
  remove: v.strictTuple([text, v.boolean()]),
  rotateAuthority: v.strictTuple([]),
  authority: v.strictTuple([]),
  /** For a manager that has lost its state, and is to be one again. */
  createToken: v.strictTuple([
    v.strictObject({
      role: v.literal('manager'),
      uses: v.literal(1),
      ttl_ms: v.pipe(v.number(), v.safeInteger(), v.minValue(60_000), v.maxValue(3_600_000)),
    }),
  ]),
} as const;

export interface ForwardingAdminOptions {
  readonly local: LocalAdmin;
  readonly autolock: AutolockAdmin;
  readonly dataKey: DataKeyAdmin;
  readonly survivors: SurvivorAdmin;
  readonly maintenance: MaintenanceAdmin;
  readonly grants: GrantAdmin;
  readonly policies: PolicyAdmin;
  readonly client: MemberClient;
  /** This node's id. */
  readonly nodeId: string;
  /** The leader, if one is known. */
  readonly leader: () => ManagerContact | undefined;
  /** Resolves when this node is a manager no longer. */
  readonly left: Promise<void>;
  /** Default: the process's own. */
  readonly monotonic_ms?: () => number;
}

/** See `ClusterAdmin`. */
export class ForwardingAdmin implements ClusterAdmin {
  readonly #options: ForwardingAdminOptions;

  constructor(options: ForwardingAdminOptions) {
    this.#options = options;
  }

  get dataKey(): DataKeyAdmin {
    return this.#options.dataKey;
  }

  /** Never forwarded: it is for when nobody leads. */
  get survivors(): SurvivorAdmin {
    return this.#options.survivors;
  }

  get maintenance(): MaintenanceAdmin {
    return this.#options.maintenance;
  }

  get grants(): GrantAdmin {
    return this.#options.grants;
  }

  get policies(): PolicyAdmin {
    return this.#options.policies;
  }

  get autolock(): AutolockAdmin {
    return this.#options.autolock;
  }

  /** Without a leader this node says what it knows. */
  async describe(): Promise<ClusterDescription> {
    return this.#atLeaderOrHere('describe', [], () => this.#options.local.describe());
  }

  async nodes(): Promise<readonly NodeDescription[]> {
    const nodes = await this.#atLeaderOrHere('nodes', [], () => this.#options.local.nodes());
    return nodes.map((node) => this.#asSeenHere(node));
  }

  async node(reference: string): Promise<NodeReply> {
    const reply = await this.#atLeaderOrHere('node', [reference], () => this.#options.local.node(reference));
    return { ...reply, node: this.#asSeenHere(reply.node) };
  }

  async setRole(reference: string, newRole: NodeRole, force: boolean): Promise<NodeReply> {
    const change = (): Promise<NodeReply> =>
      this.#atLeader('setRole', [reference, newRole, force], (local) =>
        local.setRole(reference, newRole, force),
      );
    return newRole === 'manager' ? change() : this.#leaving(reference, asWorker, change);
  }

  async remove(reference: string, force: boolean): Promise<NodeReply> {
    return this.#leaving(
      reference,
      (before) => before,
      () => this.#atLeader('remove', [reference, force], (local) => local.remove(reference, force)),
    );
  }

  async authority(): Promise<AuthorityDescription> {
    return this.#atLeaderOrHere('authority', [], () => this.#options.local.authority());
  }

  async rotateAuthority(): Promise<AuthorityDescription> {
    return this.#atLeader('rotateAuthority', [], (local) => local.rotateAuthority());
  }

  setCertificateLifetime(lifetime_ms: number): Promise<ClusterDescription> {
    return this.#options.local.setCertificateLifetime(lifetime_ms);
  }

  tokens(): readonly TokenDescription[] {
    return this.#options.local.tokens();
  }

  createToken(wish: TokenWish): Promise<TokenReply> {
    return this.#options.local.createToken(wish);
  }

  revokeToken(id: string): Promise<void> {
    return this.#options.local.revokeToken(id);
  }

  /** What another manager has forwarded. Throws `store.unavailable` if this node does not lead. */
  async administer(call: string, given: readonly unknown[]): Promise<unknown> {
    const { leader, local, nodeId } = this.#options;
    if (leader()?.nodeId !== nodeId) {
      throw new CofferError('store.unavailable', 'this manager does not lead any longer', {
        hint: 'Try again.',
      });
    }
    switch (call) {
      case 'describe':
        this.#checked('describe', given);
        return local.describe();
      case 'nodes':
        this.#checked('nodes', given);
        return local.nodes();
      case 'node':
        return local.node(...this.#checked('node', given));
      case 'setRole':
        return this.setRole(...this.#checked('setRole', given));
      case 'remove':
        return this.remove(...this.#checked('remove', given));
      case 'rotateAuthority':
        this.#checked('rotateAuthority', given);
        return local.rotateAuthority();
      case 'authority':
        this.#checked('authority', given);
        return local.authority();
      case 'createToken':
        return local.createToken(...this.#checked('createToken', given));
      default:
        throw new CofferError('request.not-found', 'the leader does not know this call');
    }
  }

  #checked<Call extends keyof typeof FORWARDED>(
    call: Call,
    given: readonly unknown[],
  ): v.InferOutput<(typeof FORWARDED)[Call]> {
    const parsed = v.safeParse(FORWARDED[call], given);
    if (!parsed.success) {
      throw new CofferError(
        'request.invalid',
        'another manager has sent what this version does not understand',
      );
    }
    return parsed.output;
  }

  async #atLeaderOrHere<T>(call: string, given: readonly unknown[], here: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#atLeader(call, given, here, READ_TIMEOUT_MS);
    } catch (thrown) {
      const { code } = CofferError.from(thrown);
      if (code === 'store.unavailable' || code.startsWith('transport.')) {
        return here();
      }
      throw thrown;
    }
  }

  async #atLeader<T>(
    call: string,
    given: readonly unknown[],
    here: (local: LocalAdmin) => T | Promise<T>,
    timeout_ms = FORWARD_TIMEOUT_MS,
  ): Promise<T> {
    const { client, local, nodeId } = this.#options;
    const leader = await this.#knownLeader();
    if (leader.nodeId === nodeId) {
      return here(local);
    }
    const body = encodeBody(BODY.admin, { call, arguments: [...given], request: currentRequest() });
    const reply = await client.call(leader, 'admin', body, timeout_ms);
    // A manager of this cluster, by its certificate: what it says is taken as it is.
    return decodeBody(BODY.adminReply, reply).result as T;
  }

  /** After some changes this node is no manager, and nobody is left here who could see that they have taken effect. */
  async #leaving(
    reference: string,
    after: (before: NodeDescription) => NodeDescription,
    change: () => Promise<NodeReply>,
  ): Promise<NodeReply> {
    const { local, left } = this.#options;
    const before = await ownNode(local, reference);
    if (before === undefined) {
      return change();
    }
    const gone = left.then((): NodeReply => ({ node: after(before), warnings: [] }));
    try {
      return await Promise.race([change(), gone]);
    } catch (thrown) {
      const { code, detail } = CofferError.from(thrown);
      if (code !== 'store.closed' && !code.startsWith('transport.')) {
        throw thrown;
      }
      return withDeadline(gone, LEFT_WAIT_MS, code, detail);
    }
  }

  async #knownLeader(): Promise<ManagerContact> {
    const { monotonic_ms = () => performance.now() } = this.#options;
    // By the clock: on a busy machine each look comes late.
    const deadline_ms = monotonic_ms() + LEADER_WAIT_MS;
    for (;;) {
      const leader = this.#options.leader();
      if (leader !== undefined) {
        return leader;
      }
      if (monotonic_ms() >= deadline_ms) {
        throw new CofferError('store.unavailable', 'the cluster has no leader now', {
          hint: 'See that most managers are up: docker coffer node ls.',
        });
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #asSeenHere(node: NodeDescription): NodeDescription {
    return { ...node, self: node.id === this.#options.nodeId };
  }
}

/** This node, if the reference means it. */
async function ownNode(local: LocalAdmin, reference: string): Promise<NodeDescription | undefined> {
  try {
    const { node } = await local.node(reference);
    return node.self ? node : undefined;
  } catch {
    // The leader may know it, and says so if it does not.
    return undefined;
  }
}

function asWorker(before: NodeDescription): NodeDescription {
  return { ...before, role: 'worker', leader: false, voter: false, address: '', matchIndex: undefined };
}

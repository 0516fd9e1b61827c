// SPDX-License-Identifier: Apache-2.0
// What a manager answers to the nodes of its cluster. A node is known by its certificate alone: no call names another one.
import { CofferError, type Logger, RequestContext, TokenBuckets } from '../common/index.ts';
import type { NodeObject } from '../membership/index.ts';
import { publicKeyOfRequest } from '../pki/index.ts';
import type { SecretStore } from '../store/index.ts';
import type { CallContext, RpcMethod } from '../transport/index.ts';
import { chainOf, issueFor, requireAuthority, rootsOf } from './certificates.ts';
import { isDescribedAs, managerContacts } from './contacts.ts';
import { encodeReport } from './manager-reports.ts';
import { removedNode } from './node-refusals.ts';
import type { ManagerReport } from './report-model.ts';
import { BODY, decodeBody, encodeBody, type Hello } from './rpc-body.ts';
import type { LastEntry } from './survivor-model.ts';

/** A node that says hello does not wait for a quorum that is not there. */
const DESCRIBE_TIMEOUT_MS = 2_000;
const RENEWAL_BURST = 5;
const RENEWAL_REFILL_MS = 10_000;
const HELLO_BURST = 20;
const HELLO_REFILL_MS = 500;

export interface MemberServiceOptions {
  readonly clusterId: string;
  /** Throws while this node is no manager that serves. */
  readonly store: () => SecretStore;
  /** The leader's node id; empty while none is known. */
  readonly leader: () => string;
  /** Where the log of this manager ends. */
  readonly lastEntry: () => LastEntry;
  /** A call of the administration, to be carried out here. */
  readonly administer: (call: string, arguments_: readonly unknown[], origin: string) => Promise<unknown>;
  /** What this manager has refused, and how it is. */
  readonly report: () => ManagerReport;
  /** A node was heard from, with a certificate for this key, and says that it is reached there. */
  readonly onContact: (nodeId: string, address: string, publicKeyFingerprint: string) => void;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

/** The methods of `PROTOCOL.member` on a manager. */
export class MemberService {
  readonly #options: MemberServiceOptions;
  readonly #renewals: TokenBuckets;
  readonly #hellos: TokenBuckets;
  /** Nodes that claim the engine of another one. */
  readonly #contested = new Set<string>();

  constructor(options: MemberServiceOptions) {
    this.#options = options;
    const { now_ms } = options;
    this.#renewals = new TokenBuckets({ burst: RENEWAL_BURST, refill_ms: RENEWAL_REFILL_MS, now_ms });
    this.#hellos = new TokenBuckets({ burst: HELLO_BURST, refill_ms: HELLO_REFILL_MS, now_ms });
  }

  readonly methods: Readonly<Record<string, RpcMethod>> = {
    hello: async (body, context) => {
      const node = this.#callerOf(context);
      this.#hellos.take(node.id, 'greetings of this node');
      const said = decodeBody(BODY.hello, body);
      this.#options.onContact(node.id, said.address, context.peer?.publicKeyFingerprint ?? '');
      await this.#describe(node, said);
      return this.#welcome(node.id);
    },
    renew: async (body, context) => {
      const node = this.#callerOf(context);
      this.#renewals.take(node.id, 'renewals of this node');
      return this.#renew(node, decodeBody(BODY.renew, body).request);
    },
    admin: async (body, context) => {
      const node = this.#managerOf(context, 'only managers administer the cluster');
      const { call, arguments: arguments_, request } = decodeBody(BODY.admin, body);
      const { administer, logger } = this.#options;
      const forwarded = new RequestContext(request);
      try {
        const result = await forwarded.run(() => {
          logger.debug('another manager has this one administer the cluster', { call, node: node.id });
          return administer(call, arguments_, node.id);
        });
        return encodeBody(BODY.adminReply, { result });
      } finally {
        forwarded.end();
      }
    },
    /** Asked by a manager that looks for those that survive: it needs neither a leader nor a majority. */
    position: async (body, context) => {
      this.#managerOf(context, 'only managers are told how far the log is');
      decodeBody(BODY.nothing, body);
      return encodeBody(BODY.position, this.#options.lastEntry());
    },
    report: async (body, context) => {
      this.#managerOf(context, 'only managers are told what others were refused');
      decodeBody(BODY.nothing, body);
      return encodeReport(this.#options.report());
    },
  };

  /** Both: a demoted manager still has its old certificate, and a promoted worker has not shown its new one. */
  #managerOf(context: CallContext, sentence: string): NodeObject {
    const node = this.#callerOf(context);
    if (context.peer?.role !== 'manager' || node.role !== 'manager') {
      throw new CofferError('cluster.role', sentence);
    }
    return node;
  }

  #callerOf({ peer }: CallContext): NodeObject {
    const { cluster } = this.#options.store();
    const node = peer === undefined ? undefined : cluster.node(peer.nodeId);
    if (node === undefined) {
      throw removedNode(peer?.nodeId ?? 'unknown');
    }
    return node;
  }

  async #describe(node: NodeObject, { hostname, address, ...said }: Hello): Promise<void> {
    const engineNodeId = said.engineNodeId ?? node.engineNodeId;
    const place = node.role === 'manager' ? address : '';
    const { cluster } = this.#options.store();
    this.#noteClaim(node, cluster.nodeByEngine(engineNodeId));
    if (isDescribedAs(cluster, node, { hostname, address: place, engineNodeId })) {
      return;
    }
    try {
      await this.#options
        .store()
        .propose(
          { kind: 'describe-node', nodeId: node.id, hostname, address: place, engineNodeId },
          { timeout_ms: DESCRIBE_TIMEOUT_MS },
        );
    } catch (thrown) {
      // It will say it again.
      this.#options.logger.debug('what a node says of itself was not written down', {
        node: node.id,
        reason: CofferError.from(thrown).message,
      });
    }
  }

  /** Says once that a node is not believed to be beside an engine. */
  #noteClaim({ id, hostname }: NodeObject, first: NodeObject | undefined): void {
    if (first === undefined || first.id === id) {
      this.#contested.delete(id);
    } else if (!this.#contested.has(id)) {
      this.#contested.add(id);
      this.#options.logger.warn(
        'a node says that it is beside an engine where another one is; it is given nothing for tasks of the swarm',
        {
          node: id,
          hostname,
          other: first.id,
          mend: `docker coffer node rm ${first.id}, if that one is gone`,
        },
      );
    }
  }

  #welcome(nodeId: string): Buffer {
    const { leader, store } = this.#options;
    const { cluster } = store();
    const authority = requireAuthority(cluster);
    const node = cluster.node(nodeId);
    if (node === undefined) {
      throw removedNode(nodeId);
    }
    return encodeBody(BODY.welcome, {
      role: node.role,
      raftId: node.raftId,
      roots: [...rootsOf(authority)],
      managers: [...managerContacts(cluster)],
      leader: leader(),
    });
  }

  async #renew({ id, role }: NodeObject, request: string): Promise<Buffer> {
    const { clusterId, now_ms, store } = this.#options;
    const publicKey = publicKeyOfRequest(request);
    const { cluster } = store();
    const authority = requireAuthority(cluster);
    const certificate = issueFor(cluster, { nodeId: id, role, clusterId }, publicKey, now_ms());
    await store().propose({ kind: 'renew-certificate', nodeId: id, role, certificate });
    // Before, this manager might not have heard yet that the node was made another one.
    const node = cluster.node(id);
    if (node?.role !== role) {
      throw node === undefined
        ? removedNode(id)
        : new CofferError('cluster.role', `node ${id} is a ${node.role} now`);
    }
    return encodeBody(BODY.identity, {
      clusterId,
      nodeId: id,
      role,
      raftId: node.raftId,
      certificates: [...chainOf(authority, certificate)],
      roots: [...rootsOf(authority)],
      managers: [...managerContacts(cluster)],
    });
  }
}

// SPDX-License-Identifier: Apache-2.0
// The calls of this node to its managers, to the one that answers.
import { CofferError } from '../common/index.ts';
import { type CredentialsSource, RpcClient } from '../transport/index.ts';
import { PROTOCOL } from './authorize.ts';
import type { ManagerContact } from './identity.ts';

const CALL_TIMEOUT_MS = 10_000;
/** A manager that stands still must not keep a node long from asking the next one. Greetings are answered within 2 s. */
export const HELLO_TIMEOUT_MS = 3_000;

export interface CallAnyOptions {
  /** The node id of the manager that is asked before the others. */
  readonly first?: string;
  /** Of the call to each of them. Default: 10,000. */
  readonly timeout_ms?: number;
}

export interface MemberClientOptions {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly credentials: CredentialsSource;
  readonly managers: () => readonly ManagerContact[];
}

/** A connection, and how many wait for an answer over it. */
interface Line {
  readonly address: string;
  readonly client: RpcClient;
  calls: number;
  /** No new call is made over it: it is closed after the last answer. */
  retired: boolean;
}

/** Keeps one connection to each manager that was called. */
export class MemberClient {
  readonly #options: MemberClientOptions;
  readonly #lines = new Map<string, Line>();
  /** Those of them, and those that are retired, over which a call is under way. */
  readonly #busy = new Set<Line>();

  constructor(options: MemberClientOptions) {
    this.#options = options;
  }

  /** One call to one manager. Rejects as `RpcClient.call` does. */
  async call(
    manager: ManagerContact,
    method: string,
    body: Buffer,
    timeout_ms = CALL_TIMEOUT_MS,
  ): Promise<Buffer> {
    const line = this.#lineTo(manager);
    line.calls += 1;
    this.#busy.add(line);
    try {
      return await line.client.call(method, body, { timeout_ms });
    } finally {
      line.calls -= 1;
      if (line.calls === 0) {
        this.#busy.delete(line);
        if (line.retired) {
          line.client.close();
        }
      }
    }
  }

  /**
   * To `first`, if it is one of them, then to the others in turn, until one answers. Rejects with `cluster.node-removed` as
   * soon as one of them says so, which no other can know better; else with the last refusal, or with `store.unavailable`
   * if there is nobody to call.
   */
  async callAny(
    method: string,
    body: Buffer,
    { first = '', timeout_ms = CALL_TIMEOUT_MS }: CallAnyOptions = {},
  ): Promise<Buffer> {
    const { managers, nodeId } = this.#options;
    const others = managers().filter((manager) => manager.nodeId !== nodeId);
    const inOrder = [
      ...others.filter((manager) => manager.nodeId === first),
      ...others.filter((manager) => manager.nodeId !== first),
    ];
    let problem = new CofferError('store.unavailable', 'there is no other manager to call');
    for (const manager of inOrder) {
      try {
        return await this.call(manager, method, Buffer.from(body), timeout_ms);
      } catch (thrown) {
        problem = CofferError.from(thrown);
        if (problem.code === 'cluster.node-removed') {
          break;
        }
      }
    }
    throw problem;
  }

  /** Further calls are made over new connections, with the credentials as they are now; those under way are answered. */
  reset(): void {
    this.#lines.forEach(retire);
    this.#lines.clear();
  }

  /** Cuts all connections, and the calls under way with them. */
  close(): void {
    this.reset();
    this.#busy.forEach(({ client }) => client.close());
  }

  #lineTo({ address, nodeId }: ManagerContact): Line {
    const known = this.#lines.get(nodeId);
    if (known !== undefined && known.address === address) {
      return known;
    }
    if (known !== undefined) {
      retire(known);
    }
    const { clusterId, credentials } = this.#options;
    const client = new RpcClient({
      address: () => address,
      protocol: PROTOCOL.member,
      credentials,
      verification: { kind: 'member', expect: { nodeId, clusterId, role: 'manager' } },
    });
    const line = { address, client, calls: 0, retired: false };
    this.#lines.set(nodeId, line);
    return line;
  }
}

function retire(line: Line): void {
  line.retired = true;
  if (line.calls === 0) {
    line.client.close();
  }
}

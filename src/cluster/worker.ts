// SPDX-License-Identifier: Apache-2.0
// A node while it is a worker: it says hello, and hears what it should be and whom it should trust.
import { hostname } from 'node:os';
import { CofferError, type Logger } from '../common/index.ts';
import { authorityKeyId } from '../pki/index.ts';
import { certificateOf, type ManagerContact } from './identity.ts';
import { renewThrough } from './join.ts';
import { HELLO_TIMEOUT_MS, MemberClient } from './member-client.ts';
import type { OwnIdentity } from './own-identity.ts';
import { Renewal } from './renewal.ts';
import { BODY, decodeBody, encodeBody, type Welcome } from './rpc-body.ts';

const HELLO_MS = 3_000;

export interface WorkerOptions {
  readonly own: OwnIdentity;
  /** Where the managers would reach this node, if it were one of them. */
  readonly address: () => string;
  /** Undefined while the engine has not said it. */
  readonly engineNodeId: () => string | undefined;
  /** This node is a manager from now on, and has the certificate for it. */
  readonly onPromoted: () => void;
  readonly onRemoved: (reason: CofferError) => void;
  readonly now_ms: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
}

export class Worker {
  readonly #options: WorkerOptions;
  readonly #client: MemberClient;
  readonly #renewal: Renewal;
  #timer: NodeJS.Timeout | undefined;
  #leader = '';
  #outdated = false;
  #problem: CofferError | undefined;
  #stopped = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { logger, now_ms, own, random } = options;
    const { clusterId, nodeId } = own.current;
    this.#client = new MemberClient({
      clusterId,
      nodeId,
      credentials: own.credentials,
      managers: () => own.current.managers,
    });
    this.#renewal = new Renewal({
      identity: () => own.current,
      isOutdated: () => this.#outdated,
      renew: () => this.#renew(),
      now_ms,
      random,
      logger,
    });
  }

  /** Why no manager has answered of late; undefined if one has. */
  get problem(): CofferError | undefined {
    return this.#problem;
  }

  /** All managers, as this node was told last. */
  managers(): readonly ManagerContact[] {
    return this.#options.own.current.managers;
  }

  /** The one that leads, as this node was told last. */
  leader(): ManagerContact | undefined {
    return this.managers().find(({ nodeId }) => nodeId === this.#leader);
  }

  start(): void {
    this.#renewal.start();
    void this.#hello();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#renewal.stop();
    this.#client.close();
  }

  async #hello(): Promise<void> {
    const { address, engineNodeId, logger, onRemoved, random } = this.#options;
    try {
      const said = { hostname: hostname(), address: address(), engineNodeId: engineNodeId() };
      const reply = await this.#client.callAny('hello', encodeBody(BODY.hello, said), {
        first: this.#leader,
        timeout_ms: HELLO_TIMEOUT_MS,
      });
      this.#problem = undefined;
      await this.#take(decodeBody(BODY.welcome, reply));
    } catch (thrown) {
      const error = CofferError.from(thrown);
      if (this.#problem?.code !== error.code) {
        logger.warn('no manager has answered this worker', { reason: error.message });
      }
      this.#problem = error;
      if (error.code === 'cluster.node-removed') {
        onRemoved(error);
        return;
      }
    }
    if (!this.#stopped) {
      this.#timer = setTimeout(() => void this.#hello(), HELLO_MS * (0.75 + random() / 2)).unref();
    }
  }

  async #take({ leader, managers, role, roots }: Welcome): Promise<void> {
    const { own } = this.#options;
    const { current } = own;
    this.#leader = leader;
    const same = JSON.stringify([current.roots, current.managers]) === JSON.stringify([roots, managers]);
    if (!same) {
      await own.update({ roots, managers });
    }
    const issuer = authorityKeyId(roots[0] ?? '');
    this.#outdated = role !== current.role || certificateOf(current).issuerKeyId !== issuer;
    this.#renewal.wake();
  }

  async #renew(): Promise<void> {
    const { now_ms, onPromoted, own } = this.#options;
    const { roots: trusted } = own.current;
    await own.update(await renewThrough({ client: this.#client, trusted, now_ms, first: this.#leader }));
    this.#client.reset();
    this.#outdated = false;
    if (own.current.role === 'manager') {
      onPromoted();
    }
  }
}

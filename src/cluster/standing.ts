// SPDX-License-Identifier: Apache-2.0
// A manager that others refuse, or that finds itself a worker in the state, asks what it is, and becomes that.
import { CofferError, type Logger } from '../common/index.ts';
import { renewThrough } from './join.ts';
import { HELLO_TIMEOUT_MS, type MemberClient } from './member-client.ts';
import type { OwnIdentity } from './own-identity.ts';
import { BODY, decodeBody, encodeBody, type Hello } from './rpc-body.ts';

/** The refusals after which a manager may be none any longer, or another one in the log. */
const DOUBTS: ReadonlySet<string> = new Set(['cluster.role', 'cluster.node-removed', 'raft.message-invalid']);

export interface StandingOptions {
  readonly own: OwnIdentity;
  readonly client: MemberClient;
  /** What this node says of itself. */
  readonly description: () => Hello;
  readonly onDemoted: () => void;
  /** This node is a manager under another id in the log. */
  readonly onReplaced: () => void;
  readonly onRemoved: (reason: CofferError) => void;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

export class Standing {
  readonly #options: StandingOptions;
  #asking = false;
  /** Somebody has refused this node, and nobody has said since that it is a manager: it asks until it knows. */
  #doubted = false;
  #doubter = '';
  #stopped = false;

  constructor(options: StandingOptions) {
    this.#options = options;
  }

  /**
   * Another manager, the node of that id, has refused this one. It may have been removed or demoted while it was away. That
   * manager is asked before the others, who may have been away as well, and know as little.
   */
  refused(reason: CofferError, nodeId: string): void {
    if (DOUBTS.has(reason.code)) {
      this.#doubted = true;
      this.#doubter = nodeId;
      this.ask();
    }
  }

  /** Time has passed: asks again while there is a doubt. */
  askIfDoubted(): void {
    if (this.#doubted) {
      this.ask();
    }
  }

  /** Asks the other managers what this node is. */
  ask(): void {
    if (!this.#asking && !this.#stopped) {
      this.#asking = true;
      void this.#ask().finally(() => {
        this.#asking = false;
      });
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  async #ask(): Promise<void> {
    const { client, description, logger, onRemoved, own } = this.#options;
    try {
      const body = encodeBody(BODY.hello, description());
      const reply = await client.callAny('hello', body, {
        first: this.#doubter,
        timeout_ms: HELLO_TIMEOUT_MS,
      });
      const { raftId, role } = decodeBody(BODY.welcome, reply);
      this.#doubted = role === 'worker' || raftId !== own.current.raftId;
      if (this.#doubted) {
        await this.#takeRole();
      }
    } catch (thrown) {
      const error = CofferError.from(thrown);
      logger.info('the other managers were asked what this node is', { answer: error.message });
      if (error.code === 'cluster.node-removed') {
        onRemoved(removedMeanwhile(error));
      }
    }
  }

  /** What a manager says may be old; a certificate goes through the log. The store is of no use any more: it goes. */
  async #takeRole(): Promise<void> {
    const { client, now_ms, onDemoted, onReplaced, own } = this.#options;
    const identity = await renewThrough({ client, trusted: own.current.roots, now_ms });
    if (identity.role === 'worker') {
      await own.update({ ...identity, storeMade: true });
      onDemoted();
    } else if (identity.raftId !== own.current.raftId) {
      await own.update(identity);
      onReplaced();
    }
  }
}

/** Whoever looks at this node has to learn how that can be: nobody has typed anything here. */
function removedMeanwhile({ code, detail, hint }: CofferError): CofferError {
  return new CofferError(
    code,
    `${detail}, as another manager says: by docker coffer node rm, or because a new cluster was forced there while this one was away`,
    hint === undefined ? {} : { hint },
  );
}

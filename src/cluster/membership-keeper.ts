// SPDX-License-Identifier: Apache-2.0
// The leader's work on the log's configuration: it follows the nodes of the state, one step at a time.
import { CofferError, type Logger } from '../common/index.ts';
import type { ClusterView, NodeObject } from '../membership/index.ts';
import type { AnyConfChange, ConfChangeType, ConfState, NodeId, Progress } from '../raft/index.ts';
import type { Replica, SecretStore } from '../store/index.ts';

/** A learner this close to the leader's log has caught up. */
const CAUGHT_UP_ENTRIES = 256;
const STEP_MS = 500;
const EMPTY = Buffer.alloc(0);

/** What is to be done next. */
export type Step =
  | { readonly kind: 'change'; readonly change: ConfChangeType; readonly raftId: NodeId }
  /** The manager has left the log: what it is to be comes into effect. */
  | { readonly kind: 'retired'; readonly node: NodeObject };

export interface Situation {
  readonly view: ClusterView;
  readonly confState: ConfState;
  readonly removed: ReadonlySet<NodeId>;
  readonly lastIndex: number;
  /** What the leader knows of the others' logs. */
  readonly progress: ReadonlyMap<NodeId, Pick<Progress, 'match' | 'recentActive'>>;
}

/** Pure: the one step that comes next, or undefined if the configuration is as the nodes are. */
export function nextStep({ view, confState, removed, lastIndex, progress }: Situation): Step | undefined {
  if (view.authority === undefined || confState.votersOutgoing.length > 0) {
    return undefined;
  }
  const { voters, learners } = confState;
  const members = new Set([...voters, ...learners]);
  const managers = view.nodes().filter(({ raftId }) => raftId !== 0);
  const staying = managers.filter(({ leaving, raftId }) => leaving === 'no' && !removed.has(raftId));
  // Those that are to vote come before those that are to go: a quorum is best kept that way.
  const caughtUp = staying.find(({ raftId }) => {
    const peer = progress.get(raftId);
    return (
      learners.includes(raftId) &&
      peer !== undefined &&
      peer.recentActive &&
      // It has answered once: a new member is taken for active before.
      peer.match > 0 &&
      peer.match + CAUGHT_UP_ENTRIES >= lastIndex
    );
  });
  if (caughtUp !== undefined) {
    return { kind: 'change', change: 'ConfChangeAddNode', raftId: caughtUp.raftId };
  }
  const known = new Map(managers.map((node) => [node.raftId, node]));
  // The last voter stays until there is another.
  const free = [...members].filter((raftId) => voters.length > 1 || !voters.includes(raftId));
  const leaver = free.find((raftId) => (known.get(raftId)?.leaving ?? 'removed') !== 'no');
  if (leaver !== undefined) {
    return { kind: 'change', change: 'ConfChangeRemoveNode', raftId: leaver };
  }
  const retired = managers.find(({ leaving, raftId }) => leaving !== 'no' && !members.has(raftId));
  if (retired !== undefined) {
    return { kind: 'retired', node: retired };
  }
  // Taken out of the log by force: nobody has asked it to leave.
  const lost = managers.find(({ raftId }) => removed.has(raftId));
  if (lost !== undefined) {
    return { kind: 'retired', node: lost };
  }
  const newcomer = staying.find(({ raftId }) => !members.has(raftId));
  return newcomer === undefined
    ? undefined
    : { kind: 'change', change: 'ConfChangeAddLearnerNode', raftId: newcomer.raftId };
}

export interface MembershipKeeperOptions {
  readonly replica: Replica;
  readonly store: SecretStore;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

/** Takes the steps while this node leads. */
export class MembershipKeeper {
  readonly #options: MembershipKeeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #stopped = false;

  constructor(options: MembershipKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#run(), STEP_MS).unref();
    void this.#run();
  }

  /** Something has changed: there may be a step to take. */
  wake(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  async #run(): Promise<void> {
    if (this.#running) {
      return;
    }
    this.#running = true;
    try {
      for (let step = this.#next(); step !== undefined; step = this.#next()) {
        await this.#take(step);
      }
    } catch (thrown) {
      // Leadership has moved, or a change was under way: the next turn looks again.
      this.#options.logger.debug('a membership change was put off', {
        reason: CofferError.from(thrown).message,
      });
    } finally {
      this.#running = false;
    }
  }

  #next(): Step | undefined {
    const { replica } = this.#options;
    if (this.#stopped || replica.ended !== undefined || replica.leader !== replica.identity.raftId) {
      return undefined;
    }
    const { lastIndex, progress } = replica.status();
    const { state } = replica;
    return nextStep({
      view: state.index.cluster,
      confState: state.confState,
      removed: state.removedNodes,
      lastIndex,
      progress,
    });
  }

  async #take(step: Step): Promise<void> {
    const { logger, now_ms, replica, store } = this.#options;
    if (step.kind === 'change') {
      const { change: type, raftId } = step;
      const change: AnyConfChange = { kind: 'v1', type, nodeId: raftId, context: EMPTY };
      await replica.proposeConfChange(change);
      logger.info('the membership has changed', { change: type, node: nameOf(store.cluster, raftId) });
      return;
    }
    const { id: nodeId, leaving } = step.node;
    await store.propose(
      leaving === 'demoted'
        ? { kind: 'set-role', nodeId, role: 'worker', raftId: 0 }
        : { kind: 'remove-node', nodeId, at_ms: now_ms() },
    );
    logger.info(leaving === 'demoted' ? 'a manager was made a worker' : 'a manager was removed', {
      node: nodeId,
    });
  }
}

function nameOf(view: ClusterView, raftId: NodeId): string {
  return view.nodeByRaftId(raftId)?.id ?? raftId.toString(16);
}

// SPDX-License-Identifier: Apache-2.0
// The way back from a lost quorum: one survivor goes on alone, with all that its log holds (after etcd's force-new-cluster).
import { CofferError } from '../../common/index.ts';
import {
  type AnyConfChange,
  type ConfState,
  decodeConfChange,
  encodeConfChange,
  type Entry,
  type HardState,
  type NodeId,
  NONE,
  type RawNode,
} from '../../raft/index.ts';
import type { RaftLog } from '../../storage/index.ts';
import { removedNodeError, removedWith } from '../state/removed-nodes.ts';

export interface SurvivorOptions {
  readonly id: NodeId;
  readonly log: Pick<RaftLog, 'last' | 'entries'>;
  readonly hardState: HardState;
  readonly appliedIndex: number;
  readonly confState: ConfState;
  readonly removedNodes: ReadonlySet<NodeId>;
  /** A core of its own, set up as of `appliedIndex`; it is of no use afterwards. */
  readonly node: Pick<RawNode, 'applyConfChange'>;
}

/** The term and the index of a log's last entry. */
export interface LogEnd {
  readonly term: number;
  readonly index: number;
}

/** What is to be written for a node to be the only voter from its next start on. */
export interface Survival {
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

const EMPTY = Buffer.alloc(0);
const READ_BYTES = 4 * 1024 * 1024;

/**
 * Takes all of the log for committed, since what the lost majority had acknowledged may stand there without this node
 * knowing it, and takes the others out of the configuration behind it. Undefined if the node is alone already.
 */
export function soleSurvivor(options: SurvivorOptions): Survival | undefined {
  const { hardState, id, log } = options;
  const confState = lastConfState(options);
  const changes = changesToAlone(confState, id);
  if (changes.length === 0) {
    return undefined;
  }
  const term = Math.max(hardState.term, log.last.term) + 1;
  const entries = changes.map((change, place): Entry => {
    const type = change.kind === 'v1' ? 'EntryConfChange' : 'EntryConfChangeV2';
    return { index: log.last.index + 1 + place, term, type, data: encodeConfChange(change) };
  });
  return { entries, hardState: { term, vote: NONE, commit: log.last.index + entries.length } };
}

/** Throws `cluster.survivor` unless this very log was meant. */
export function checkLogEnd(meant: LogEnd, { index, term }: LogEnd): void {
  if (meant.index !== index || meant.term !== term) {
    throw new CofferError(
      'cluster.survivor',
      `a new cluster was to be forced from a log that ends with entry ${meant.term}.${meant.index}, and this one ends with entry ${term}.${index}`,
      { hint: 'It has gone on meanwhile. See how the cluster is: docker coffer node ls' },
    );
  }
}

/** The configuration at the end of the log. */
function lastConfState({ appliedIndex, confState, log, node, removedNodes }: SurvivorOptions): ConfState {
  let [current, removed] = [confState, removedNodes];
  for (let next = appliedIndex + 1; next <= log.last.index; ) {
    const entries = log.entries(next, log.last.index + 1, READ_BYTES);
    for (const { type, data } of entries) {
      if (type !== 'EntryNormal') {
        const change = decodeConfChange(type, data);
        if (removedNodeError(removed, change) === undefined) {
          const after = node.applyConfChange(change);
          removed = removedWith(removed, current, after);
          current = after;
        }
      }
    }
    next += entries.length;
  }
  return current;
}

/** One after the other: out of a joint configuration, in as a voter, and the others out. */
function changesToAlone(confState: ConfState, id: NodeId): readonly AnyConfChange[] {
  const { learners, learnersNext, voters, votersOutgoing } = confState;
  const leave: AnyConfChange = {
    kind: 'v2',
    transition: 'ConfChangeTransitionAuto',
    changes: [],
    context: EMPTY,
  };
  const change = (type: 'ConfChangeAddNode' | 'ConfChangeRemoveNode', nodeId: NodeId): AnyConfChange => ({
    kind: 'v1',
    type,
    nodeId,
    context: EMPTY,
  });
  const others = new Set([...voters, ...learners, ...learnersNext].filter((other) => other !== id));
  return [
    ...(votersOutgoing.length > 0 ? [leave] : []),
    ...(voters.includes(id) ? [] : [change('ConfChangeAddNode', id)]),
    ...[...others].map((other) => change('ConfChangeRemoveNode', other)),
  ];
}

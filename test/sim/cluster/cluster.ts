// SPDX-License-Identifier: Apache-2.0
// All nodes that there ever were, what each has lost, and who of them the leader counts as members.
import type { ConfState, NodeId } from '../../../src/raft/index.ts';
import { newSecretId } from '../../../src/secrets/index.ts';
import type { CheckedNode } from '../checks/cluster-checks.ts';
import { DiskModel, type DurableLog, type OnRemoved } from '../checks/disk-model.ts';
import type { EntryRegistry } from '../checks/entry-registry.ts';
import { DiskBehaviour } from '../disk/disk-behaviour.ts';
import { SimDisk } from '../disk/sim-disk.ts';
import { SimKeyFile } from '../disk/sim-key-file.ts';
import type { SimConfig } from '../faults/sim-config.ts';
import type { Coverage } from '../kernel/coverage.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Scheduler } from '../kernel/scheduler.ts';
import type { Trace } from '../kernel/trace.ts';
import type { SimNetwork } from '../network/sim-network.ts';
import { NodeClock } from './node-clock.ts';
import { type NodeObserver, SimNode } from './sim-node.ts';

const KEY_BYTES = 32;

export interface ClusterParts {
  readonly scheduler: Scheduler;
  readonly random: RandomStream;
  readonly config: SimConfig;
  readonly network: SimNetwork;
  readonly trace: Trace;
  readonly coverage: Coverage;
  readonly registry: EntryRegistry;
  readonly observer: NodeObserver;
  /** Called when other keys than before are in a node's key file. */
  readonly onKeys: (member: Member) => void;
  readonly onRemoved: (node: Member, ...removed: Parameters<OnRemoved>) => void;
}

/** A node with what the checks know of it. */
export interface Member extends CheckedNode {
  readonly node: SimNode;
  lost: DurableLog | undefined;
  wounded: boolean;
  /** Its disk was damaged, and no process has been opened on it since. */
  damaged: boolean;
  /** It was removed from the cluster, for certain. */
  dismissed: boolean;
}

export class Cluster {
  readonly #parts: ClusterParts;
  readonly #members = new Map<NodeId, Member>();
  readonly #ids: RandomStream;
  readonly #clusterId: string;
  readonly #indexKey: Buffer;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.#clusterId = newSecretId((size) => parts.random.fork('cluster').bytes(size));
    this.#indexKey = parts.random.fork('index key').bytes(KEY_BYTES);
    this.#ids = parts.random.fork('ids');
    const ids = Array.from({ length: parts.config.voters }, (_, place) => this.#newId(place + 1));
    ids.forEach((id) => this.#add(id, ids));
  }

  /** All nodes, those that are retired too, in the order in which they came. */
  get all(): readonly Member[] {
    return [...this.#members.values()];
  }

  get running(): readonly Member[] {
    return this.all.filter(({ node }) => node.state === 'running');
  }

  get(id: NodeId): Member | undefined {
    return this.#members.get(id);
  }

  of(node: SimNode): Member {
    const member = this.#members.get(node.id);
    if (member === undefined) {
      throw new RangeError(`${node.name} is not of this cluster`);
    }
    return member;
  }

  /** A new node with an id that was never used, and an empty disk. It is not started. */
  join(): Member {
    return this.#add(this.#newId(this.#members.size + 1), []);
  }

  /** The node that leads in the highest term, among those that run. */
  leader(): Member | undefined {
    let found: { readonly member: Member; readonly term: number } | undefined;
    for (const member of this.running) {
      const status = member.node.replica?.status();
      if (status?.raftState === 'StateLeader' && status.term > (found?.term ?? 0)) {
        found = { member, term: status.term };
      }
    }
    return found?.member;
  }

  /** The configuration of the node that has applied most. */
  configuration(): ConfState | undefined {
    let newest: { readonly confState: ConfState; readonly appliedIndex: number } | undefined;
    for (const { node } of this.running) {
      const state = node.replica?.state;
      if (state !== undefined && state.appliedIndex > (newest?.appliedIndex ?? -1)) {
        newest = state;
      }
    }
    return newest?.confState;
  }

  #newId(number: number): NodeId {
    return this.#parts.config.largeIds ? this.#ids.u48() : number;
  }

  #add(id: NodeId, firstVoters: readonly NodeId[]): Member {
    const { scheduler, config, network, trace, coverage, registry, observer, onKeys, onRemoved } =
      this.#parts;
    const name = `n${this.#members.size + 1}`;
    const random = this.#parts.random.fork(name);
    const keyFile: SimKeyFile = new SimKeyFile(random, Buffer.from(this.#indexKey), () => onKeys(member));
    const disk: SimDisk = new SimDisk(random.fork('disk'), {
      written: (operations, durable) => model.written(operations, durable),
      replaced: () => model.replaced(),
    });
    const model: DiskModel = new DiskModel(
      name,
      () => keyFile.everything,
      registry,
      () => disk.records,
      (entry) => onRemoved(member, entry),
    );
    const drift = 1 + (2 * random.fork('drift').unit() - 1) * config.drift;
    const node = new SimNode({
      name,
      identity: {
        clusterId: this.#clusterId,
        nodeId: newSecretId((size) => random.fork('node id').bytes(size)),
        raftId: id,
      },
      firstVoters,
      keyFile,
      disk,
      behaviour: new DiskBehaviour(random.fork('behaviour'), scheduler, config.disk),
      nodeClock: new NodeClock(scheduler, drift, random.fork('clock').below(1_000_000)),
      random: random.fork('processes'),
      settings: config.settings,
      scheduler,
      network,
      trace,
      coverage,
      observer,
    });
    const member: Member = {
      id,
      name,
      node,
      model,
      get appliedIndex() {
        return node.replica?.state.appliedIndex ?? 0;
      },
      lost: undefined,
      wounded: false,
      damaged: false,
      dismissed: false,
    };
    this.#members.set(id, member);
    return member;
  }
}

// SPDX-License-Identifier: Apache-2.0
// Asks all managers where their logs end, for one that may have to go on alone.
import { CofferError } from '../common/index.ts';
import type { ClusterView } from '../membership/index.ts';
import type { ConfState, NodeId } from '../raft/index.ts';
import type { ManagerContact } from './identity.ts';
import type { MemberClient } from './member-client.ts';
import { findNode } from './find-node.ts';
import { BODY, decodeBody, encodeBody } from './rpc-body.ts';
import { survivorRefusal } from './survivor-decision.ts';
import type {
  LastEntry,
  SurvivorAdmin,
  SurvivorDescription,
  SurvivorSurvey,
  SurvivorWish,
  ToldSurvivor,
} from './survivor-model.ts';

const ASK_TIMEOUT_MS = 3_000;

/** What is needed of this node's own replica. */
export interface SurvivingReplica {
  readonly identity: { readonly raftId: NodeId };
  readonly state: { readonly confState: ConfState; readonly index: { readonly cluster: ClusterView } };
  status(): { readonly lastIndex: number; readonly lastTerm: number; readonly recoveringTerm: number };
}

export interface SurvivorsOptions {
  readonly replica: SurvivingReplica;
  readonly client: Pick<MemberClient, 'call'>;
  /** This node's id. */
  readonly nodeId: string;
  /** All managers as far as they are known, this one among them. */
  readonly managers: () => readonly ManagerContact[];
}

export function lastEntryOf({
  lastIndex,
  lastTerm,
}: {
  readonly lastIndex: number;
  readonly lastTerm: number;
}): LastEntry {
  return { term: lastTerm, index: lastIndex };
}

/** See `SurvivorAdmin`. */
export class Survivors implements SurvivorAdmin {
  readonly #options: SurvivorsOptions;

  constructor(options: SurvivorsOptions) {
    this.#options = options;
  }

  async survey({ othersAreGone, told }: SurvivorWish): Promise<SurvivorSurvey> {
    const { managers: contacts, nodeId, replica } = this.#options;
    const entries = this.#told(told);
    const all = contacts();
    const [own, others] = [
      all.filter((contact) => contact.nodeId === nodeId),
      all.filter((contact) => contact.nodeId !== nodeId),
    ];
    const managers = await Promise.all(
      [...own, ...others].map((contact) => this.#describe(contact, entries.get(contact.nodeId))),
    );
    const { voters, votersOutgoing } = replica.state.confState;
    const ids = new Map(all.map((contact) => [contact.raftId, contact.nodeId] as const));
    // One that is in no table any more still counts for the majority.
    const electorates = [voters, votersOutgoing]
      .filter((electorate) => electorate.length > 0)
      .map((electorate) => electorate.map((raftId) => ids.get(raftId) ?? String(raftId)));
    const status = replica.status();
    const complete = status.recoveringTerm === 0 && voters.length > 0;
    return {
      managers,
      lastEntry: lastEntryOf(status),
      alone: electorates.length === 1 && voters.join() === String(replica.identity.raftId),
      refusal: survivorRefusal({ managers, electorates, complete, othersAreGone }),
    };
  }

  /** By node id. */
  #told(told: readonly ToldSurvivor[]): ReadonlyMap<string, LastEntry> {
    const { cluster } = this.#options.replica.state.index;
    return new Map(
      told.map(({ lastEntry, node: reference }) => {
        const node = findNode(cluster, reference);
        if (node.role !== 'manager') {
          throw new CofferError('request.invalid', `node ${node.hostname} is no manager`);
        }
        return [node.id, lastEntry] as const;
      }),
    );
  }

  async #describe(contact: ManagerContact, told: LastEntry | undefined): Promise<SurvivorDescription> {
    const { nodeId, replica } = this.#options;
    const { address, nodeId: id, raftId } = contact;
    const { confState, index } = replica.state;
    const about = {
      id,
      hostname: index.cluster.node(id)?.hostname ?? id,
      address,
      self: id === nodeId,
      voter: confState.voters.includes(raftId),
    };
    if (about.self) {
      return { ...about, state: 'answers', lastEntry: lastEntryOf(replica.status()) };
    }
    try {
      return { ...about, state: 'answers', lastEntry: await this.#ask(contact) };
    } catch (thrown) {
      const { code, detail } = CofferError.from(thrown);
      if (told !== undefined) {
        return { ...about, state: 'told', lastEntry: told };
      }
      const isSilent = code === 'transport.unreachable' || code === 'transport.timeout';
      return { ...about, state: isSilent ? 'silent' : 'unready', problem: detail };
    }
  }

  async #ask(contact: ManagerContact): Promise<LastEntry> {
    const body = encodeBody(BODY.nothing, {});
    const reply = await this.#options.client.call(contact, 'position', body, ASK_TIMEOUT_MS);
    return decodeBody(BODY.position, reply);
  }
}

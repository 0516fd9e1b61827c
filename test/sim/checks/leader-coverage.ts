// SPDX-License-Identifier: Apache-2.0
import type { ConfState, NodeId, Status } from '../../../src/raft/index.ts';
import type { Coverage } from '../kernel/coverage.ts';

/** Notes what leaders go through while the membership changes, and while they hand over. */
export class LeaderCoverage {
  readonly #coverage: Coverage;
  #last: { readonly lead: NodeId; readonly confState: ConfState } | undefined;
  #handingOver: { readonly from: NodeId; readonly to: NodeId; readonly term: number } | undefined;

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
  }

  /** The node of this status leads, and has applied this configuration. */
  leads(status: Status, confState: ConfState): void {
    this.#configuration(status.id, confState);
    this.#handover(status);
  }

  #handover({ id, leadTransferee, term }: Status): void {
    const before = this.#handingOver;
    if (before !== undefined && before.term < term) {
      this.#coverage.hit(before.to === id ? 'handover done' : 'handover overtaken by another election');
      this.#handingOver = undefined;
    } else if (before?.from === id && leadTransferee === 0) {
      this.#coverage.hit('handover given up');
      this.#handingOver = undefined;
    }
    if (leadTransferee !== 0) {
      this.#handingOver = { from: id, to: leadTransferee, term };
    }
  }

  #configuration(lead: NodeId, confState: ConfState): void {
    const last = this.#last;
    this.#last = { lead, confState };
    if (last === undefined || last.confState === confState) {
      return;
    }
    const wasJoint = last.confState.votersOutgoing.length > 0;
    const isJoint = confState.votersOutgoing.length > 0;
    if (isJoint && !wasJoint) {
      this.#coverage.hit('configuration joint');
    }
    if (isJoint && confState.learnersNext.length > 0) {
      this.#coverage.hit('learner demoted in a joint configuration');
    }
    if (wasJoint && !isJoint && last.lead !== lead) {
      this.#coverage.hit('joint configuration left by another leader');
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// What all managers remember of what they refused, in one list.
import type { ReportedDelivery, ReportedMount, ReportedRefusal } from '../cluster/index.ts';
import type { WhyFacts } from './why-facts.ts';

/** A refusal, and the manager that remembers it. */
export type Remembered<Refusal extends ReportedRefusal = ReportedRefusal> = Refusal & { readonly by: string };

/** Newest first. */
export function knownRefusals(facts: WhyFacts): readonly Remembered[] {
  const own = facts.report.refusals.map((refusal) => ({ ...refusal, by: ownName(facts) }));
  const others = facts.others.flatMap((answer) =>
    answer.kind === 'told'
      ? answer.report.refusals.map((refusal) => ({ ...refusal, by: managerName(facts, answer.nodeId) }))
      : [],
  );
  return [...own, ...others].toSorted((a, b) => b.at_ms - a.at_ms);
}

export function isDelivery(refusal: Remembered): refusal is Remembered<ReportedDelivery> {
  return refusal.kind === 'secret';
}

export function isMount(refusal: Remembered): refusal is Remembered<ReportedMount> {
  return refusal.kind === 'volume';
}

/** A node's hostname, where the state tells it. */
export function managerName({ store }: WhyFacts, nodeId: string): string {
  const node =
    store.kind === 'serving' ? store.store.cluster.nodes().find(({ id }) => id === nodeId) : undefined;
  return node === undefined || node.hostname === '' ? nodeId : node.hostname;
}

function ownName(facts: WhyFacts): string {
  return facts.store.kind === 'serving' ? managerName(facts, facts.store.ownId) : 'this node';
}

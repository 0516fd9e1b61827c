// SPDX-License-Identifier: Apache-2.0
// What a policy would say to the services that there are. Pure.
import {
  type ClusterView,
  type Policy,
  policyNodeOf,
  stackOf,
  type SwarmNode,
  type Verdict,
  verdict,
} from '../membership/index.ts';
import type { PolicyTestResult } from './policy-wire.ts';

/** A secret in coffer's store that a service of the swarm mounts, by its own name or another, or has in a volume. */
export interface SecretUse {
  readonly service: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly image: string;
  readonly secret: string;
  /** Those on which tasks of the service are now. */
  readonly nodes: readonly (SwarmNode & { readonly id: string })[];
}

/** One result for each service and secret, in the order of their names. Denied on one node is denied. */
export function testPolicy(
  policy: Policy,
  cluster: Pick<ClusterView, 'nodeByEngine'>,
  uses: readonly SecretUse[],
): readonly PolicyTestResult[] {
  return uses
    .map((use) => resultOf(policy, cluster, use))
    .toSorted((a, b) => compare(a.service, b.service) || compare(a.secret, b.secret));
}

function resultOf(
  policy: Policy,
  cluster: Pick<ClusterView, 'nodeByEngine'>,
  { image, nodes, secret, service }: SecretUse,
): PolicyTestResult {
  const request = { secret, service, stack: stackOf(service.labels), image: { reference: image, id: '' } };
  // A service without a task may get one anywhere.
  const places = nodes.length === 0 ? [undefined] : nodes;
  const judged = places.map((known) => {
    const node = known === undefined ? undefined : policyNodeOf(cluster, known.id, known);
    return { hostname: known?.hostname ?? '', verdict: verdict(policy, { ...request, node }) };
  });
  const worst = judged.map((one) => one.verdict).reduce((a, b) => (rank(b) < rank(a) ? b : a));
  const denied = judged.filter((one) => one.verdict.effect === 'deny');
  return {
    service: service.name,
    secret,
    effect: worst.effect,
    because: worst.because,
    rule: worst.because === 'default' ? '' : worst.rule.id,
    // Where it is all of them, they say nothing.
    deniedOn: denied.length === judged.length ? [] : denied.map(({ hostname }) => hostname),
  };
}

/** What no rule that allows could change comes first. */
function rank({ because, effect }: Verdict): number {
  if (effect === 'allow') {
    return 2;
  }
  return because === 'default' ? 1 : 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

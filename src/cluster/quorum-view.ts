// SPDX-License-Identifier: Apache-2.0
// What an administrator should know about the quorum: pure, so that a table can say it.

export interface QuorumView {
  readonly voters: number;
  readonly quorum: number;
  /** Voters that were heard from lately, this node among them; undefined if that is not known here. */
  readonly reachable: number | undefined;
}

/** Sentences of warning; none if all is well. */
export function describeQuorum({ voters, quorum, reachable }: QuorumView): readonly string[] {
  const warnings: string[] = [];
  if (voters > 1 && voters % 2 === 0) {
    const tolerated = voters - quorum;
    const cannot =
      tolerated === 0
        ? 'none of them can be lost'
        : `${tolerated} of them can be lost, as with ${voters - 1}`;
    warnings.push(`${voters} managers vote, an even number: ${cannot}. Use an odd number of managers.`);
  }
  if (reachable !== undefined && reachable < quorum) {
    warnings.push(
      `The quorum is lost: ${reachable} of ${voters} managers can be reached, and ${quorum} are needed to change anything.`,
    );
  } else if (reachable !== undefined && reachable === quorum && reachable < voters) {
    warnings.push(
      `${voters - reachable} of ${voters} managers cannot be reached; no further one may be lost.`,
    );
  }
  return warnings;
}

/** Why a manager must not stop voting now; undefined if it may. */
export function lossWarning({ voters, reachable }: QuorumView, memberReachable: boolean): string | undefined {
  const after = voters - 1;
  const needed = Math.floor(after / 2) + 1;
  const left = reachable === undefined ? undefined : reachable - (memberReachable ? 1 : 0);
  if (after === 0) {
    return 'it is the last manager that votes';
  }
  return left !== undefined && left < needed
    ? `only ${left} of the ${after} managers that would be left can be reached, and ${needed} are needed for a quorum`
    : undefined;
}

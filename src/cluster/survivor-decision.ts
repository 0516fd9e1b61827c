// SPDX-License-Identifier: Apache-2.0
// Whether a manager may go on alone: pure, so that a table can say it.
import { CofferError } from '../common/index.ts';
import type { LastEntry, SurvivorDescription } from './survivor-model.ts';

export interface SurvivorSituation {
  /** All managers, this one among them. */
  readonly managers: readonly SurvivorDescription[];
  /** The ids of those that vote: one list, or two while the membership changes. Each has a majority of its own. */
  readonly electorates: readonly (readonly string[])[];
  /** False while this manager has not caught up, or has lost what it had and recovers. */
  readonly complete: boolean;
  readonly othersAreGone: boolean;
}

const FORCE = 'docker coffer force-new-cluster';

/** Above 0 if the first log is ahead. What a majority has acknowledged is in the one that is ahead of all. */
export function compareEntries(one: LastEntry, other: LastEntry): number {
  return one.term === other.term ? one.index - other.index : one.term - other.term;
}

/** As an administrator reads and types it: `3.4711`. */
function entryText({ index, term }: LastEntry): string {
  return `${term}.${index}`;
}

/** Why this manager must not go on alone, and what to do instead; undefined if it may. */
export function survivorRefusal(situation: SurvivorSituation): CofferError | undefined {
  const { complete, managers, othersAreGone } = situation;
  const own = managers.find(({ self }) => self);
  if (own?.lastEntry === undefined || !complete) {
    return new CofferError('cluster.survivor', 'this manager has never had all secrets, or has lost them', {
      hint: `Use ${FORCE} on another manager; if none is left, restore a backup into a new cluster.`,
    });
  }
  if (!own.voter) {
    return new CofferError(
      'cluster.survivor',
      'this manager does not vote yet, and may not have all secrets',
      {
        hint: `Use ${FORCE} on a manager that votes; if none is left, restore a backup into a new cluster.`,
      },
    );
  }
  return (
    notLost(situation) ??
    notAsked(managers) ??
    notTheFirst(managers, own.lastEntry) ??
    (othersAreGone ? undefined : notSaid(managers))
  );
}

/** A majority is there, or could be. */
function notLost({ electorates, managers }: SurvivorSituation): CofferError | undefined {
  const there = (...states: readonly SurvivorDescription['state'][]): readonly SurvivorDescription[] =>
    managers.filter(({ state, voter }) => voter && states.includes(state));
  const [voters = []] = electorates;
  const answering = there('answers');
  if (isMajority(electorates, answering)) {
    return new CofferError(
      'cluster.not-lost',
      `${answering.length} of ${voters.length} managers answer, which is a majority: nothing is lost`,
      {
        hint: 'Let them elect a leader: docker coffer node ls. Then remove those that are gone: docker coffer node rm --force NODE.',
      },
    );
  }
  const surviving = there('answers', 'told', 'unready');
  if (isMajority(electorates, surviving)) {
    const away = surviving.filter(({ state }) => state !== 'answers').map(nameOf);
    return new CofferError(
      'cluster.not-lost',
      `${surviving.length} of ${voters.length} managers are there, which is a majority, though ${away.join(' and ')} cannot be asked`,
      {
        hint: 'See what keeps them apart: docker coffer status on each. One that is lost all the same has to be stopped, or left out.',
      },
    );
  }
  return undefined;
}

function isMajority(
  electorates: readonly (readonly string[])[],
  there: readonly SurvivorDescription[],
): boolean {
  const ids = new Set(there.map(({ id }) => id));
  return electorates.every(
    (voters) => voters.filter((id) => ids.has(id)).length >= Math.floor(voters.length / 2) + 1,
  );
}

/** One that runs and does not say where its log ends may be the one to go on. */
function notAsked(managers: readonly SurvivorDescription[]): CofferError | undefined {
  const unready = managers.find(({ state }) => state === 'unready');
  return (
    unready &&
    new CofferError(
      'cluster.survivor',
      `${nameOf(unready)} runs and does not say where its log ends: ${unready.problem ?? 'it does not serve'}`,
      { hint: 'Mend it there, as docker coffer status says; if it is lost all the same, stop it.' },
    )
  );
}

function notTheFirst(managers: readonly SurvivorDescription[], own: LastEntry): CofferError | undefined {
  const [first] = managers
    .flatMap((manager) =>
      manager.voter && manager.lastEntry !== undefined ? [{ manager, entry: manager.lastEntry }] : [],
    )
    .sort((one, other) => compareEntries(other.entry, one.entry));
  if (first === undefined || compareEntries(first.entry, own) <= 0) {
    return undefined;
  }
  return new CofferError(
    'cluster.survivor',
    `the log of ${nameOf(first.manager)} is ahead of this one (${entryText(first.entry)}, and here ${entryText(own)}): what it alone has would be lost`,
    { hint: `Run it on ${nameOf(first.manager)}: ${FORCE}` },
  );
}

function notSaid(managers: readonly SurvivorDescription[]): CofferError {
  const others = managers.filter(({ self }) => !self).map(nameOf);
  return new CofferError(
    'cluster.not-lost',
    `nobody has said that the others are gone: ${others.join(', ')}`,
    {
      hint: `While one of them can come back, wait for it. If they are gone for good: ${FORCE} --others-are-gone`,
    },
  );
}

function nameOf({ address, hostname }: SurvivorDescription): string {
  return address === '' ? hostname : `${hostname} (${address})`;
}

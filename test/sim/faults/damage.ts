// SPDX-License-Identifier: Apache-2.0
// Disks that do not hold what was written to them. Never more nodes than the others can make up for.
import type { NodeId } from '../../../src/raft/index.ts';
import { holds, type DurableLog } from '../checks/disk-model.ts';
import type { Promises } from '../checks/durability-checks.ts';
import type { Member } from '../cluster/cluster.ts';
import type { DiskImage, SimDisk } from '../disk/sim-disk.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { World } from './world.ts';

const VALUE_KIND = 'v';
const KIND_OFFSET = 9;

/** Damages a node that it first kills: the next start finds it. */
export class Damage {
  readonly #world: World;
  readonly #promisesOf: (id: NodeId) => Promises;
  readonly #images = new Map<Member, DiskImage>();

  constructor(world: World, promisesOf: (id: NodeId) => Promises) {
    this.#world = world;
    this.#promisesOf = promisesOf;
  }

  /** Remembers how a disk looks now, for a later rollback. */
  takeImage(random: RandomStream): void {
    const member = random.pickAny(this.#world.cluster.running);
    if (member !== undefined) {
      this.#images.set(member, member.node.disk.image());
    }
  }

  /** A record is altered, lost, or as it once was; or many are lost. */
  rot(random: RandomStream): void {
    this.#damage(random, (member) => {
      const { disk } = member.node;
      const keys = [...disk.records.keys()].filter((key) => !isValue(key)).sort();
      const key = random.pickAny(keys);
      const value = disk.records.get(key ?? '');
      if (key === undefined || value === undefined) {
        return undefined;
      }
      if (hasOverwrittenEntries(member) && random.chance(0.5)) {
        return this.#revertRecord(member, random);
      }
      switch (random.below(4)) {
        case 0: {
          const altered = Buffer.from(value);
          const offset = random.below(altered.length);
          altered[offset] = (altered[offset] ?? 0) ^ (1 << random.below(8));
          disk.damage(key, altered);
          return `a bit of record ${printable(key)} flips`;
        }
        case 1:
          disk.damage(key, undefined);
          return `record ${printable(key)} is lost`;
        case 2:
          return this.#revertRecord(member, random);
        default:
          disk.wipe();
          return 'all records are lost';
      }
    });
  }

  rollback(random: RandomStream): void {
    this.#damage(random, (member) => {
      const image = this.#images.get(member);
      if (image === undefined) {
        return undefined;
      }
      member.node.disk.restore(image);
      return 'an old image is put back';
    });
  }

  /** Whether one more node may lose what it has: the others, a majority of every configuration, must be whole. */
  mayDamage(member: Member): boolean {
    const { cluster } = this.#world;
    const confStates = cluster.running.flatMap(({ node }) => node.replica?.state.confState ?? []);
    const halves = confStates.flatMap(({ voters, votersOutgoing }) => [voters, votersOutgoing]);
    const sizes = halves.map(({ length }) => length).filter((length) => length > 0);
    const smallest = Math.min(this.#world.config.voters, this.#world.config.voters_min, ...sizes);
    const impaired = cluster.all.filter(
      (other) =>
        other !== member && !other.dismissed && (isRecovering(other) || other.damaged || isMissing(other)),
    );
    return !isRecovering(member) && impaired.length + 1 <= Math.floor((smallest - 1) / 2);
  }

  #damage(random: RandomStream, alter: (member: Member) => string | undefined): void {
    const { cluster, coverage, trace } = this.#world;
    const member = random.pickAny(cluster.running);
    if (member === undefined || !this.mayDamage(member)) {
      return;
    }
    member.node.crash('process');
    const before = member.model.copy();
    const what = alter(member);
    if (what === undefined) {
      return;
    }
    const lost = loss(member.model, before, this.#promisesOf(member.id));
    trace.add(() => `fault: on the disk of ${member.name}, ${what}: there is ${lost ?? 'all that counts'}`);
    member.damaged = true;
    member.lost = before;
    member.wounded = lost !== undefined;
    coverage.hit(member.wounded ? 'damage that loses something' : 'damage that loses nothing');
  }

  /** A write of the past never reached the disk, though it said so. */
  #revertRecord({ node: { disk } }: Member, random: RandomStream): string | undefined {
    const there = overwritten(disk);
    const entries = there.filter(isEntry);
    // Those of the log are few, and the most interesting.
    const key = random.pickAny(entries.length > 0 && random.chance(0.8) ? entries : there);
    const value = disk.overwritten.get(key ?? '');
    if (key === undefined || value === undefined) {
      return undefined;
    }
    disk.damage(key, value);
    return `record ${printable(key)} is as it was before it was overwritten`;
  }
}

/** What is missing now of what the node has promised; undefined if nothing is. */
export function loss(now: DurableLog, before: DurableLog, promised: Promises): string | undefined {
  const { term, vote } = now.hardState;
  if (term < promised.term || (promised.vote.term === term && vote !== promised.vote.to)) {
    const { to, term: voteTerm } = promised.vote;
    return `term ${term} with vote ${vote}, and it was in term ${promised.term} and voted for ${to} in term ${voteTerm}`;
  }
  if (now.startIndex > before.startIndex) {
    return `a log that begins after ${now.startIndex} in place of ${before.startIndex}`;
  }
  const missing = [...before.entries.values()].find(
    ({ index, term: entryTerm, digest }) =>
      index <= promised.index &&
      (!holds(now, index, entryTerm) || (now.entries.get(index)?.digest ?? digest) !== digest),
  );
  return missing === undefined ? undefined : `no entry ${missing.index} of term ${missing.term}`;
}

/** A node whose recovery has ended begins another one if it dies before its checkpoint says so. */
function isRecovering({ node, wounded }: Member): boolean {
  return wounded || (node.disk.checkpoint?.recoveringTerm ?? 0) > 0;
}

/** It will not run again, and may count as a voter for all that is known. */
function isMissing({ dismissed, node }: Member): boolean {
  return node.state === 'retired' && !dismissed;
}

/** The keys under which something else stood once, but for values. */
function overwritten(disk: SimDisk): readonly string[] {
  return [...disk.overwritten.keys()].filter((key) => disk.records.has(key) && !isValue(key)).sort();
}

function hasOverwrittenEntries({ node }: Member): boolean {
  return overwritten(node.disk).some(isEntry);
}

function isEntry(key: string): boolean {
  return key.startsWith('l');
}

/** The values of secrets are not read at a start: damage to one is noticed when it is asked for. */
function isValue(key: string): boolean {
  return key.startsWith('g') && key[KIND_OFFSET] === VALUE_KIND;
}

function printable(key: string): string {
  return `${key.slice(0, 1)}${Buffer.from(key.slice(1), 'latin1').toString('hex').slice(0, 24)}`;
}

// SPDX-License-Identifier: Apache-2.0
// Trouble on the network. Each function begins one piece of it, and sees to its end.
import type { Member } from '../cluster/cluster.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Link } from '../network/link.ts';
import type { World } from './world.ts';

type Pair = readonly [Member, Member];

export function partition(world: World, random: RandomStream): void {
  const members = random.shuffle(world.cluster.all);
  const size = random.between(1, Math.max(1, members.length - 1));
  const [some, others] = [members.slice(0, size), members.slice(size)];
  cutBetween(world, random, some, others, random.chance(0.3));
}

export function isolateLeader(world: World, random: RandomStream): void {
  const leader = world.cluster.leader();
  if (leader === undefined) {
    return;
  }
  const others = world.cluster.all.filter((member) => member !== leader);
  cutBetween(world, random, [leader], others, random.chance(0.5));
}

export function cutLink(world: World, random: RandomStream): void {
  const pair = pickPair(world, random);
  if (pair !== undefined) {
    forAWhile(world, random, `one way from ${pair[0].name} to ${pair[1].name} is cut`, [pair], (link, on) => {
      link.cut = on;
    });
  }
}

export function slowLink(world: World, random: RandomStream): void {
  const pair = pickPair(world, random);
  const factor = random.magnitude(5, 200);
  if (pair !== undefined) {
    const what = `the way from ${pair[0].name} to ${pair[1].name} is ${factor.toFixed(0)} times as slow`;
    forAWhile(world, random, what, [pair], (link, on) => {
      link.slowness = on ? factor : 1;
    });
  }
}

export function storm(world: World, random: RandomStream): void {
  const loss = random.magnitude(0.05, 0.7);
  forAWhile(
    world,
    random,
    `${(loss * 100).toFixed(0)} % of all messages are lost`,
    allPairs(world),
    (link, on) => {
      link.extraLoss = on ? loss : 0;
    },
  );
}

/** Stops the links of some nodes one by one, and lets them go in another order (FoundationDB's swizzle-clogging). */
export function swizzleClog(world: World, random: RandomStream): void {
  const { network, scheduler, trace } = world;
  const chosen = new Set(world.cluster.all.filter(() => random.chance(0.5)));
  const pairs = allPairs(world).filter(([from, to]) => chosen.has(from) || chosen.has(to));
  const step_us = random.magnitude(1_000, 200_000);
  let at_us = 0;
  for (const [from, to] of random.shuffle(pairs)) {
    at_us += random.exponential(step_us);
    scheduler.after(at_us, () => {
      if (!world.calm) {
        trace.add(() => `the way from ${from.name} to ${to.name} is clogged`);
        network.link(from.id, to.id).clogged = true;
      }
    });
  }
  at_us += random.magnitude(10_000, 2_000_000);
  for (const [from, to] of random.shuffle(pairs)) {
    at_us += random.exponential(step_us);
    scheduler.after(at_us, () => {
      trace.add(() => `the way from ${from.name} to ${to.name} is free`);
      network.release(network.link(from.id, to.id));
    });
  }
}

export function cutStream(world: World, random: RandomStream): void {
  if (world.network.streaming) {
    world.network.breakStreams(() => random.chance(0.7), 'the connection was reset');
  }
}

function cutBetween(
  world: World,
  random: RandomStream,
  some: readonly Member[],
  others: readonly Member[],
  oneWay: boolean,
): void {
  const out = some.flatMap((a) => others.map((b): Pair => [a, b]));
  const back = out.map(([a, b]): Pair => [b, a]);
  const pairs = oneWay ? random.pick([out, back]) : [...out, ...back];
  const names = (members: readonly Member[]): string => members.map(({ name }) => name).join(' ');
  const what = `${names(some)} and ${names(others)} are parted${oneWay ? ', one way' : ''}`;
  forAWhile(world, random, what, pairs, (link, on) => {
    link.cut = on;
  });
}

function forAWhile(
  { network, scheduler, trace }: World,
  random: RandomStream,
  what: string,
  pairs: readonly Pair[],
  set: (link: Link, on: boolean) => void,
): void {
  const links = pairs.map(([from, to]) => network.link(from.id, to.id));
  trace.add(() => `fault: ${what}`);
  links.forEach((link) => set(link, true));
  scheduler.after(random.magnitude(50_000, 5_000_000), () => {
    trace.add(() => `mended: ${what}`);
    links.forEach((link) => set(link, false));
  });
}

function allPairs({ cluster }: World): readonly Pair[] {
  const { all } = cluster;
  return all.flatMap((from) => all.filter((to) => to !== from).map((to): Pair => [from, to]));
}

function pickPair(world: World, random: RandomStream): Pair | undefined {
  return random.pickAny(allPairs(world));
}

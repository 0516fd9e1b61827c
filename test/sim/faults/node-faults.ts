// SPDX-License-Identifier: Apache-2.0
// Trouble with single nodes: their processes, their disks, their clocks.
import type { RandomStream } from '../kernel/random-stream.ts';
import type { World } from './world.ts';

export function kill(world: World, random: RandomStream): void {
  random.pickAny(living(world))?.node.crash('process');
}

export function stop(world: World, random: RandomStream): void {
  random.pickAny(world.cluster.running)?.node.stop();
}

export function powerCut(world: World, random: RandomStream): void {
  random.pickAny(living(world))?.node.crash('power');
}

export function blackout(world: World): void {
  living(world).forEach(({ node }) => node.crash('power'));
}

export function pause(world: World, random: RandomStream): void {
  const member = random.pickAny(living(world));
  const duration_us = random.magnitude(1_000, 8_000_000);
  if (member !== undefined) {
    world.trace.add(() => `fault: ${member.name} stands still for ${(duration_us / 1_000).toFixed(0)} ms`);
    member.node.process?.stop(duration_us);
  }
}

export function slowDisk(world: World, random: RandomStream): void {
  const member = random.pickAny(living(world));
  const factor = random.magnitude(5, 300);
  if (member !== undefined) {
    world.trace.add(() => `fault: the disk of ${member.name} is ${factor.toFixed(0)} times as slow`);
    member.node.behaviour.slowDown(factor);
    world.scheduler.after(random.magnitude(100_000, 5_000_000), () => {
      world.trace.add(() => `mended: the disk of ${member.name} is as fast as before`);
      member.node.behaviour.slowDown(1);
    });
  }
}

export function hangDisk(world: World, random: RandomStream): void {
  const member = random.pickAny(living(world));
  const duration_us = random.magnitude(100_000, 10_000_000);
  if (member !== undefined) {
    world.trace.add(
      () => `fault: the disk of ${member.name} hangs for ${(duration_us / 1_000).toFixed(0)} ms`,
    );
    member.node.behaviour.hang(duration_us);
  }
}

export function fullDisk(world: World, random: RandomStream): void {
  const member = random.pickAny(world.cluster.all);
  if (member !== undefined) {
    world.trace.add(() => `fault: the disk of ${member.name} is full`);
    member.node.behaviour.setFull(true);
    world.scheduler.after(random.magnitude(100_000, 5_000_000), () => {
      world.trace.add(() => `mended: the disk of ${member.name} has room again`);
      member.node.behaviour.setFull(false);
    });
  }
}

export function diskError(world: World, random: RandomStream): void {
  const member = random.pickAny(living(world));
  const failure = random.pick(['ENOSPC', 'EIO'] as const);
  if (member !== undefined) {
    world.trace.add(() => `fault: the disk of ${member.name} will fail with ${failure}`);
    member.node.behaviour.failNext(failure);
  }
}

export function disturbClock(world: World, random: RandomStream): void {
  const member = random.pickAny(world.cluster.all);
  if (member === undefined) {
    return;
  }
  if (random.chance(0.3)) {
    const ahead_ms = random.magnitude(10, 60_000);
    world.trace.add(() => `fault: the clock of ${member.name} jumps ahead by ${ahead_ms.toFixed(0)} ms`);
    member.node.clock.jump(ahead_ms);
    return;
  }
  const rate = random.magnitude(0.25, 4);
  world.trace.add(() => `fault: the clock of ${member.name} runs ${rate.toFixed(2)} times as fast`);
  member.node.clock.setRate(rate);
  world.scheduler.after(random.magnitude(100_000, 5_000_000), () => member.node.clock.setRate(1));
}

export function transfer(world: World, random: RandomStream): void {
  const through = random.pickAny(world.cluster.running);
  const to = random.pickAny(world.cluster.all);
  if (through !== undefined && to !== undefined) {
    world.trace.add(() => `fault: ${through.name} is asked to hand the leadership to ${to.name}`);
    through.node.process?.post(() => through.node.replica?.transferLeader(to.id));
  }
}

export function rotateKey(world: World, random: RandomStream): void {
  const member = random.pickAny(world.cluster.running);
  if (member !== undefined) {
    world.trace.add(() => `fault: ${member.name} rotates its data key`);
    member.node.rotateDataKey();
  }
}

function living({ cluster }: World): World['cluster']['all'] {
  return cluster.all.filter(({ node }) => node.state === 'running' || node.state === 'starting');
}

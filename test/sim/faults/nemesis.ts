// SPDX-License-Identifier: Apache-2.0
// Lets each kind of fault that is on come again and again, until it is told to stop.
import { unreachable } from '../../../src/common/index.ts';
import type { NodeId } from '../../../src/raft/index.ts';
import type { Promises } from '../checks/durability-checks.ts';
import type { Operator } from '../cluster/operator.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import { Damage } from './damage.ts';
import { FAULT_KINDS, type FaultKind } from './fault-kinds.ts';
import {
  cutLink,
  cutStream,
  isolateLeader,
  partition,
  slowLink,
  storm,
  swizzleClog,
} from './network-faults.ts';
import {
  blackout,
  diskError,
  disturbClock,
  fullDisk,
  hangDisk,
  kill,
  pause,
  powerCut,
  rotateKey,
  slowDisk,
  stop,
  transfer,
} from './node-faults.ts';
import type { World } from './world.ts';

const IMAGE_INTERVAL_US = 700_000;

export class Nemesis {
  readonly #world: World;
  readonly #random: RandomStream;
  readonly #operator: Operator;
  readonly #damage: Damage;

  constructor(world: World, random: RandomStream, operator: Operator, promisesOf: (id: NodeId) => Promises) {
    this.#world = world;
    this.#random = random;
    this.#operator = operator;
    this.#damage = new Damage(world, promisesOf);
  }

  start(): void {
    const { faults } = this.#world.config;
    for (const kind of FAULT_KINDS) {
      const interval_us = faults[kind];
      if (interval_us !== undefined) {
        this.#repeat(interval_us, this.#random.fork(kind), (random) => {
          this.#world.coverage.hit(`fault ${kind}`);
          this.#act(kind, random);
        });
      }
    }
    if (faults.rollback !== undefined || faults.rot !== undefined) {
      this.#repeat(IMAGE_INTERVAL_US, this.#random.fork('image'), (random) => this.#damage.takeImage(random));
    }
  }

  #repeat(interval_us: number, random: RandomStream, act: (random: RandomStream) => void): void {
    this.#world.scheduler.after(random.exponential(interval_us), () => {
      if (!this.#world.calm) {
        act(random);
        this.#repeat(interval_us, random, act);
      }
    });
  }

  #act(kind: FaultKind, random: RandomStream): void {
    const world = this.#world;
    switch (kind) {
      case 'kill':
        return kill(world, random);
      case 'stop':
        return stop(world, random);
      case 'power-cut':
        return powerCut(world, random);
      case 'blackout':
        return blackout(world);
      case 'pause':
        return pause(world, random);
      case 'partition':
        return partition(world, random);
      case 'isolate-leader':
        return isolateLeader(world, random);
      case 'cut-link':
        return cutLink(world, random);
      case 'swizzle-clog':
        return swizzleClog(world, random);
      case 'slow-link':
        return slowLink(world, random);
      case 'storm':
        return storm(world, random);
      case 'slow-disk':
        return slowDisk(world, random);
      case 'hang-disk':
        return hangDisk(world, random);
      case 'full-disk':
        return fullDisk(world, random);
      case 'disk-error':
        return diskError(world, random);
      case 'clock':
        return disturbClock(world, random);
      case 'transfer':
        return transfer(world, random);
      case 'membership':
        return this.#operator.change();
      case 'rot':
        return this.#damage.rot(random);
      case 'rollback':
        return this.#damage.rollback(random);
      case 'cut-stream':
        return cutStream(world, random);
      case 'rotate-key':
        return rotateKey(world, random);
      default:
        return unreachable(kind);
    }
  }
}

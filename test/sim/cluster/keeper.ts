// SPDX-License-Identifier: Apache-2.0
// What the engine and a person do for a node: start it again when it has ended, and mend it when it refuses to start.
import type { CofferError } from '../../../src/common/index.ts';
import type { World } from '../faults/world.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Member } from './cluster.ts';
import type { SimNode } from './sim-node.ts';

/** What a disk says that was told to fail, or that hangs. Any other fault is one of the store's own. */
const DISK_FAULT = /ENOSPC|EIO|the disk has not finished a write/;

export class Keeper {
  readonly #world: World;
  readonly #random: RandomStream;
  /** Nodes that will not run again, for whom another one is to come. */
  readonly #toReplace: Member[] = [];
  #outage_us: number;

  constructor(world: World, random: RandomStream) {
    this.#world = world;
    this.#random = random;
    this.#outage_us = world.config.outage_us;
  }

  /** From now on nodes are started again at once. */
  hurry(): void {
    this.#outage_us = 10_000;
    this.#world.cluster.all.forEach(({ node }) => node.start());
  }

  /** A retired node that nobody has taken the place of yet. */
  takeReplaced(): Member | undefined {
    return this.#toReplace.shift();
  }

  /** Starts the node some time later, unless something else has by then. */
  restart(node: SimNode): void {
    this.#world.scheduler.after(this.#random.exponential(this.#outage_us), () => node.start());
  }

  opened(member: Member): void {
    const { coverage, violations } = this.#world;
    if (member.damaged && member.wounded && member.node.replica?.status().recoveringTerm === 0) {
      violations.report('damage is noticed', `${member.name} starts as if nothing had happened to its disk`);
    }
    if (member.damaged && !member.wounded) {
      coverage.hit('damage without consequence');
      member.lost = undefined;
    }
    member.damaged = false;
  }

  refused(member: Member, error: CofferError): void {
    const { coverage, trace, violations } = this.#world;
    trace.add(() => `${member.name} refuses to start: ${error.message}`);
    coverage.hit(`refused ${error.code}`);
    if (error.code === 'store.faulted' && DISK_FAULT.test(error.message)) {
      this.restart(member.node);
    } else if (error.code === 'store.damaged' && member.damaged) {
      this.#mend(member);
    } else {
      violations.report('a whole disk is accepted', `${member.name} refuses to start: ${causes(error)}`);
    }
  }

  faulted(member: Member, error: CofferError): void {
    const { coverage, trace, violations } = this.#world;
    trace.add(() => `${member.name} gives up: ${error.message}`);
    coverage.hit('a process gave up');
    if (!DISK_FAULT.test(error.message)) {
      violations.report('no faults of its own', `${member.name} gives up: ${causes(error)}`);
      return;
    }
    if (/not finished/.test(error.message)) {
      coverage.hit('watchdog ended a process');
    }
    this.restart(member.node);
  }

  /** Begins anew under the same id, or leaves its place to a new node. */
  #mend(member: Member): void {
    const { coverage } = this.#world;
    member.damaged = false;
    if (this.#random.chance(0.7)) {
      coverage.hit('recovery begun');
      // A node that never took part has promised nothing.
      member.wounded = (member.lost?.hardState.term ?? 0) > 0;
      member.node.recoverAtNextStart();
      this.restart(member.node);
    } else {
      coverage.hit('node replaced');
      member.node.retire();
      this.#toReplace.push(member);
    }
  }
}

function causes(error: CofferError): string {
  const { cause } = error;
  const stack = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return `${error.message}\n  caused by ${stack}`;
}

// SPDX-License-Identifier: Apache-2.0
// A node through random days: containers come and go, grants too, leaders change, processes are killed. After each step all that is
// on the node is held against what is granted.
import assert from 'node:assert/strict';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { holderKeyOf, isAlive } from '../../../src/distribution/agent/entitlement.ts';
import { START_MAX_MS } from '../../../src/distribution/agent/mount-starts.ts';
import type { EngineContainer } from '../../../src/engine/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { Harness } from './agent-harness.ts';
import { container, taskContainer } from './agent-objects.ts';

const DAYS = 25;
const STEPS = 60;
const SECRETS = ['a', 'b', 'c'];
const VOLUMES: Readonly<Record<string, readonly string[]>> = {
  one: ['a'],
  two: ['a', 'b'],
  three: ['b', 'c'],
};
/** Enough for a torn file to show. */
const VALUE_LENGTH = 20_000;

const HALF = VALUE_LENGTH / 2;

/** What containers hold open: the first half is read. */
interface Reader {
  readonly descriptor: number;
  readonly firstHalf: string;
}

class Day {
  readonly node = new Harness();
  readonly random: SeededRandom;
  /** By container: the mounts that the engine knows of. */
  readonly mounts = new Map<string, { readonly volume: string; readonly id: string }>();
  readonly readers: Reader[] = [];
  #count = 0;
  #version = 0;
  mountCount = 0;
  refusalCount = 0;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  async begin(): Promise<void> {
    SECRETS.forEach((name) => this.rotate(name));
    await this.node.connected();
    for (const [name, secrets] of Object.entries(VOLUMES)) {
      await this.node.agent.create(name, { secrets: secrets.join(' ') });
    }
  }

  rotate(name: string): void {
    this.#version += 1;
    const letter = String.fromCharCode('a'.charCodeAt(0) + (this.#version % 26));
    this.node.leader.put(name, this.#version, letter.repeat(VALUE_LENGTH));
  }

  /** `docker run`, up to where the container runs or its start has failed. */
  async run(): Promise<void> {
    this.#count += 1;
    const name = `c${this.#count}`;
    const volume = this.random.pick(Object.keys(VOLUMES));
    const isTask = this.random.below(3) === 0;
    const made = isTask
      ? taskContainer(name, name.padEnd(25, '0'), { volumes: [volume] })
      : container(name, { volumes: [volume] });
    if (this.random.below(5) > 0) {
      this.node.grant(made, VOLUMES[volume] ?? []);
    }
    this.node.engine.put(made);
    await this.startContainer(made);
  }

  async startContainer(made: EngineContainer): Promise<void> {
    const [volume = ''] = made.volumes;
    this.mountCount += 1;
    const id = `mount ${this.mountCount}`;
    try {
      await this.node.agent.mount(volume, id);
    } catch (thrown) {
      assert.equal(CofferError.from(thrown).code, 'volume.refused');
      this.refusalCount += 1;
      // Some are left behind.
      if (this.random.below(3) > 0) {
        this.node.engine.remove(made.name);
      }
      return;
    }
    if (this.random.below(8) === 0) {
      // Something else went wrong.
      await this.node.agent.unmount(volume, id);
      return;
    }
    this.mounts.set(made.name, { volume, id });
    this.node.engine.state(made.name, 'running');
  }

  pick(condition: (container: EngineContainer) => boolean): EngineContainer | undefined {
    const some = [...this.node.engine.all.values()].filter(condition);
    return some.length === 0 ? undefined : this.random.pick(some);
  }

  async end(ended: EngineContainer): Promise<void> {
    const mount = this.mounts.get(ended.name);
    this.mounts.delete(ended.name);
    this.node.engine.state(ended.name, 'exited');
    if (mount !== undefined) {
      await this.node.agent.unmount(mount.volume, mount.id);
    }
    if (this.random.below(2) === 0) {
      this.node.engine.remove(ended.name);
    }
  }

  /** The engine is killed, and with it what it knew of mounts. */
  killEngine(): void {
    this.mounts.clear();
    for (const one of this.node.engine.all.values()) {
      if (isAlive(one)) {
        this.node.engine.all.set(one.name, { ...one, state: 'exited' });
      }
    }
    this.node.engine.tell('restart');
  }

  /** The plugin is killed, perhaps while it mounts. */
  async killAgent(): Promise<void> {
    const made = container(`k${this.mountCount}`, { volumes: ['two'] });
    const isMounting = this.random.below(2) === 0;
    if (isMounting) {
      this.node.grant(made, ['a', 'b']);
      this.node.engine.all.set(made.name, made);
      this.node.agent.mount('two', 'lost').catch(() => undefined);
      for (let turns = this.random.below(8); turns > 0; turns -= 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    this.node.kill();
    // Its start has failed.
    this.node.engine.all.delete(made.name);
    await this.node.start();
    if (isMounting) {
      await this.settle();
      // Which container it was to be is not known: it might have been another one, which would take a while to start.
      this.node.clock.advance(START_MAX_MS);
      this.node.clock.advance(1_000);
    }
  }

  read(): void {
    const [volume, files] = this.random.pick(Object.entries(VOLUMES));
    const file = path.join(this.node.places.place(volume).files, this.random.pick(files));
    if (this.readers.length < 20 && statSync(file, { throwIfNoEntry: false })?.isFile() === true) {
      const descriptor = openSync(file, 'r');
      this.readers.push({ descriptor, firstHalf: readHalf(descriptor) });
    }
  }

  /** Whoever has read the first half of a file reads the other half of the same, or zeros once it was taken away. */
  checkReaders(): void {
    for (const { descriptor, firstHalf } of this.readers.splice(0)) {
      const secondHalf = readHalf(descriptor);
      closeSync(descriptor);
      assert.equal(firstHalf, firstHalf.slice(0, 1).repeat(HALF));
      assert.ok(secondHalf === firstHalf || secondHalf === '\0'.repeat(HALF), 'no file is torn');
    }
  }

  async step(): Promise<string> {
    const { node, random } = this;
    const roll = random.below(100);
    if (roll < 25) {
      await this.run();
      return 'run';
    }
    if (roll < 32) {
      const exited = this.pick(({ state }) => state === 'exited' || state === 'created');
      if (exited !== undefined && holderKeyOf(exited).startsWith('container/')) {
        await this.startContainer(exited);
      }
      return 'start again';
    }
    if (roll < 52) {
      const running = this.pick(isAlive);
      if (running !== undefined) {
        await this.end(running);
      }
      return 'end';
    }
    if (roll < 60) {
      const some = this.pick(() => true);
      if (some !== undefined) {
        node.leader.revoke(holderKeyOf(some));
      }
      return 'revoke';
    }
    if (roll < 66) {
      const some = this.pick(() => true);
      if (some !== undefined) {
        node.grant(some, VOLUMES[some.volumes[0] ?? ''] ?? []);
      }
      return 'grant';
    }
    if (roll < 80) {
      this.read();
      this.rotate(random.pick(SECRETS));
      return 'rotate';
    }
    if (roll < 86) {
      node.leader.drop();
      return 'new leader';
    }
    if (roll < 92) {
      await this.killAgent();
      return 'kill the agent';
    }
    if (roll < 96) {
      this.killEngine();
      return 'kill the engine';
    }
    const dead = this.pick(({ state }) => state === 'exited' || state === 'created');
    if (dead !== undefined) {
      node.engine.remove(dead.name);
    }
    return 'remove';
  }

  async settle(): Promise<void> {
    await this.node.until(() => {
      this.node.clock.advance(500);
      return this.node.leader.isSettled;
    }, 'a session');
    await this.node.settled();
  }

  check(): void {
    for (const [volume, secrets] of Object.entries(VOLUMES)) {
      const users = [...this.node.engine.all.values()].filter(
        (one) => isAlive(one) && one.volumes.includes(volume),
      );
      const may = (one: EngineContainer, secret: string): boolean =>
        this.node.leader.grants.get(holderKeyOf(one))?.includes(secret) ?? false;
      const due = secrets.filter((secret) => users.every((one) => may(one, secret)));
      const expected = Object.fromEntries(
        due.map((secret) => [secret, this.node.leader.store.get(secret)?.value ?? '']),
      );
      const found = this.node.files(volume);
      assert.deepEqual(found, users.length === 0 ? undefined : expected, `the files of ${volume}`);
    }
  }

  async finish(): Promise<void> {
    for (const one of [...this.node.engine.all.values()].filter(isAlive)) {
      await this.end(one);
    }
    await this.settle();
    this.check();
    this.checkReaders();
    assert.equal(this.node.agent.describe().mountedCount, 0);
  }
}

function readHalf(descriptor: number): string {
  const half = Buffer.alloc(HALF);
  return half.toString('latin1', 0, readSync(descriptor, half));
}

describe('a node through random days', () => {
  test('has no file that not all who mount it may have, and nothing when nobody does', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    let mounts = 0;
    let refusals = 0;
    for (let count = 0; count < DAYS; count += 1) {
      const day = new Day(random);
      const steps: string[] = [];
      try {
        await day.begin();
        for (let step = 0; step < STEPS; step += 1) {
          steps.push(await day.step());
          await day.settle();
          day.check();
          if (random.below(4) === 0) {
            day.checkReaders();
          }
        }
        await day.finish();
        mounts += day.mountCount;
        refusals += day.refusalCount;
      } catch (thrown) {
        t.diagnostic(`day ${count}: ${steps.join(', ')}`);
        throw thrown;
      } finally {
        day.readers.forEach(({ descriptor }) => closeSync(descriptor));
        await day.node.destroy();
      }
    }
    t.diagnostic(`${mounts} starts, ${refusals} of them refused`);
    assert.ok(refusals > DAYS && mounts - refusals > DAYS, 'both are tried');
  });
});

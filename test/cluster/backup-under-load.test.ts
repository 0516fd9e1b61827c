// SPDX-License-Identifier: Apache-2.0
// A backup that is taken while many write as fast as they can is the state at one moment of that time.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { acceptedBody } from '../support/manager-refusal.ts';
import { inParallel, putThroughControl } from '../support/secret-calls.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const WRITERS = 32;
const SECRETS_PER_WRITER = 4;
/** So much that the backup takes a while. */
const OTHERS = 2_000;
const OTHER_BYTES = 2_000;
const WRITES_BEFORE = 500;
const WRITES_AFTER = 500;

/** One call, by the clock of this process. */
interface Write {
  readonly name: string;
  readonly value: Buffer;
  readonly begun_ms: number;
  readonly ended_ms: number;
}

/** Clients that put a new value again and again, each in turn into secrets of its own. */
class Writers {
  readonly writes: Write[] = [];
  readonly #random: SeededRandom;
  readonly #running: Promise<unknown>;
  #stopped = false;

  constructor(managers: readonly ManagerProcess[], random: SeededRandom) {
    this.#random = random;
    this.#running = Promise.all(
      Array.from({ length: WRITERS }, (_, writer) => {
        const manager = managers[writer % managers.length] ?? assert.fail('there are managers');
        return this.#run(manager, writer);
      }),
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async until(count: number): Promise<void> {
    while (this.writes.length < count) {
      await Promise.race([this.#running, new Promise((resolve) => setTimeout(resolve, 5))]);
    }
  }

  async #run(manager: ManagerProcess, writer: number): Promise<void> {
    for (let number = 0; !this.#stopped; number += 1) {
      const name = `counter-${writer}-${number % SECRETS_PER_WRITER}`;
      const value = Buffer.concat([Buffer.from(`${writer}.${number}.`), this.#random.bytes(200)]);
      const begun_ms = performance.now();
      acceptedBody(await putThroughControl(manager, name, value));
      this.writes.push({ name, value, begun_ms, ended_ms: performance.now() });
    }
  }
}

describe('a backup under load', () => {
  let directory: TemporaryDirectory;
  let cluster: ManagerCluster;
  let other: ManagerCluster;

  before(async () => {
    directory = temporaryDirectory();
    [cluster, other] = [await ManagerCluster.start({ size: 3 }), await ManagerCluster.start({ size: 1 })];
  });
  after(async () => {
    await cluster?.destroy();
    await other?.destroy();
    directory?.remove();
  });

  test('of three managers is one moment between its start and its end, byte for byte, in a cluster of one', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const names = Array.from({ length: OTHERS }, (_, number) => `other-${number}`);
    await inParallel(names, WRITERS, async (name) => {
      acceptedBody(await putThroughControl(cluster.at(0), name, random.bytes(OTHER_BYTES)));
    });
    const [file, key] = ['backup', 'key'].map((name) => path.join(directory.path, name));
    assert.ok(file !== undefined && key !== undefined);
    const { stdout: recipient } = await cluster.at(0).cli(['backup-key', key]);

    const writers = new Writers(cluster.managers, random);
    await writers.until(WRITES_BEFORE);
    const begun_ms = performance.now();
    const countBefore = writers.writes.length;
    await (await cluster.follower()).cli(['backup', '--recipient', recipient.trim(), file]);
    const ended_ms = performance.now();
    const meanwhile = writers.writes.length - countBefore;
    t.diagnostic(`${meanwhile} writes in ${Math.round(ended_ms - begun_ms)} ms while the backup was taken`);
    await writers.until(writers.writes.length + WRITES_AFTER);
    await writers.stop();

    await other.at(0).cli(['restore', '--identity', key, file]);
    const { inside, outside } = await sorted(other.at(0), writers.writes);
    assert.ok(inside.length > WRITES_BEFORE && outside.length > 0);
    const lastInside_ms = Math.max(...inside.map((write) => write.begun_ms));
    const firstOutside_ms = Math.min(...outside.map((write) => write.ended_ms));
    assert.ok(
      lastInside_ms <= firstOutside_ms,
      'whatever is in it was not begun after something else was missed',
    );
    assert.ok(firstOutside_ms >= begun_ms, 'all that was acknowledged before is in it');
    assert.ok(lastInside_ms <= ended_ms, 'nothing that was begun afterwards is');
  });
});

/** The writes up to the value that the manager has of each secret, and those after it. */
async function sorted(
  manager: ManagerProcess,
  writes: readonly Write[],
): Promise<{ readonly inside: readonly Write[]; readonly outside: readonly Write[] }> {
  const inside: Write[] = [];
  const outside: Write[] = [];
  for (const [name, own] of byName(writes)) {
    const restored = await manager.deliver(name);
    const at = own.findIndex(({ value }) => value.equals(restored));
    assert.ok(at >= 0, `${name} has a value that was written`);
    inside.push(...own.slice(0, at + 1));
    outside.push(...own.slice(at + 1));
  }
  return { inside, outside };
}

function byName(writes: readonly Write[]): ReadonlyMap<string, readonly Write[]> {
  const groups = new Map<string, Write[]>();
  for (const write of writes) {
    groups.set(write.name, [...(groups.get(write.name) ?? []), write]);
  }
  return groups;
}

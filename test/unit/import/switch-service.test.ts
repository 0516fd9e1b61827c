// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Replacements, switchService, type SwitchOutcome } from '../../../src/import/switch-service.ts';
import { type FailureAction, RollingSwarm } from '../../support/rolling-swarm.ts';

const REPLACEMENTS: Replacements = new Map([['old', { id: 'new', name: 'db-coffer', before: 'db' }]]);

/** A swarm whose service's tasks get the value that the secret has which the service uses. */
class Swarm {
  readonly rolling = new RollingSwarm(() => this.uses);
  readonly asked: string[] = [];
  uses = 'old';
  now_ms = 0;

  run(): Promise<SwitchOutcome> {
    const engine = {
      inspectService: async (id: string) => this.rolling.inspectService(id),
      serviceTasks: async (id: string) => this.rolling.serviceTasks(id),
      forceService: async (
        id: string,
        versionIndex: number,
        forceUpdate: number,
        replacements: Parameters<typeof this.take>[0] = new Map(),
      ): Promise<boolean> => {
        const isTaken = await this.rolling.forceService(id, versionIndex, forceUpdate);
        if (isTaken) {
          this.take(replacements, forceUpdate);
        }
        return isTaken;
      },
    };
    const pause = async (duration_ms: number): Promise<void> => {
      this.now_ms += duration_ms;
    };
    const options = { engine, timeout_ms: 60_000, monotonic_ms: () => this.now_ms, pause };
    return switchService(options, 'id-web', REPLACEMENTS);
  }

  take(
    replacements: ReadonlyMap<string, { readonly id: string; readonly name: string }>,
    count: number,
  ): void {
    const other = replacements.get(this.uses);
    this.uses = other?.id ?? this.uses;
    this.asked.push(`${this.uses} ${other?.name ?? ''} ${count}`);
  }
}

test('a service is updated once, and waited for until all its tasks have the other secret', async () => {
  const swarm = new Swarm();
  swarm.rolling.add('web', { replicas: 3 });
  assert.deepEqual(await swarm.run(), { kind: 'updated' });
  assert.deepEqual(swarm.rolling.values('web'), ['new', 'new', 'new']);
  assert.deepEqual(swarm.asked, ['new db-coffer 1']);
});

const ACTIONS: readonly FailureAction[] = ['pause', 'rollback', 'continue'];

for (const onFailure of ACTIONS) {
  test(`a service whose tasks fail with it has what it had, where the engine is to ${onFailure}`, async () => {
    const swarm = new Swarm();
    swarm.rolling.add('web', { onFailure, accepts: (value) => value === 'old' });
    const outcome = await swarm.run();
    assert.equal(outcome.kind, 'failed');
    assert.match(outcome.kind === 'failed' ? outcome.why : '', /non-zero exit \(3\)/);
    assert.equal(swarm.rolling.forced('web'), 0, 'it is as it was');
    assert.ok(swarm.now_ms <= 61_000, 'the wait has an end');
    if (onFailure !== 'rollback') {
      assert.deepEqual(swarm.asked, ['new db-coffer 1', 'old db 0']);
    }
  });
}

test('a service that is gone is left out', async () => {
  const swarm = new Swarm();
  assert.deepEqual(await swarm.run(), { kind: 'left-out', why: 'it was removed meanwhile' });
});

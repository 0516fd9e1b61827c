// SPDX-License-Identifier: Apache-2.0
// Rotations that begin by themselves: by whom, how often, and what comes of a try that comes to nothing.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { CofferError, type Logger, SecretValue, silentLogger } from '../../../src/common/index.ts';
import {
  makeValue,
  RotationSchedule,
  type RotationScheduleOptions,
  type RotationWish,
} from '../../../src/rotation/index.ts';
import { issueCertificate, leafOf } from '../../../src/certificates/index.ts';
import { certificateWish, newSecretId } from '../../../src/secrets/index.ts';
import { aRotatedService, DAY_MS, HOUR_MS } from '../../support/cluster-objects.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const START_MS = 1_000 * DAY_MS;

/** A store that several leaders work on, and a clock. */
class World {
  readonly store = new MemoryStore();
  readonly begun: string[] = [];
  readonly wishes: RotationWish[] = [];
  readonly warnings: string[] = [];
  now_ms = START_MS;
  leads = true;
  /** The services that a rotation concerns. */
  services: readonly string[] = [];
  /** What `begin` fails with, by the secret's name. */
  readonly failures = new Map<string, CofferError>();
  /** Done before a rotation is proposed. */
  before: () => Promise<unknown> = async () => undefined;

  async put(name: string, labels = { 'coffer.rotate': '30d', 'coffer.generate': 'hex:16' }): Promise<void> {
    await this.store.propose({
      kind: 'put',
      id: newSecretId(),
      name,
      labels,
      origin: 'control',
      expect: 'always',
      value: SecretValue.copyOf(Buffer.from('by hand')),
      at_ms: this.now_ms,
    });
  }

  leader(over: Partial<RotationScheduleOptions> = {}): RotationSchedule {
    const logger: Logger = {
      ...silentLogger,
      warn: (text, fields) => this.warnings.push(`${text}: ${String(fields?.['reason'])}`),
    };
    return new RotationSchedule({
      store: this.store,
      leads: () => this.leads,
      begin: (wish) => this.#begin(wish),
      make: (source) => makeValue(this.store, source, this.now_ms),
      now_ms: () => this.now_ms,
      monotonic_ms: () => this.now_ms,
      logger,
      ...over,
    });
  }

  versions(name: string): number {
    return this.store.byName(name)?.versions.length ?? 0;
  }

  async #begin(wish: RotationWish): Promise<void> {
    const { expect, secret, timeout_ms, value } = wish;
    this.wishes.push(wish);
    await this.before();
    const failure = this.failures.get(secret.name);
    if (failure !== undefined) {
      throw failure;
    }
    await this.store.propose({
      kind: 'rotate',
      id: secret.id,
      rotationId: `r${this.wishes.length}`,
      expect,
      services: this.services.map((name) => aRotatedService(name)),
      timeout_ms,
      value,
      at_ms: this.now_ms,
    });
    this.begun.push(secret.name);
  }
}

describe('scheduled rotations', () => {
  let world: World;
  let schedule: RotationSchedule;

  beforeEach(async () => {
    world = new World();
    schedule = world.leader();
    await world.put('db');
  });

  test('begin when the value is old enough, with one that is made as the label says, and not again', async () => {
    world.now_ms += 30 * DAY_MS - 1;
    await schedule.look();
    assert.deepEqual(world.begun, []);
    world.now_ms += 1;
    await schedule.look();
    await schedule.look();
    assert.deepEqual(world.begun, ['db']);
    const secret = world.store.byName('db');
    assert.match(
      world.store
        .readValue(secret?.id ?? '', 2)
        .expose()
        .toString(),
      /^[0-9a-f]{32}$/,
    );
    const [wish] = world.wishes;
    assert.deepEqual([wish?.expect, wish?.timeout_ms], [1, 600_000]);
    assert.deepEqual(wish?.value.expose(), Buffer.alloc(32), 'it is wiped');
    world.now_ms += 30 * DAY_MS;
    await schedule.look();
    assert.deepEqual(world.begun, ['db', 'db'], 'and once more a month later');
  });

  test('renew a certificate by another one, and a failing CA holds up no other secret', async () => {
    const labels = { 'coffer.cert.cn': 'web', 'coffer.cert.ttl': '1d' };
    const wish = certificateWish(labels);
    assert.ok(wish);
    const value = await issueCertificate(world.store, wish, world.now_ms);
    const [id, at_ms] = [newSecretId(), world.now_ms];
    await world.store.propose({
      kind: 'put',
      id,
      name: 'web-tls',
      labels,
      origin: 'generated',
      expect: 'always',
      value,
      at_ms,
    });
    world.now_ms += 0.8 * DAY_MS;
    await schedule.look();
    assert.deepEqual(world.begun, ['web-tls']);
    const [first, second] = [1, 2].map((number) => leafOf(world.store.readValue(id, number)));
    assert.equal(first?.subject, second?.subject);
    assert.notEqual(first?.fingerprint256, second?.fingerprint256);
    assert.ok(second?.validTo && Date.parse(second.validTo) === world.now_ms + DAY_MS);
    const make: RotationScheduleOptions['make'] = async (source) => {
      if (source.kind === 'certificate') {
        throw new CofferError('pki.certificate-invalid', 'the CA certificate is not valid');
      }
      return makeValue(world.store, source, world.now_ms);
    };
    world.now_ms += 30 * DAY_MS;
    const other = world.leader({ make });
    await other.look();
    assert.deepEqual(world.begun, ['web-tls', 'db']);
    assert.deepEqual(
      other.refused.map(({ secret }) => secret),
      ['web-tls'],
    );
  });

  test('are those of the leader alone, and only of what a majority has acknowledged', async () => {
    world.now_ms += 31 * DAY_MS;
    world.leads = false;
    await schedule.look();
    world.leads = true;
    world.store.freshness = 'local';
    await schedule.look();
    assert.deepEqual(world.wishes, []);
    world.store.freshness = 'linearizable';
    await schedule.look();
    assert.deepEqual(world.begun, ['db']);
  });

  test('come one after the other, the oldest first, while services are updated, and all at once without', async () => {
    world.now_ms += HOUR_MS;
    await world.put('api');
    world.now_ms += 31 * DAY_MS;
    world.services = ['web'];
    await schedule.look();
    await schedule.look();
    assert.deepEqual(world.begun, ['db'], 'api waits for the rotation that goes on');
    await world.store.propose({
      kind: 'step-rotation',
      id: 'r1',
      serviceId: 'id-web',
      from: 'waiting',
      to: 'gone',
      mark: undefined,
      note: '',
    });
    await world.store.propose({ kind: 'end-rotation', id: 'r1', at_ms: world.now_ms });
    await schedule.look();
    assert.deepEqual(world.begun, ['db', 'api']);
    assert.equal(world.versions('api'), 2);
  });

  test('of two that both lead begin once, as the second comes with a version that is no longer the current one', async () => {
    world.now_ms += 31 * DAY_MS;
    const other = world.leader();
    world.before = async () => {
      world.before = async () => undefined;
      await other.look();
    };
    await schedule.look();
    assert.deepEqual([world.wishes.length, world.begun], [2, ['db']]);
    assert.equal(world.versions('db'), 2);
    assert.deepEqual([world.warnings, schedule.refused], [[], []], 'which is nothing to tell anybody of');
    await world.leader().look();
    assert.equal(world.versions('db'), 2, 'nor does whoever leads next');
  });

  test('that are refused are told of once, and tried again a day later; other secrets do not wait for them', async () => {
    await world.put('api');
    const refused = new CofferError('rotation.refused', 'the engine of this node does not manage its swarm');
    world.failures.set('api', refused);
    world.now_ms += 31 * DAY_MS;
    await schedule.look();
    await schedule.look();
    assert.deepEqual(world.begun, ['db']);
    assert.equal(world.wishes.filter(({ secret }) => secret.name === 'api').length, 1);
    assert.match(world.warnings.join(), /^a scheduled rotation was refused: .*does not manage its swarm$/);
    assert.deepEqual(
      schedule.refused.map(({ reason, secret }) => [secret, reason.code]),
      [['api', 'rotation.refused']],
    );
    world.now_ms += DAY_MS;
    world.failures.clear();
    await schedule.look();
    assert.deepEqual(world.begun, ['db', 'api']);
    assert.deepEqual(schedule.refused, []);
  });

  test('wait for an engine that does not answer, which is told once, and begin when it does', async () => {
    world.failures.set('db', new CofferError('engine.unreachable', 'the engine does not answer'));
    world.now_ms += 31 * DAY_MS;
    await schedule.look();
    await schedule.look();
    assert.deepEqual(world.warnings, [
      'scheduled rotations wait: [engine.unreachable] the engine does not answer',
    ]);
    world.failures.clear();
    await schedule.look();
    assert.deepEqual(world.begun, ['db']);
  });

  test('after one that went back are tried again a day later, and no earlier', async () => {
    world.services = ['web'];
    world.now_ms += 31 * DAY_MS;
    await schedule.look();
    const problem = 'service web: its update is paused';
    await world.store.propose({
      kind: 'revert-rotation',
      id: 'r1',
      restore: true,
      problem,
      at_ms: world.now_ms,
    });
    await world.store.propose({ kind: 'end-rotation', id: 'r1', at_ms: world.now_ms });
    assert.equal(world.store.cluster.rotation('r1')?.phase, 'rolled-back');
    world.now_ms += DAY_MS - 1;
    await schedule.look();
    await world.leader().look();
    assert.deepEqual(world.begun, ['db']);
    world.now_ms += 1;
    await schedule.look();
    assert.deepEqual(world.begun, ['db', 'db']);
  });

  test('count anew from a value that is stored by hand', async () => {
    world.now_ms += 29 * DAY_MS;
    await world.put('db');
    world.now_ms += 29 * DAY_MS;
    await schedule.look();
    assert.deepEqual(world.begun, []);
  });
});

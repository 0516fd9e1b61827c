// SPDX-License-Identifier: Apache-2.0
// What the command line shows of a rotation of a secret.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_MARK, type RotatedService, type RotationObject } from '../../../src/membership/index.ts';
import type { RotationWish } from '../../../src/rotation/index.ts';
import { CofferError } from '../../../src/common/index.ts';
import { aRotatedService, aRotation } from '../../support/cluster-objects.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { rotateCommand } from '../../support/rotate-command.ts';
import { putValue } from '../../support/test-store.ts';
import { STATUS } from '../control/control-harness.ts';
import { type CliHarness, NOW_MS, withCli } from './cli-harness.ts';

const SERVICES = [
  aRotatedService('api'),
  aRotatedService('web'),
  aRotatedService('old', { state: 'left-out', note: 'it is held at version 1 by a label' }),
];

/** A daemon whose rotations concern these services, and which has `carryOut` done as soon as one has begun. */
async function withRotations(
  services: readonly RotatedService[],
  carryOut: (store: MemoryStore, id: string) => Promise<void>,
  work: (harness: CliHarness, wishes: readonly RotationWish[]) => Promise<void>,
): Promise<void> {
  const wishes: RotationWish[] = [];
  let store: MemoryStore | undefined;
  const rotate = async (wish: RotationWish): Promise<RotationObject> => {
    assert.ok(store !== undefined);
    wishes.push(wish);
    const rotationId = `r${wishes.length}`;
    const { secret, ...rest } = wish;
    await store.propose({ kind: 'rotate', id: secret.id, rotationId, services, at_ms: 1_000, ...rest });
    const begun = store.cluster.rotation(rotationId);
    assert.ok(begun !== undefined);
    await carryOut(store, rotationId);
    return begun;
  };
  await withCli({ rotate }, async (harness) => {
    ({ store } = harness);
    await putValue(harness.store, 'db', Buffer.from('old'));
    await work(harness, wishes);
  });
}

async function step(
  store: MemoryStore,
  id: string,
  name: string,
  ...states: readonly RotatedService['state'][]
): Promise<void> {
  for (const [at, to] of states.slice(1).entries()) {
    const from = states[at] ?? to;
    await store.propose({
      kind: 'step-rotation',
      id,
      serviceId: `id-${name}`,
      from,
      to,
      mark: NO_MARK,
      note: to === 'failed' ? 'its update is paused' : '',
    });
  }
}

async function goThrough(store: MemoryStore, id: string): Promise<void> {
  await step(store, id, 'api', 'waiting', 'updating', 'updated');
  await step(store, id, 'web', 'waiting', 'updating', 'updated');
  await store.propose({ kind: 'end-rotation', id, at_ms: 2_000 });
}

async function goBack(store: MemoryStore, id: string): Promise<void> {
  await step(store, id, 'api', 'waiting', 'updating');
  const problem = 'service api: its update is paused: task: non-zero exit (3)';
  await store.propose({ kind: 'revert-rotation', id, restore: true, problem, at_ms: 2_000 });
  await step(store, id, 'api', 'updating', 'reverting', 'reverted');
  await store.propose({ kind: 'end-rotation', id, at_ms: 3_000 });
}

test('rotate shows what each service comes to, and what has come of all', async () => {
  await withRotations(SERVICES, goThrough, async ({ cli, store }, wishes) => {
    const words = ['rotate', 'db', '-', '--cas', '1', '--timeout', '2m'];
    assert.deepEqual(await cli(words, { stdin: 'new' }), {
      code: 0,
      stdout: 'db: version 2; 2 services have it\n',
      stderr: [
        'old is left out: it is held at version 1 by a label',
        'api has the new version',
        'web has the new version',
        '',
      ].join('\n'),
    });
    const [wish] = wishes;
    assert.deepEqual([wish?.expect, wish?.timeout_ms], [1, 120_000]);
    const id = store.byName('db')?.id ?? '';
    assert.equal(store.readValue(id, 2).expose().toString(), 'new');
    assert.match(
      (await cli(['rotate', '--status', 'db'])).stdout,
      /^db: version 2; 2 services have it\n {2}api/,
    );
    const json = (await cli(['rotate', '--status', 'db', '--format', 'json'])).stdout;
    assert.deepEqual((JSON.parse(json) as { Phase?: unknown }).Phase, 'done');
  });
});

test('rotate fails when all has gone back, and says which service has not come up, and why', async () => {
  await withRotations(SERVICES, goBack, async ({ cli, store }) => {
    const { code, stderr, stdout } = await cli(['rotate', 'db', '-'], { stdin: 'new' });
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^api has the old value again$/m);
    const why = 'service api: its update is paused: task: non-zero exit \\(3\\)';
    assert.match(
      stderr,
      new RegExp(`^coffer: db: rolled back, because ${why}; version 3 has the old value again$`, 'm'),
    );
    const id = store.byName('db')?.id ?? '';
    assert.equal(store.readValue(id, 3).expose().toString(), 'old');
    assert.match((await cli(['rotate', '--status', 'db'])).stdout, /^ {2}web was not touched$/m);
  });
});

test('rotate without services is a new version, and says so; the daemon can make the value', async () => {
  await withRotations(
    [],
    async () => undefined,
    async ({ cli, store }) => {
      const { code, stdout } = await cli(['rotate', 'db', '--generate', 'hex:32']);
      assert.deepEqual([code, stdout], [0, 'db: version 2; no service uses it\n']);
      const id = store.byName('db')?.id ?? '';
      assert.match(store.readValue(id, 2).expose().toString(), /^[0-9a-f]{64}$/);
    },
  );
});

test('rotate can begin alone, and --status tells how far it is', async () => {
  const begun = (store: MemoryStore, id: string): Promise<void> =>
    step(store, id, 'api', 'waiting', 'updating');
  await withRotations(SERVICES, begun, async ({ cli }) => {
    const { stdout } = await cli(['rotate', 'db', '-', '--detach'], { stdin: 'new' });
    assert.equal(
      stdout,
      'db: version 2 is on its way to 2 services\nSee how far it is: coffer rotate --status db\n',
    );
    assert.match(
      (await cli(['rotate', '--status', 'DB'])).stdout,
      /^ {2}api is being updated\n {2}web waits$/m,
    );
    const again = await cli(['rotate', 'db', '-'], { stdin: 'newer' });
    assert.equal(again.code, 2);
    assert.match(again.stderr, /^coffer: secret db is being rotated already\nSee how far it is: /);
  });
});

test('rotate --status says since when a rotation does not go on, and why', async () => {
  const begun = async (store: MemoryStore, id: string): Promise<void> => {
    await step(store, id, 'api', 'waiting', 'updating');
    const because = 'the Docker Engine does not answer';
    await store.propose({ kind: 'hold-rotation', id, because, at_ms: NOW_MS - 600_000 });
  };
  await withRotations(SERVICES, begun, async ({ cli }) => {
    await cli(['rotate', 'db', '-', '--detach'], { stdin: 'new' });
    const held = 'It has not moved for 11 minutes: the Docker Engine does not answer';
    assert.match((await cli(['rotate', '--status', 'db'])).stdout, new RegExp(`^${held}$`, 'm'));
    const json = (await cli(['rotate', '--status', 'db', '--format', 'json'])).stdout;
    const { HeldAt, HeldBecause } = JSON.parse(json) as Readonly<Record<string, unknown>>;
    assert.deepEqual(
      [HeldAt, HeldBecause],
      [new Date(NOW_MS - 600_000).toISOString(), 'the Docker Engine does not answer'],
    );
  });
});

test('rotate --status tells of the rotation that goes on, also after a clock that was ahead', async () => {
  await withRotations(
    [],
    async () => undefined,
    async ({ cli, store }) => {
      const { id = '' } = store.byName('db') ?? {};
      for (const [rotationId, at_ms, services] of [
        ['ahead', NOW_MS + 600_000, []],
        ['now', NOW_MS, [aRotatedService('api')]],
      ] as const) {
        await store.propose(rotateCommand(id, rotationId, { services, at_ms }));
      }
      assert.match(
        (await cli(['rotate', '--status', 'db'])).stdout,
        /^db: version 3 is on its way to 1 service\n {2}api waits\n/,
      );
    },
  );
});

test('status shows the rotations that go on, and why one does not', async () => {
  const { id, secretName: secret, ...rest } = aRotation('r1', { services: [aRotatedService('api')] });
  const rotation = { ...rest, id, secret, heldAt_ms: undefined, heldBecause: undefined, problem: undefined };
  const held = { heldAt_ms: NOW_MS - 60_000, heldBecause: 'the Docker Engine does not answer' };
  const rotations = [
    { ...rotation, ...held },
    { ...rotation, id: 'r2', secret: 'api_token' },
  ];
  await withCli({ status: () => ({ ...STATUS, upkeep: { rotations } }) }, async ({ cli }) => {
    assert.match(
      (await cli(['status'])).stdout,
      new RegExp(
        [
          'Rotation: +db: version 2 is on its way to 1 service. ',
          'It has not moved for 2 minutes: the Docker Engine does not answer\n',
          'Rotation: +api_token: version 2 is on its way to 1 service\n',
        ].join(''),
      ),
    );
  });
});

test('rotate --cancel takes back what is under way, and is done when that is', async () => {
  const begun = (store: MemoryStore, id: string): Promise<void> =>
    step(store, id, 'api', 'waiting', 'updating');
  await withRotations(SERVICES, begun, async ({ cli, store }) => {
    await cli(['rotate', 'db', '-', '--detach'], { stdin: 'new' });
    assert.deepEqual(await cli(['rotate', '--cancel', 'DB', '--detach']), {
      code: 0,
      stdout: 'db: goes back, because it was cancelled\nSee how far it is: coffer rotate --status db\n',
      stderr: '',
    });
    const again = await cli(['rotate', '--cancel', 'db']);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /^coffer: the rotation of secret db goes back already\nSee how far it is: /);
    await step(store, 'r1', 'api', 'updating', 'reverting', 'reverted');
    await store.propose({ kind: 'end-rotation', id: 'r1', at_ms: 3_000 });
    const none = await cli(['rotate', '--cancel', 'db']);
    assert.equal(none.code, 2);
    assert.match(
      none.stderr,
      /^coffer: no rotation of secret db is under way\nGo back to the version before: docker coffer rollback db\n$/,
    );
    assert.match((await cli(['rotate', '--cancel', 'other'])).stderr, /^coffer: secret other not found\n/);
  });
});

for (const { code, outcome, to } of [
  {
    to: 'reverted',
    code: 0,
    outcome: /^db: rolled back, because it was cancelled; version 3 has the old value again\n$/,
  },
  { to: 'failed', code: 2, outcome: /^$/ },
] as const) {
  test(`rotate --cancel shows each service, and ends with ${code} if one is ${to}`, async () => {
    const begun = (store: MemoryStore, id: string): Promise<void> =>
      step(store, id, 'api', 'waiting', 'updating');
    await withRotations(SERVICES, begun, async ({ cli, store }) => {
      await cli(['rotate', 'db', '-', '--detach'], { stdin: 'new' });
      // Whatever the leader does comes after the command, which waits for it.
      const unwatch = watched(store, async () => {
        await step(store, 'r1', 'api', 'updating', 'reverting', to);
        await store.propose({ kind: 'end-rotation', id: 'r1', at_ms: 3_000 });
      });
      const cancelled = await cli(['rotate', '--cancel', 'db']);
      unwatch();
      assert.equal(cancelled.code, code);
      assert.match(cancelled.stdout, outcome);
      assert.match(
        cancelled.stderr,
        /^api has (?:the old value again|not gone back: its update is paused)$/m,
      );
      assert.equal(
        /^coffer: db: failed, because it was cancelled; version 3/m.test(cancelled.stderr),
        code === 2,
      );
    });
  });
}

/** Does `work` once, as soon as a rotation goes back. What is returned puts the store back as it was. */
function watched(store: MemoryStore, work: () => Promise<void>): () => void {
  const propose = store.propose.bind(store);
  store.propose = async (...given) => {
    const proposed = await propose(...given);
    if (given[0].kind === 'revert-rotation') {
      store.propose = propose;
      await work();
    }
    return proposed;
  };
  return () => {
    store.propose = propose;
  };
}

test('rotate says that it goes on when it is ended from outside', async () => {
  await withRotations(SERVICES, goThrough, async ({ cli }) => {
    let ending: (() => void) | undefined;
    const { code } = await cli(['rotate', 'db', '-'], {
      stdin: 'new',
      onEnding: (work) => {
        ending = work;
      },
    });
    assert.equal(code, 0);
    assert.ok(ending !== undefined, 'there is something to say');
  });
});

test('rotate refuses what does not go together, and secrets that are not there', async () => {
  await withRotations(SERVICES, goThrough, async ({ cli }) => {
    const refused = async (...words: readonly string[]): Promise<string> => {
      const { code, stderr } = await cli(['rotate', ...words], { stdin: 'new' });
      return `${code} ${stderr.split('\n')[0] ?? ''}`;
    };
    assert.match(
      await refused('db', 'file', '--generate', 'uuid'),
      /^1 coffer: --generate makes the value itself/,
    );
    assert.match(await refused('--status', 'db', '-'), /^1 coffer: --status takes a name alone/);
    assert.match(await refused('--cancel', 'db', '-'), /^1 coffer: --cancel takes a name alone/);
    assert.match(await refused('--cancel', 'db', '--cas', '1'), /^1 coffer: .*--c/);
    assert.match(await refused('db', '-', '--timeout', '1s'), /^1 coffer: .*It is a duration from 10s to 1d/);
    assert.match(await refused('other', '-'), /^2 coffer: secret other not found/);
    assert.match(await refused('--status', 'db'), /^2 coffer: no rotation of secret db is remembered/);
  });
  const rotate = (): Promise<RotationObject> =>
    Promise.reject(new CofferError('rotation.refused', 'the engine of this node does not manage its swarm'));
  await withCli({ rotate }, async ({ cli, store }) => {
    await putValue(store, 'db', Buffer.from('old'));
    const { code, stderr } = await cli(['rotate', 'db', '-'], { stdin: 'new' });
    assert.deepEqual([code, stderr], [2, 'coffer: the engine of this node does not manage its swarm\n']);
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { ForceNewCluster, ForceProgress } from '../../../src/control/index.ts';
import { FakeCluster } from '../../support/fake-cluster.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { STATUS } from '../control/control-harness.ts';
import { type CliHarness, Keyboard, withCli } from './cli-harness.ts';

const LAST_ENTRY = { term: 3, index: 40 };
const REMOVED = [{ id: 'id2', hostname: 'two', address: 'two:7373' }];
const DO_IT = ['force-new-cluster', '--others-are-gone'];

interface ForceHarness extends CliHarness {
  readonly cluster: FakeCluster;
  readonly force: FakeForce;
}

class FakeForce implements ForceNewCluster {
  begun = 0;
  /** What is told one after the other, the answer to `begin` first; the last one stays. */
  steps: (ForceProgress | CofferError)[] = [
    { phase: 'reopening', removed: REMOVED, lastEntry: LAST_ENTRY },
    new CofferError('store.starting', 'coffer is starting'),
    { phase: 'removing', removed: REMOVED, lastEntry: LAST_ENTRY },
    { phase: 'done', removed: REMOVED, lastEntry: LAST_ENTRY },
  ];

  async begin(): Promise<ForceProgress> {
    this.begun += 1;
    return this.progress();
  }

  progress(): ForceProgress {
    const [step, ...later] = this.steps;
    if (later.length > 0) {
      this.steps = later;
    }
    if (step === undefined || step instanceof CofferError) {
      throw step ?? new Error('nothing is told');
    }
    return step;
  }
}

async function withForce(work: (harness: ForceHarness) => Promise<void>): Promise<void> {
  const [cluster, force] = [new FakeCluster(), new FakeForce()];
  const about = { voter: true, self: false } as const;
  cluster.survey = {
    managers: [
      {
        ...about,
        id: 'id1',
        hostname: 'one',
        address: 'one:7373',
        self: true,
        state: 'answers',
        lastEntry: LAST_ENTRY,
      },
      { ...about, id: 'id2', hostname: 'two', address: 'two:7373', state: 'silent', problem: 'no route' },
    ],
    lastEntry: LAST_ENTRY,
    alone: false,
    refusal: undefined,
  };
  await withCli({ cluster: () => cluster, force }, (harness) => work({ ...harness, cluster, force }));
}

test('force-new-cluster shows what would happen, and does nothing unless it is told that the others are gone', async () => {
  await withForce(async ({ cli, force }) => {
    const { code, stdout, stderr } = await cli(['force-new-cluster']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(
      stdout,
      [
        'HOSTNAME   ADDRESS    STATUS      LAST ENTRY',
        'one *      one:7373   answers     3.40',
        'two        two:7373   no answer',
        'Nothing was changed. This manager could go on alone, with all up to entry 3.40, without two.',
        'If they are gone for good: coffer force-new-cluster --others-are-gone',
        '',
      ].join('\n'),
    );
    const json = await cli(['force-new-cluster', '--format', 'json']);
    assert.match(json.stdout, /"LastEntry":\{"Term":3,"Index":40\},"Alone":false/);
    assert.equal(force.begun, 0);
  });
});

test('force-new-cluster tells the daemon of the survivors that the administrator has looked at', async () => {
  await withForce(async ({ cli, cluster }) => {
    const told = ['--survivor', 'two=3.39', '--survivor', 'a=b=12.4'];
    await cli(['force-new-cluster', ...told]);
    const expected = [
      { node: 'two', lastEntry: { term: 3, index: 39 } },
      { node: 'a=b', lastEntry: { term: 12, index: 4 } },
    ];
    assert.deepEqual(cluster.calls, [`survey ${JSON.stringify({ told: expected, othersAreGone: true })}`]);
    for (const wrong of ['two', 'two=3', 'two=3.', '=3.4', 'two=0.4', 'two=3.4x', 'two=-3.4']) {
      const { code, stderr } = await cli(['force-new-cluster', '--survivor', wrong]);
      assert.equal(code, 1, wrong);
      assert.match(stderr, /NAME=TERM\.INDEX/);
    }
  });
});

test('force-new-cluster is refused with one sentence and what to do, in both forms', async () => {
  await withForce(async ({ cli, cluster, force }) => {
    const refusal = new CofferError('cluster.survivor', 'two is ahead', { hint: 'Run it on two.' });
    cluster.survey = { ...cluster.survey, refusal };
    const dry = await cli(['force-new-cluster']);
    assert.deepEqual([dry.code, dry.stderr], [2, 'coffer: two is ahead\nRun it on two.\n']);
    assert.match(dry.stdout, /^HOSTNAME/);
    assert.doesNotMatch(dry.stdout, /others-are-gone/);
    const wet = await cli([...DO_IT, '-y']);
    assert.deepEqual([wet.code, wet.stdout, wet.stderr], [2, '', 'coffer: two is ahead\nRun it on two.\n']);
    assert.equal(force.begun, 0);
  });
});

test('force-new-cluster follows it to the end, and says who was removed and what is next', async () => {
  await withForce(async ({ cli }) => {
    const { code, stdout, stderr } = await cli(DO_IT, { asDockerPlugin: false });
    assert.equal(code, 0);
    assert.equal(stderr, 'opening the store as that of the only manager\nremoving the others\n');
    assert.match(stdout, /^This manager is the only one of the cluster now, with all up to entry 3\.40\.\n/);
    assert.match(stdout, /\nRemoved: two \(two:7373\)\n/);
    assert.match(stdout, /move its state directory away[^]*coffer join-token manager\n$/);
  });
  await withForce(async ({ cli }) => {
    const { stdout } = await cli([...DO_IT, '--format', 'json']);
    assert.match(stdout, /^\{"Phase":"done",/);
  });
});

test('force-new-cluster asks at a terminal, and nothing is begun without a yes', async () => {
  await withForce(async ({ cli, force }) => {
    const no = await cli(DO_IT, { stdin: new Keyboard('n\n') });
    assert.equal(no.code, 1);
    assert.match(
      no.stderr,
      /^two \(two:7373\): removed for good.*Go on\? \[y\/N\] coffer: nothing was changed/,
    );
    assert.equal(force.begun, 0);
    assert.equal((await cli(DO_IT, { stdin: new Keyboard('y\n') })).code, 0);
    assert.equal(force.begun, 1);
  });
  await withForce(async ({ cli }) =>
    assert.equal((await cli([...DO_IT, '-y'], { stdin: new Keyboard() })).code, 0),
  );
});

test('force-new-cluster says what went wrong, and that a daemon which was started again did no harm', async () => {
  await withForce(async ({ cli, force }) => {
    const problem = { code: 'cluster.survivor', message: 'the log has gone on', hint: 'Look again.' };
    force.steps = [{ phase: 'failed', removed: REMOVED, problem }];
    const failed = await cli(DO_IT);
    assert.deepEqual([failed.code, failed.stderr], [2, 'coffer: the log has gone on\nLook again.\n']);
  });
  await withForce(async ({ cli, force }) => {
    force.steps = [
      { phase: 'reopening', removed: REMOVED },
      { phase: 'idle', removed: [] },
    ];
    const again = await cli(DO_IT);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /started again in the middle.*\nSee how it is: coffer node ls/);
  });
});

test('force-new-cluster has nothing to do on the only manager', async () => {
  await withForce(async ({ cli, cluster, force }) => {
    cluster.survey = { ...cluster.survey, alone: true, refusal: new CofferError('cluster.not-lost', 'x') };
    for (const argv of [['force-new-cluster'], DO_IT]) {
      const { code, stdout } = await cli(argv);
      assert.deepEqual([code, /only one that votes already/.test(stdout)], [0, true]);
    }
    assert.equal(force.begun, 0);
  });
});

test('status shows the last entry in the form that --survivor takes', async () => {
  const store = new MemoryStore();
  const status = { ...STATUS, store: { ...store.status(), lastTerm: 3, lastIndex: 4711 } };
  await withCli({ status: () => status }, async ({ cli }) => {
    const { stdout } = await cli(['status']);
    const [, entry = ''] = /^Last entry: +(\S+) \(its term and its place in the log\)$/m.exec(stdout) ?? [];
    assert.equal(entry, '3.4711');
  });
});

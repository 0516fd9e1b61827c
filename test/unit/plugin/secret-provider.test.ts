// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { decodeSecretRequest } from '../../../src/plugin/index.ts';
import { type Answer, textOf, withPlugin } from './plugin-harness.ts';

/** All the fields that an engine can fill. */
const FULL_REQUEST = {
  SecretName: 'db_password',
  SecretLabels: { team: 'data', note: 'a b' },
  ServiceHostname: '{{.Node.Hostname}}-x',
  ServiceID: 'yhw2k4oukw3mtdcqs5x6f6z7a',
  ServiceName: 'web',
  ServiceLabels: { tier: 'front' },
  TaskID: '60bdtc2m1n7ocj1w2r0y8kmhb',
  TaskName: 'web.1.60bdtc2m1n7ocj1w2r0y8kmhb',
  TaskImage: 'localhost:5000/web:latest',
  NodeID: 'ujup0c3x0b1w8k7kq4y3a9rwd',
  ServiceEndpointSpec: {
    Mode: 1,
    Ports: [{ Name: 'http', Protocol: 1, TargetPort: 80, PublishedPort: 18_080, PublishMode: 1 }],
  },
};

test('a request with every field of the protocol is read whole', () => {
  assert.deepEqual(decodeSecretRequest(Buffer.from(`${JSON.stringify(FULL_REQUEST)}\n`)), {
    secretName: 'db_password',
    labels: { team: 'data', note: 'a b' },
    service: {
      id: 'yhw2k4oukw3mtdcqs5x6f6z7a',
      name: 'web',
      hostname: '{{.Node.Hostname}}-x',
      labels: { tier: 'front' },
      endpoint: {
        mode: 'dnsrr',
        ports: [
          { name: 'http', protocol: 'udp', targetPort: 80, publishedPort: 18_080, publishMode: 'host' },
        ],
      },
    },
    task: {
      id: '60bdtc2m1n7ocj1w2r0y8kmhb',
      name: 'web.1.60bdtc2m1n7ocj1w2r0y8kmhb',
      image: 'localhost:5000/web:latest',
    },
    nodeId: 'ujup0c3x0b1w8k7kq4y3a9rwd',
  });
});

test('what Go leaves out or writes as null reads as empty', () => {
  const request = decodeSecretRequest(
    Buffer.from('{"SecretName":"d1","SecretLabels":null,"ServiceEndpointSpec":{},"FutureField":{"a":[1]}}'),
  );
  assert.deepEqual(request.labels, {});
  assert.deepEqual(request.service.endpoint, { mode: 'vip', ports: [] });
  assert.equal(request.task.id, '');
});

test('a task gets the current value, byte for byte, and is told not to reuse another task’s', async () => {
  await withPlugin(async ({ put, getSecret }) => {
    await put('db_password', Buffer.from([0, 255, 10, 0, 7]));
    const answer = await getSecret(FULL_REQUEST);
    assert.deepEqual(answer, { Value: Buffer.from([0, 255, 10, 0, 7]).toString('base64'), DoNotReuse: true });
  });
});

test('label coffer.reuse=true lets tasks on a node share a value, and nothing else does', async () => {
  await withPlugin(async ({ put, getSecret }) => {
    await put('s', 'v');
    for (const [reuse, expected] of [
      ['true', false],
      ['1', true],
      ['TRUE', true],
      ['', true],
    ] as const) {
      const { DoNotReuse } = await getSecret({ SecretName: 's', SecretLabels: { 'coffer.reuse': reuse } });
      assert.equal(DoNotReuse, expected, `coffer.reuse=${reuse}`);
    }
  });
});

test('label coffer.name gives the secret another name in the store, without regard to case', async () => {
  await withPlugin(async ({ put, getSecret }) => {
    await put('shared.password', 'the shared one');
    const answer = await getSecret({ SecretName: 'a', SecretLabels: { 'coffer.name': 'Shared.PASSWORD' } });
    assert.equal(textOf(answer), 'the shared one');
  });
});

test('label coffer.version pins a version; one that is not kept is refused with those that are', async () => {
  await withPlugin(async ({ put, getSecret }) => {
    await put('s', 'one');
    await put('s', 'two');
    const pinned = (version: string): Promise<Answer> =>
      getSecret({ SecretName: 's', SecretLabels: { 'coffer.version': version } });
    assert.equal(textOf(await pinned('1')), 'one');
    assert.equal(textOf(await pinned('2')), 'two');
    assert.equal(textOf(await pinned('current')), 'two');
    assert.match((await pinned('3')).Err ?? '', /secret.version-not-found.*has no version 3; it has 1, 2/);
    for (const wrong of ['0', '-1', '1.5', 'latest', '', '99999999999999999999', ' 1']) {
      assert.match((await pinned(wrong)).Err ?? '', /secret.label-invalid/, `coffer.version=${wrong}`);
    }
  });
});

test('a version that was destroyed is given to no task, pinned or not, and the refusal says so', async () => {
  await withPlugin(async ({ store, provider, put, getSecret }) => {
    await put('s', 'one');
    assert.equal(textOf(await getSecret({ SecretName: 's', TaskID: 'task1' })), 'one');
    await provider.flush();
    await put('s', 'two');
    const id = store.byName('s')?.id ?? '';
    await store.propose({ kind: 'destroy', id, numbers: [1], at_ms: 1 });
    const pinned = await getSecret({ SecretName: 's', SecretLabels: { 'coffer.version': '1' } });
    assert.match(pinned.Err ?? '', /secret.version-not-found.*version 1 of secret s was destroyed/);
    const again = await getSecret({ SecretName: 's', TaskID: 'task1' });
    assert.equal(textOf(again), 'two', 'a task that had it gets the current one');
  });
});

test('label coffer.version=previous gives the newest version before the current one that has a value', async () => {
  await withPlugin(async ({ store, provider, put, getSecret }) => {
    const previous = (TaskID: string): Promise<Answer> =>
      getSecret({
        SecretName: 'p',
        SecretLabels: { 'coffer.name': 's', 'coffer.version': 'previous' },
        TaskID,
      });
    const current = async (TaskID: string): Promise<string> =>
      textOf(await getSecret({ SecretName: 's', TaskID }));
    await put('s', 'one');
    assert.match(
      (await previous('task1')).Err ?? '',
      /secret.version-not-found.*secret s has no version before its current one, 1/,
    );
    await put('s', 'two');
    assert.equal(await current('task1'), 'two');
    assert.equal(textOf(await previous('task1')), 'one');
    await put('s', 'three');
    assert.deepEqual(
      [textOf(await previous('task1')), await current('task1')],
      ['two', 'two'],
      'at each call',
    );
    await provider.flush();
    const id = store.byName('s')?.id ?? '';
    await store.propose({ kind: 'destroy', id, numbers: [2], at_ms: 1 });
    assert.equal(textOf(await previous('task2')), 'one');
    assert.equal(await current('task2'), 'three', 'one does not stand for the other');
    await store.propose({ kind: 'destroy', id, numbers: [1], at_ms: 1 });
    assert.match((await previous('task2')).Err ?? '', /secret s has no version before its current one, 3/);
  });
});

test('a task may have both a pinned and the current version of a secret, now and when it asks again', async () => {
  await withPlugin(async ({ provider, put, getSecret }) => {
    await put('s', 'one');
    await put('s', 'two');
    const ask = async (version: string): Promise<string> => {
      const SecretLabels = { 'coffer.name': 's', 'coffer.version': version };
      return textOf(await getSecret({ SecretName: version, SecretLabels, TaskID: 'task1' }));
    };
    assert.deepEqual([await ask('1'), await ask('current'), await ask('1')], ['one', 'two', 'one']);
    await provider.flush();
    await put('s', 'three');
    assert.deepEqual([await ask('1'), await ask('current')], ['one', 'two']);
  });
});

test('a task that asks again gets the version that it got before; a new task gets the current one', async () => {
  await withPlugin(async ({ store, provider, put, getSecret }) => {
    await put('s', 'one');
    assert.equal(textOf(await getSecret({ SecretName: 's', TaskID: 'task1' })), 'one');
    await put('s', 'two');
    assert.equal(
      textOf(await getSecret({ SecretName: 's', TaskID: 'task1' })),
      'one',
      'before it is recorded',
    );
    await provider.flush();
    const id = store.byName('s')?.id ?? '';
    assert.equal(store.deliveredVersion('task1', id), 1);
    assert.equal(
      textOf(await getSecret({ SecretName: 's', TaskID: 'task1' })),
      'one',
      'after it is recorded',
    );
    assert.equal(textOf(await getSecret({ SecretName: 's', TaskID: 'task2' })), 'two');
  });
});

test('who was given what is remembered with its time, and whether a label asked for that version', async () => {
  await withPlugin(async ({ store, provider, put, getSecret }) => {
    await put('s', 'one');
    await put('s', 'two');
    const secretId = store.byName('s')?.id ?? '';
    const pin = { SecretName: 'old', SecretLabels: { 'coffer.name': 'S', 'coffer.version': '1' } };
    await getSecret({ ...pin, TaskID: 'task1' });
    await getSecret({ SecretName: 's', TaskID: 'task1' });
    await getSecret({ SecretName: 's' });
    await getSecret({ SecretName: 's', TaskID: 't'.repeat(65) });
    await provider.flush();
    const of = { taskId: 'task1', secretId, name: 's', at_ms: 1 };
    assert.deepEqual(store.deliveries(), [
      { ...of, version: 1, pinned: true },
      { ...of, version: 2, pinned: false },
    ]);
  });
});

test('a replay for tasks that were served before writes nothing', async () => {
  await withPlugin(async ({ store, provider, put, getSecret }) => {
    await put('s', 'one');
    const replay = async (): Promise<void> => {
      await getSecret({ SecretName: 's', TaskID: 'task1' });
      await getSecret({ SecretName: 's', SecretLabels: { 'coffer.version': '1' }, TaskID: 'task1' });
    };
    await replay();
    await replay();
    await provider.flush();
    assert.equal(store.deliveries().length, 2);
    const { lastIndex } = store.status();
    for (let call = 0; call < 50; call += 1) {
      await replay();
    }
    await provider.flush();
    assert.equal(store.status().lastIndex, lastIndex);
  });
});

test('coffer.generate makes a value at the first use, exactly once, also for sixty-four tasks at a time', async () => {
  await withPlugin(async ({ store, getSecret }) => {
    const labels = { 'coffer.generate': 'hex:32' };
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, task) =>
        getSecret({ SecretName: 'made', SecretLabels: labels, TaskID: `task${task}` }),
      ),
    );
    const values = new Set(answers.map((answer) => textOf(answer)));
    assert.equal(values.size, 1);
    assert.match([...values].join(), /^[0-9a-f]{64}$/);
    assert.equal(store.byName('made')?.versions.length, 1);
    assert.equal(store.byName('made')?.origin, 'generated');
  });
});

test('a value that is made at the first use is rotated by itself, if a label of the engine’s secret says so', async () => {
  await withPlugin(async ({ store, getSecret }) => {
    const labels = { 'coffer.generate': 'hex:8', 'coffer.rotate': '30d', other: 'x' };
    textOf(await getSecret({ SecretName: 'made', SecretLabels: labels }));
    assert.deepEqual(store.byName('made')?.labels, { 'coffer.generate': 'hex:8', 'coffer.rotate': '30d' });
    const wrong = { ...labels, 'coffer.rotate': 'monthly' };
    const { Err } = await getSecret({ SecretName: 'other', SecretLabels: wrong });
    assert.match(Err ?? '', /label coffer.rotate is how old a value gets, 1h to 3650d, not/);
    assert.equal(store.byName('other'), undefined);
  });
});

test('each kind of generated value has its form; any other specification is refused by name', async () => {
  await withPlugin(async ({ getSecret }) => {
    const generate = (name: string, specification: string): Promise<Answer> =>
      getSecret({ SecretName: name, SecretLabels: { 'coffer.generate': specification } });
    assert.match(textOf(await generate('a', 'hex:16')), /^[0-9a-f]{32}$/);
    assert.equal(Buffer.from(textOf(await generate('b', 'base64:32')), 'base64').length, 32);
    assert.match(textOf(await generate('c', 'password:24')), /^[\w.+=-]{24}$/);
    assert.match(
      textOf(await generate('d', 'uuid')),
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    for (const wrong of ['', 'hex', 'hex:0', 'hex:-1', 'hex:999999', 'uuid:4', 'rsa:2048', 'password:']) {
      assert.match((await generate('e', wrong)).Err ?? '', /secret.label-invalid/, wrong);
    }
  });
});

test('a secret that has a value is not generated anew', async () => {
  await withPlugin(async ({ put, getSecret }) => {
    await put('s', 'by hand');
    const answer = await getSecret({ SecretName: 's', SecretLabels: { 'coffer.generate': 'uuid' } });
    assert.equal(textOf(answer), 'by hand');
  });
});

test('a missing secret is refused with its name, and the refusal is kept for its service', async () => {
  await withPlugin(async ({ getSecret, refusals }) => {
    const { Err, Value } = await getSecret({ ...FULL_REQUEST, SecretName: 'nowhere' });
    assert.equal(Value, undefined);
    assert.match(Err ?? '', /secret.not-found.*no secret nowhere/);
    const [refusal, another] = refusals.list();
    assert.ok(refusal?.kind === 'secret');
    assert.deepEqual([refusal.secret, refusal.service], ['nowhere', 'web']);
    assert.match(refusal.error.hint ?? '', /docker coffer put nowhere -/);
    assert.equal(another, undefined);
  });
});

test('while the store does not serve, the answer is the reason, at once', async () => {
  const locked = new CofferError('store.damaged', 'entry 7 of the log was altered');
  await withPlugin(
    async ({ getSecret }) => {
      const { Err } = await getSecret({ SecretName: 's' });
      assert.equal(Err, '[store.damaged] entry 7 of the log was altered');
    },
    () => () => {
      throw locked;
    },
  );
});

test('while the index is loaded, tasks get their values', async () => {
  await withPlugin(async ({ store, put, getSecret }) => {
    await put('s', 'v');
    store.loaded_percent = 12;
    assert.equal(textOf(await getSecret({ SecretName: 's', TaskID: 't' })), 'v');
    const made = await getSecret({ SecretName: 'new', SecretLabels: { 'coffer.generate': 'uuid' } });
    assert.equal(made.Err, undefined);
    assert.match((await getSecret({ SecretName: 'missing' })).Err ?? '', /secret.not-found/);
  });
});

test('when the read round fails, local state answers, and later calls do not wait for another round', async () => {
  await withPlugin(async ({ store, put, getSecret, logged }) => {
    await put('s', 'v');
    let rounds = 0;
    let release: (() => void) | undefined;
    store.readBarrier = () => {
      rounds += 1;
      return rounds === 1
        ? Promise.resolve('local')
        : new Promise((resolve) => {
            release = () => resolve('linearizable');
          });
    };
    for (let call = 0; call < 20; call += 1) {
      assert.equal(textOf(await getSecret({ SecretName: 's', TaskID: `t${call}` })), 'v');
    }
    assert.equal(rounds, 2, 'one round that failed, one probe that is under way');
    assert.match(logged(), /"freshness":"local"/);
    release?.();
  });
});

test('a store that hangs does not hang the engine: the call is refused when its time is up', async () => {
  await withPlugin(async ({ store, getSecret }) => {
    store.propose = () => new Promise(() => undefined);
    const { Err } = await getSecret({ SecretName: 'new', SecretLabels: { 'coffer.generate': 'uuid' } });
    assert.match(Err ?? '', /store.timeout/);
  });
});

test('nothing that is logged or refused holds a value', async () => {
  await withPlugin(async ({ put, getSecret, logged, refusals }) => {
    await put('s', 'canary-4711');
    await getSecret({ SecretName: 's', TaskID: 't' });
    await getSecret({ SecretName: 's', SecretLabels: { 'coffer.version': '9' } });
    for (const form of ['canary-4711', Buffer.from('canary-4711').toString('base64')]) {
      assert.ok(!logged().includes(form));
      assert.ok(!JSON.stringify(refusals.list()).includes(form));
    }
  });
});

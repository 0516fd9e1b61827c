// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { VolumeDescription, VolumeService } from '../../../src/distribution/index.ts';
import { VolumeDriver, type VolumeDriverOptions } from '../../../src/plugin/index.ts';
import { requestOverSocket } from '../../support/socket-request.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type PluginHarness, post, withPlugin } from './plugin-harness.ts';

/** Volumes without files, that keep what they were asked for. */
class RecordedVolumes implements VolumeService {
  readonly calls: string[] = [];
  readonly volumes = new Map<string, VolumeDescription>();
  /** What a mount waits for, or throws. */
  beforeMount: (name: string) => Promise<void> = () => Promise.resolve();

  async create(name: string, options: Readonly<Record<string, string>>): Promise<void> {
    this.calls.push(`create ${name} ${JSON.stringify(options)}`);
    this.volumes.set(name, { name, mountpoint: undefined, createdAt: '2026-01-02T03:04:05Z' });
    return Promise.resolve();
  }

  async remove(name: string): Promise<void> {
    this.calls.push(`remove ${name}`);
    this.volumes.delete(name);
    return Promise.resolve();
  }

  async mount(name: string, mountId: string): Promise<string> {
    this.calls.push(`mount ${name} ${mountId}`);
    await this.beforeMount(name);
    const mountpoint = `/data/volumes/${name}/view`;
    this.volumes.set(name, { name, mountpoint, createdAt: '2026-01-02T03:04:05Z' });
    return mountpoint;
  }

  async unmount(name: string, mountId: string): Promise<void> {
    this.calls.push(`unmount ${name} ${mountId}`);
    return Promise.resolve();
  }

  get(name: string): VolumeDescription | undefined {
    return this.volumes.get(name);
  }

  usersOf(name: string): readonly string[] {
    return [`a container of ${name}`];
  }

  list(): readonly VolumeDescription[] {
    return [...this.volumes.values()];
  }
}

interface VolumeHarness extends PluginHarness {
  readonly volumes: RecordedVolumes;
  /** One call as an engine makes it: its status and its reply. */
  readonly call: (name: string, request?: unknown) => Promise<Readonly<Record<string, unknown>>>;
}

async function withVolumes(
  work: (harness: VolumeHarness) => Promise<void>,
  options: Partial<VolumeDriverOptions> = {},
): Promise<void> {
  const volumes = new RecordedVolumes();
  const driverOf = (
    given: Pick<VolumeDriverOptions, 'refusals' | 'audit' | 'logger' | 'now_ms'>,
  ): VolumeDriver => new VolumeDriver({ volumes, ready: () => Promise.resolve(), ...given, ...options });
  await withPlugin(
    async (harness) => {
      const call = async (
        name: string,
        request: unknown = {},
      ): Promise<Readonly<Record<string, unknown>>> => {
        const reply = await post(harness.socket, `${JSON.stringify(request)}\n`, `/VolumeDriver.${name}`);
        assert.equal(reply.status, 200);
        return reply.json() as Readonly<Record<string, unknown>>;
      };
      await work({ ...harness, volumes, call });
    },
    undefined,
    driverOf,
  );
}

test('activation names both capabilities, as the engine compares them to the letter', async () => {
  await withVolumes(async ({ socket }) => {
    const reply = await requestOverSocket(socket, { path: '/Plugin.Activate', method: 'POST' });
    assert.deepEqual(reply.json(), { Implements: ['secretprovider', 'VolumeDriver'] });
  });
});

test('the life of a volume, in the calls of an engine', async () => {
  await withVolumes(async ({ call, volumes }) => {
    assert.deepEqual(await call('Capabilities'), { Capabilities: { Scope: 'local' } });
    assert.match(String((await call('Get', { Name: 'db' }))['Err']), /volume\.not-found.*no volume db/);
    assert.deepEqual(await call('Create', { Name: 'db', Opts: { mode: '0400' } }), { Err: '' });
    const described = { Name: 'db', CreatedAt: '2026-01-02T03:04:05Z' };
    assert.deepEqual(await call('Get', { Name: 'db' }), { Volume: described, Err: '' });
    assert.deepEqual(await call('Path', { Name: 'db' }), { Mountpoint: '', Err: '' });
    const Mountpoint = '/data/volumes/db/view';
    assert.deepEqual(await call('Mount', { Name: 'db', ID: 'm1' }), { Mountpoint, Err: '' });
    assert.deepEqual(await call('Path', { Name: 'db' }), { Mountpoint, Err: '' });
    assert.deepEqual(await call('List'), { Volumes: [{ ...described, Mountpoint }], Err: '' });
    assert.deepEqual(await call('Unmount', { Name: 'db', ID: 'm1' }), { Err: '' });
    assert.deepEqual(await call('Remove', { Name: 'db' }), { Err: '' });
    assert.deepEqual(await call('List'), { Volumes: [], Err: '' });
    assert.deepEqual(volumes.calls, [
      'create db {"mode":"0400"}',
      'mount db m1',
      'unmount db m1',
      'remove db',
    ]);
  });
});

test('options may be null, as docker run sends them, and fields that nobody knows are left alone', async () => {
  await withVolumes(async ({ call, volumes }) => {
    await call('Create', { Name: 'db', Opts: null, Labels: { a: 'b' } });
    await call('Create', { Name: 'web' });
    assert.deepEqual(volumes.calls, ['create db {}', 'create web {}']);
  });
});

test('a mount that is refused shows the reason and what mends it, both are kept, and it is in the audit log', async () => {
  await withVolumes(async ({ audit, call, refusals, volumes }) => {
    volumes.beforeMount = () =>
      Promise.reject(
        new CofferError('volume.refused', 'container web may not have secret db', {
          hint: 'Allow it: docker coffer grant db --node n1',
        }),
      );
    assert.deepEqual(await call('Mount', { Name: 'db', ID: 'm1' }), {
      Err: '[volume.refused] container web may not have secret db. Allow it: docker coffer grant db --node n1',
    });
    const [refused] = refusals.list();
    assert.ok(refused?.kind === 'volume');
    assert.deepEqual([refused.volume, refused.error.code, refused.at_ms], ['db', 'volume.refused', 1]);
    assert.deepEqual(refused.users, ['a container of db']);
    assert.deepEqual(audit.records, [
      { event: 'refuse', volume: 'db', service: 'a container of db', by: 'volume', code: 'volume.refused' },
    ]);
  });
});

test('while the node hands nothing out, a mount says why, and all else works', async () => {
  const ready = (): Promise<never> =>
    Promise.reject(new CofferError('store.locked', 'this node is locked', { hint: 'Unlock it.' }));
  await withVolumes(
    async ({ call, refusals, volumes }) => {
      await call('Create', { Name: 'db', Opts: null });
      assert.deepEqual(await call('Mount', { Name: 'db', ID: 'm1' }), {
        Err: '[store.locked] this node is locked. Unlock it.',
      });
      assert.equal(refusals.list().length, 1);
      assert.deepEqual((await call('List'))['Err'], '');
      assert.deepEqual((await call('Get', { Name: 'db' }))['Err'], '');
      assert.deepEqual((await call('Unmount', { Name: 'db', ID: 'm0' }))['Err'], '');
      assert.deepEqual((await call('Remove', { Name: 'db' }))['Err'], '');
      assert.deepEqual(volumes.calls, ['create db {}', 'unmount db m0', 'remove db']);
    },
    { ready },
  );
});

test('a mount that waits holds nobody else up', async () => {
  await withVolumes(async ({ call, volumes }) => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    volumes.beforeMount = (name) => (name === 'slow' ? gate : Promise.resolve());
    const slow = [1, 2, 3].map((index) => call('Mount', { Name: 'slow', ID: `s${index}` }));
    await waitFor(() => volumes.calls.length === 3, { what: 'three mounts to wait', interval_ms: 5 });
    assert.equal((await call('Mount', { Name: 'db', ID: 'm1' }))['Err'], '');
    assert.equal((await call('List'))['Err'], '');
    open();
    for (const reply of await Promise.all(slow)) {
      assert.equal(reply['Err'], '');
    }
  });
});

test('a mount has a time of its own, and one that succeeds later is undone, since the engine does not know of it', async () => {
  await withVolumes(
    async ({ call, refusals, volumes }) => {
      let open = (): void => undefined;
      volumes.beforeMount = () =>
        new Promise((resolve) => {
          open = resolve;
        });
      const reply = await call('Mount', { Name: 'db', ID: 'm1' });
      assert.match(String(reply['Err']), /volume\.timeout.*volume db could not be mounted within 50 ms/);
      assert.equal(refusals.list().length, 1);
      open();
      await waitFor(() => volumes.calls.length === 2, { what: 'the mount to be undone', interval_ms: 5 });
      assert.deepEqual(volumes.calls, ['mount db m1', 'unmount db m1']);
    },
    { mountDeadline_ms: 50 },
  );
});

test('a node that is ready too late does not mount for an engine that has given up', async () => {
  let open = (): void => undefined;
  const ready = (): Promise<void> =>
    new Promise((resolve) => {
      open = resolve;
    });
  await withVolumes(
    async ({ call, volumes }) => {
      assert.match(String((await call('Mount', { Name: 'db', ID: 'm1' }))['Err']), /volume\.timeout/);
      open();
      await new Promise(setImmediate);
      assert.deepEqual(volumes.calls, []);
    },
    { ready, mountDeadline_ms: 50 },
  );
});

test('a mount is undone if the engine has gone before it is answered', async () => {
  await withVolumes(async ({ socket, volumes }) => {
    let open = (): void => undefined;
    volumes.beforeMount = () =>
      new Promise((resolve) => {
        open = resolve;
      });
    const body = '{"Name":"db","ID":"m1"}';
    const connection = connect(socket);
    connection.write(
      `POST /VolumeDriver.Mount HTTP/1.1\r\nHost: \r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await waitFor(() => volumes.calls.length === 1, { what: 'the mount', interval_ms: 5 });
    const closed = once(connection, 'close');
    connection.destroy();
    await closed;
    open();
    await waitFor(() => volumes.calls.length === 2, { what: 'the mount to be undone', interval_ms: 5 });
    assert.deepEqual(volumes.calls, ['mount db m1', 'unmount db m1']);
  });
});

const HOSTILE_BODIES: readonly (readonly [string, string | Uint8Array])[] = [
  ['an empty body, as the engine sends when it repeats a call', ''],
  ['no JSON', '{oops'],
  ['a list', '[]'],
  ['no name', '{"ID":"m1"}'],
  ['an empty name', '{"Name":"","ID":"m1"}'],
  ['a name of another type', '{"Name":7,"ID":"m1"}'],
  ['an id of another type', '{"Name":"db","ID":{}}'],
  ['options of another type', '{"Name":"db","ID":{},"Opts":{"a":1}}'],
  ['deep nesting', '['.repeat(500_000)],
  ['two megabytes', Buffer.alloc(2 * 1024 * 1024, 'a')],
];

for (const [what, body] of HOSTILE_BODIES) {
  test(`${what} is answered with a sentence, and the next call works`, async () => {
    await withVolumes(async ({ call, socket, volumes }) => {
      const reply = await post(socket, body, '/VolumeDriver.Mount');
      assert.equal(reply.status, 200);
      const { Err, Mountpoint } = reply.json() as { Err?: string; Mountpoint?: string };
      assert.equal(Mountpoint, undefined);
      assert.match(Err ?? '', /^\[request\.[a-z-]+\] [^\n]{10,300}$/);
      assert.deepEqual(volumes.calls, []);
      assert.equal((await call('Mount', { Name: 'db', ID: 'm1' }))['Err'], '');
    });
  });
}

test('a caller that does not finish its request is answered, and cut off', async () => {
  await withVolumes(async ({ call, socket }) => {
    const connection = connect(socket);
    connection.write('POST /VolumeDriver.Create HTTP/1.1\r\nHost: \r\nContent-Length: 100\r\n\r\n{"Name');
    const closed = once(connection, 'close');
    const [data] = (await once(connection, 'data')) as [Buffer];
    assert.match(data.toString(), /the request was not complete after 1000 ms/);
    await closed;
    assert.equal((await call('List'))['Err'], '');
  });
});

test('an empty body is all that a call without arguments needs', async () => {
  await withVolumes(async ({ socket }) => {
    for (const [call, reply] of [
      ['Capabilities', { Capabilities: { Scope: 'local' } }],
      ['List', { Volumes: [], Err: '' }],
    ] as const) {
      assert.deepEqual((await post(socket, '', `/VolumeDriver.${call}`)).json(), reply);
    }
  });
});

test('a wrong method and an unknown call are told apart, with a reason', async () => {
  await withVolumes(async ({ socket }) => {
    const get = await requestOverSocket(socket, { path: '/VolumeDriver.List' });
    assert.deepEqual([get.status, /use POST/.test(get.text)], [405, true]);
    const unknown = await post(socket, '{}', '/VolumeDriver.Format');
    assert.deepEqual([unknown.status, /no plugin call/.test(unknown.text)], [404, true]);
  });
});

test('errors that are not coffer’s are told, and end nothing', async () => {
  await withVolumes(async ({ call, volumes }) => {
    volumes.remove = () => Promise.reject(new Error('EIO: i/o error'));
    assert.match(String((await call('Remove', { Name: 'db' }))['Err']), /internal\.unexpected.*EIO/);
    volumes.list = () => {
      throw new Error('broken');
    };
    assert.match(String((await call('List'))['Err']), /internal\.unexpected.*broken/);
    assert.equal((await call('Create', { Name: 'db' }))['Err'], '');
  });
});

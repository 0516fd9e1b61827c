// SPDX-License-Identifier: Apache-2.0
// A disk that is full, and one that lies: the daemon keeps its sockets open, says on each of them what is wrong and
// what to do, lets everything else pass, and never serves a wrong value.
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory, type TemporaryDirectory } from '../support/cleanup.ts';
import { type Coffer, startCoffer } from '../support/coffer.ts';
import { storeServes } from '../support/crash-load.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import {
  callControl,
  createThroughGateway,
  getSecret,
  inParallel,
  putThroughControl,
  valueIn,
} from '../support/secret-calls.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { requestOverSocket } from '../support/socket-request.ts';
import { waitFor } from '../support/wait-for.ts';

const MIB = 1024 * 1024;
const DISK_BYTES = 96 * MIB;

interface Status {
  readonly state: string;
  readonly reason?: { readonly code: string; readonly message: string; readonly hint?: string };
  readonly store?: { readonly secrets: number };
}

async function statusOf(coffer: Coffer): Promise<Status> {
  return (await callControl(coffer, 'GET', '/v1/status')).json() as Status;
}

async function engineNames(engine: Engine): Promise<readonly string[]> {
  const reply = await requestOverSocket(engine.socket, { path: '/secrets' });
  return (reply.json() as readonly { readonly Spec: { readonly Name: string } }[]).map(
    ({ Spec }) => Spec.Name,
  );
}

describe('a full disk', () => {
  let temporary: TemporaryDirectory;
  let disk: SmallDisk;
  let engine: Engine;
  let coffer: Coffer;
  before(async () => {
    temporary = temporaryDirectory();
    // Before the engine's host box is made, which sees the mounts of that moment.
    disk = new SmallDisk(temporary.path, DISK_BYTES);
    engine = await startEngine({ name: 'full' });
    await engine.swarmInit();
    coffer = await startCoffer({ engine, env: { COFFER_STATE: path.join(disk.path, 'state') } });
    await storeServes(coffer);
    for (const name of ['kept-1', 'kept-2', 'kept-3']) {
      assert.equal((await createThroughGateway(coffer, name, Buffer.from(`value of ${name}`))).status, 201);
    }
  });
  after(async () => {
    await coffer?.stop();
    await engine?.stop();
    disk?.free();
    disk?.unmount();
    temporary?.remove();
  });

  /** The free space is measured every half second. */
  const becomesFull = async (): Promise<void> => {
    let number = 0;
    await waitFor(
      async () => {
        number += 1;
        const { status } = await putThroughControl(coffer, `until-full-${number}`, Buffer.from('small'));
        return status === 507;
      },
      { what: 'a put to be refused', interval_ms: 100 },
    );
  };

  test('is named in every refusal, with what to do, and leaves nothing half there', async () => {
    disk.fill(36 * MIB);
    await becomesFull();
    const before_ = await statusOf(coffer);
    const namesBefore = await engineNames(engine);
    assert.equal(before_.state, 'serving');

    const input = 'a value without room';
    const docker = await engine.tryDocker(['secret', 'create', 'no-room', '-'], {
      input,
      socket: coffer.gatewaySocket,
    });
    assert.equal(docker.code, 1);
    assert.match(docker.stderr, /disk .*is full: \d+ MiB are free.*Free some space/s);
    const put = await coffer.tryCli(['put', 'no-room', '-'], { input });
    assert.equal(put.code, 2);
    assert.match(put.stderr, /disk .*is full.*Free some space/s);
    const labels = { 'coffer.generate': 'hex:32' };
    const refused = (await getSecret(coffer, { secret: 'no-room', task: 'task', labels })).json();
    assert.match((refused as { readonly Err: string }).Err, /^\[store\.disk-full\]/);

    assert.deepEqual(await engineNames(engine), namesBefore);
    assert.equal((await statusOf(coffer)).store?.secrets, before_.store?.secrets);
    assert.match((await getSecret(coffer, { secret: 'no-room', task: 'task' })).text, /secret\.not-found/);
    const doctor = await coffer.tryCli(['doctor']);
    assert.match(doctor.stdout + doctor.stderr, /\d+ MiB are free for the state directory/);
  });

  test('does not hinder what is stored from being served, listed and removed', async () => {
    const served = async (task: string): Promise<string> =>
      valueIn(await getSecret(coffer, { secret: 'kept-1', task })).toString();
    assert.equal(await served('task-1'), 'value of kept-1');
    const gateway = { socket: coffer.gatewaySocket };
    await engine.docker(['secret', 'rm', 'kept-2'], gateway);
    assert.match((await getSecret(coffer, { secret: 'kept-2', task: 'task' })).text, /secret\.not-found/);
    disk.fill(0);
    assert.equal(await served('task-2'), 'value of kept-1');
    assert.match((await engine.docker(['secret', 'ls'], gateway)).stdout, /kept-1/);
  });

  test('at a start is told on every interface, and the store opens by itself when there is room', async () => {
    await coffer.restart();
    await waitFor(async () => (await statusOf(coffer)).state !== 'starting', {
      what: 'the start to come to an end',
    });
    const { pid } = coffer;
    const { state, reason } = await statusOf(coffer);
    if (state === 'degraded') {
      assert.match(`${reason?.message} ${reason?.hint}`, /space|disk/i);
    }
    disk.free();
    await storeServes(coffer);
    assert.equal(coffer.pid, pid);
    for (const name of ['kept-1', 'kept-3']) {
      const value = valueIn(await getSecret(coffer, { secret: name, task: 'after' }));
      assert.equal(value.toString(), `value of ${name}`);
    }
    await waitFor(
      async () => (await createThroughGateway(coffer, 'again', Buffer.from('room'))).status === 201,
      {
        what: 'a create to work again',
      },
    );
    assert.equal(valueIn(await getSecret(coffer, { secret: 'again', task: 'task' })).toString(), 'room');
  });
});

describe('a damaged state directory', () => {
  const random = new SeededRandom();
  const values = new Map<string, Buffer>();
  let engine: Engine;
  let coffer: Coffer;
  let pristine: string;
  before(async () => {
    engine = await startEngine({ name: 'damage' });
    await engine.swarmInit();
    coffer = await startCoffer({ engine });
    await storeServes(coffer);
    const names = Array.from({ length: 60 }, (_, number) => `secret-${number}`);
    await inParallel(names, 4, async (name) => {
      const value = random.bytes(100 + random.below(200_000));
      values.set(name, value);
      const stored =
        random.below(2) === 0
          ? await createThroughGateway(coffer, name, value)
          : await putThroughControl(coffer, name, value);
      assert.equal(stored.status, 201, stored.text);
    });
    await coffer.restart();
    await storeServes(coffer);
    for (const name of ['after-the-restart', 'and-another']) {
      values.set(name, Buffer.from(`value of ${name}`));
      await putThroughControl(coffer, name, values.get(name) ?? Buffer.alloc(0));
    }
    await coffer.stop();
    pristine = path.join(engine.directory, 'pristine');
    cpSync(coffer.stateDirectory, pristine, { recursive: true });
  });
  after(async () => {
    await coffer?.stop();
    await engine?.stop();
  });

  function filesOfState(): readonly string[] {
    return readdirSync(pristine, { recursive: true, encoding: 'utf8' }).filter(
      (name) => statSync(path.join(pristine, name)).isFile() && statSync(path.join(pristine, name)).size > 0,
    );
  }

  /** Starts on a copy that `damage` spoiled, and has `check` look at it; the process must live through it. */
  async function startDamaged(damage: (state: string) => void, check: () => Promise<void>): Promise<void> {
    rmSync(coffer.stateDirectory, { recursive: true, force: true });
    cpSync(pristine, coffer.stateDirectory, { recursive: true });
    damage(coffer.stateDirectory);
    await coffer.start();
    const { pid } = coffer;
    try {
      await waitFor(async () => (await statusOf(coffer)).state !== 'starting', {
        what: 'the start',
        interval_ms: 10,
      });
      await check();
      assert.equal(coffer.pid, pid, 'the process that met the damage lives on');
    } finally {
      await coffer.kill9();
    }
  }

  /** The damage and its mend are told on all interfaces; the engine's own business goes on. */
  async function tellsDamage(): Promise<void> {
    const { state, reason } = await statusOf(coffer);
    assert.equal(state, 'degraded');
    const codes = ['store.damaged', 'store.faulted', 'cluster.identity-missing'];
    assert.ok(reason !== undefined && codes.includes(reason.code), reason?.code);
    assert.match(reason.hint ?? '', reason.code === 'store.faulted' ? /disk/ : /copy/);
    const { code, message } = reason;

    const listed = await callControl(coffer, 'GET', '/v1/secrets');
    assert.equal(listed.status, 503);
    assert.equal((listed.json() as { readonly message: string }).message, message);
    const put = await putThroughControl(coffer, 'new', Buffer.from('value'));
    assert.equal(put.status, 503);

    const created = await createThroughGateway(coffer, 'new', Buffer.from('value'));
    assert.ok(created.status >= 500, `${created.status}`);
    assert.ok((created.json() as { readonly message: string }).message.includes(message), created.text);
    assert.ok(!(await engineNames(engine)).includes('new'));

    const asked = await getSecret(coffer, { secret: 'secret-1', task: 'task' });
    assert.equal((asked.json() as { readonly Err: string }).Err, `[${code}] ${message}`);
    const activated = await requestOverSocket(coffer.pluginSocket, {
      method: 'POST',
      path: '/Plugin.Activate',
    });
    assert.deepEqual(activated.json(), { Implements: ['secretprovider', 'VolumeDriver'] });

    const through = { path: '/v1.41/info' };
    assert.equal((await requestOverSocket(coffer.gatewaySocket, through)).status, 200);
    const secrets = await requestOverSocket(coffer.gatewaySocket, { path: '/v1.41/secrets' });
    assert.equal(secrets.status, 200);
  }

  /** Every value is right, or its refusal names the damage. Returns how many are refused. */
  async function servesNoWrongValue(): Promise<number> {
    let refused = 0;
    await inParallel([...values], 8, async ([name, value]) => {
      const reply = await getSecret(coffer, { secret: name, task: `task-${name}` });
      if (reply.text.startsWith('{"Err":"[store.damaged]')) {
        refused += 1;
      } else {
        assert.ok(valueIn(reply).equals(value), `the value of ${name}`);
      }
    });
    return refused;
  }

  const flip = (file: string, offset: number): void => {
    const bytes = readFileSync(file);
    bytes[offset] = (bytes[offset] ?? 0) ^ 0x40;
    writeFileSync(file, bytes);
  };

  test('that is whole serves every value', async () => {
    await startDamaged(
      () => undefined,
      async () => {
        assert.equal((await statusOf(coffer)).state, 'serving');
        assert.equal(await servesNoWrongValue(), 0);
      },
    );
  });

  test('with one flipped byte, anywhere in any file, is refused or serves what is right', async (t) => {
    t.diagnostic(random.description);
    // LOG is what LevelDB tells people, and is never read again.
    const files = filesOfState().filter((name) => !path.basename(name).startsWith('LOG'));
    assert.ok(files.some((name) => name.endsWith('.ldb')) && files.some((name) => name.endsWith('.log')));
    let told = 0;
    for (const name of files) {
      const { size } = statSync(path.join(pristine, name));
      const offsets = [0, Math.floor(size / 2), size - 1, random.below(size)];
      for (const offset of new Set(offsets)) {
        await startDamaged(
          (state) => flip(path.join(state, name), offset),
          async () => {
            if ((await statusOf(coffer)).state === 'degraded') {
              told += 1;
              await tellsDamage();
            } else {
              told += Math.min(1, await servesNoWrongValue());
            }
          },
        ).catch((error: unknown) => {
          throw new Error(`byte ${offset} of ${size} in ${name} (${random.description})`, { cause: error });
        });
      }
    }
    assert.ok(told > 0, 'some of it was noticed');
  });

  const isLog = (name: string): boolean => name.endsWith('.log');
  const isTable = (name: string): boolean => name.endsWith('.ldb');
  const each = (state: string, wanted: (name: string) => boolean, spoil: (file: string) => void): void => {
    const chosen = filesOfState().filter(wanted);
    assert.ok(chosen.length > 0, 'there is such a file');
    for (const name of chosen) {
      spoil(path.join(state, name));
    }
  };
  const damages: Readonly<Record<string, (state: string) => void>> = {
    'whose log was emptied': (state) => each(state, isLog, (file) => truncateSync(file)),
    'whose log was cut in half': (state) =>
      each(state, isLog, (file) => truncateSync(file, Math.floor(statSync(file).size / 2))),
    'whose log is gone': (state) => each(state, isLog, (file) => rmSync(file)),
    'with a table gone': (state) => each(state, isTable, (file) => rmSync(file)),
    'with a table emptied': (state) => each(state, isTable, (file) => truncateSync(file)),
    'without the name of its manifest': (state) => rmSync(path.join(state, 'database', 'CURRENT')),
    'without its manifest': (state) =>
      each(
        state,
        (name) => name.includes('MANIFEST'),
        (file) => rmSync(file),
      ),
    'without its database': (state) => rmSync(path.join(state, 'database'), { recursive: true }),
    'without its checkpoint': (state) => rmSync(path.join(state, 'checkpoint')),
    'without its keys': (state) => rmSync(path.join(state, 'keys.json')),
    'with broken keys': (state) => writeFileSync(path.join(state, 'keys.json'), '{"version":1'),
  };
  for (const [what, damage] of Object.entries(damages)) {
    test(`${what} is told on every interface, while the engine's own calls pass`, async () => {
      await startDamaged(damage, tellsDamage);
    });
  }

  test('is told by both command lines, with what to do', async () => {
    await startDamaged(damages['without its keys'] ?? (() => undefined), async () => {
      const create = ['secret', 'create', 'new', '-'];
      const created = await engine.tryDocker(create, { input: 'value', socket: coffer.gatewaySocket });
      assert.match(created.stderr, /keys\.json with its keys is gone/);
      assert.match((await engine.docker(['ps'], { socket: coffer.gatewaySocket })).stdout, /CONTAINER ID/);
      for (const args of [['status'], ['doctor'], ['ls'], ['put', 'x', '-']]) {
        const { stdout, stderr } = await coffer.tryCli(args, { input: 'value' });
        assert.match(stdout + stderr, /keys\.json with its keys is gone/, args[0]);
      }
    });
  });

  test('put back from a copy serves everything again', async () => {
    await startDamaged(
      () => undefined,
      async () => assert.equal(await servesNoWrongValue(), 0),
    );
    assert.ok(existsSync(coffer.stateDirectory));
  });
});

// SPDX-License-Identifier: Apache-2.0
// A thousand random values are stored and served in every way there is. Afterwards none of them stands in any file,
// log line, process or answer, but the two that must carry it: the request that stores it and the answer to GetSecret.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TEST_IMAGE } from '../support/busybox.ts';
import { temporaryDirectory } from '../support/cleanup.ts';
import { type Coffer, startCoffer } from '../support/coffer.ts';
import type { CommandResult } from '../support/command.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { describeLeaks, type Leak, LeakScanner } from '../support/leak-scanner.ts';
import {
  callControl,
  createThroughGateway,
  getSecret,
  inParallel,
  putThroughControl,
  valueIn,
} from '../support/secret-calls.ts';
import { requestOverSocket, type SocketReply } from '../support/socket-request.ts';
import { waitFor } from '../support/wait-for.ts';

const WIDTH = 8;
/** What JSON, URLs, shells and loggers write in a form of its own. */
const AWKWARD = '"\\/<&>%+ \t\'{}é☃;$`';

interface Canary {
  readonly name: string;
  readonly value: Buffer;
}

function textValue(): Buffer {
  const [head, tail] = [randomBytes(9).toString('base64'), randomBytes(9).toString('base64')];
  return Buffer.from(
    `${head.slice(0, 6)}"<&\\${head}${AWKWARD}${randomUUID()}${tail}%+ ${tail.slice(0, 10)}`,
  );
}

function valueNumber(number: number): Buffer {
  if (number === 0) {
    return randomBytes(511_999);
  }
  return number % 2 === 0 ? textValue() : randomBytes(32 + ((number * 37) % 900));
}

function newCanaries(prefix: string, count: number): readonly Canary[] {
  return Array.from({ length: count }, (_, number) => ({
    name: `${prefix}-${randomBytes(6).toString('hex')}-name`,
    value: valueNumber(number),
  }));
}

describe('the scanner itself', () => {
  test('finds each form of each value in a file, across the bounds of its chunks, and nothing else', () => {
    const scanner = new LeakScanner();
    const text = textValue();
    const binary = randomBytes(40);
    scanner.add('text', text);
    scanner.add('binary', binary);
    const directory = temporaryDirectory();
    try {
      const planted: readonly (readonly [string, Buffer | string])[] = [
        ['text', text],
        ['binary', binary],
        ['text', JSON.stringify({ a: text.toString() })],
        ['text', encodeURIComponent(text.toString())],
        ['binary', binary.toString('hex')],
        ['binary', JSON.stringify(binary)],
        ...[0, 1, 2].map((before) => {
          const encoded = Buffer.concat([Buffer.alloc(before, 1), binary, Buffer.from('more')]);
          return ['binary', encoded.toString('base64')] as const;
        }),
      ];
      for (const [index, [name, bytes]] of planted.entries()) {
        const file = path.join(directory.path, `planted-${index}`);
        const chunk = 4 * 1024 * 1024;
        const before_ = randomBytes(chunk - 10);
        writeFileSync(file, Buffer.concat([before_, Buffer.from(bytes), randomBytes(1000)]));
        assert.ok(
          scanner.scanFile(file).some((leak) => leak.value === name),
          `${name} in ${file}`,
        );
        writeFileSync(file, Buffer.concat([before_, randomBytes(1000)]));
        assert.deepEqual(scanner.scanFile(file), []);
      }
    } finally {
      directory.remove();
    }
  });
});

describe('a thousand values', () => {
  const gateway = newCanaries('gw', 480);
  const control = newCanaries('ctl', 380);
  const typed = newCanaries('cli', 20);
  const refused = newCanaries('no', 20);
  const rotated = newCanaries('rot', 20);
  const generatedNames = Array.from({ length: 80 }, () => `gen-${randomBytes(6).toString('hex')}-name`);
  const generated: Canary[] = [];
  const stored = [...gateway, ...control, ...typed];
  /** Every answer that a client saw, but those of GetSecret. */
  const seen: { readonly place: string; readonly bytes: Buffer }[] = [];
  const scanner = new LeakScanner();
  const startedAt_ms = Date.now();
  let engine: Engine;
  let coffer: Coffer;

  before(async () => {
    engine = await startEngine({ name: 'canary' });
    await engine.importBusybox();
    await engine.swarmInit();
    mkdirSync(path.join(engine.directory, 'tmp'));
    coffer = await startCoffer({ engine, env: { TMPDIR: path.join(engine.directory, 'tmp') } });
    for (const { name, value } of [...stored, ...refused, ...rotated]) {
      scanner.add(name, value);
    }
  });
  after(async () => {
    await coffer?.stop();
    await engine?.stop();
  });

  function noteReply(place: string, reply: SocketReply): SocketReply {
    const head = Buffer.from(`${reply.status} ${JSON.stringify(reply.headers)}\n`);
    seen.push({ place, bytes: Buffer.concat([head, reply.bytes]) });
    return reply;
  }

  function noteCommand(place: string, result: CommandResult): CommandResult {
    seen.push({ place, bytes: Buffer.concat([result.stdoutBytes, Buffer.from(result.stderr)]) });
    return result;
  }

  const docker = async (args: readonly string[], input?: Buffer): Promise<CommandResult> => {
    const options = { socket: coffer.gatewaySocket, ...(input === undefined ? {} : { input }) };
    return noteCommand(`docker ${args.join(' ')}`, await engine.tryDocker(args, options));
  };
  const cli = async (args: readonly string[], input?: Buffer): Promise<CommandResult> =>
    noteCommand(`coffer ${args.join(' ')}`, await coffer.tryCli(args, input === undefined ? {} : { input }));

  test('are stored: through the gateway, over the control socket, by both command lines, generated', async () => {
    await inParallel(gateway, WIDTH, async ({ name, value }) => {
      const reply = noteReply(`create ${name}`, await createThroughGateway(coffer, name, value));
      assert.equal(reply.status, 201, reply.text);
    });
    await inParallel(control, WIDTH, async ({ name, value }) => {
      const reply = noteReply(`put ${name}`, await putThroughControl(coffer, name, value));
      assert.equal(reply.status, 201, reply.text);
    });
    await inParallel([...typed.entries()], 4, async ([number, { name, value }]) => {
      const { code, stderr } =
        number % 2 === 0
          ? await docker(['secret', 'create', name, '-'], value)
          : await cli(['put', name, '-', '--label', 'made=here'], value);
      assert.equal(code, 0, stderr);
    });
    await inParallel([...generatedNames.entries()], WIDTH, async ([number, name]) => {
      const spec = ['hex:32', 'base64:32', 'password:24', 'uuid'][number % 4] ?? '';
      const target = `/v1/secrets/${name}/generate?spec=${spec}`;
      assert.equal(noteReply(`generate ${name}`, await callControl(coffer, 'POST', target)).status, 201);
    });
  });

  test('are refused in every way, and no refusal quotes them', async () => {
    const taken = stored[1]?.name ?? '';
    const attempts: readonly ((value: Buffer, number: number) => Promise<SocketReply | CommandResult>)[] = [
      async (value) => createThroughGateway(coffer, taken, value),
      async (value) => createThroughGateway(coffer, 'bad name!', value),
      async (value) =>
        createThroughGateway(coffer, 'x', Buffer.concat([value, Buffer.alloc(512_000, value)])),
      async (value) => createThroughGateway(coffer, 'x', value, { Driver: { Name: '' } }),
      async (value) => createThroughGateway(coffer, 'x', value, { Labels: 7 }),
      async (value) => createThroughGateway(coffer, 'x', value, { Data: `${value.toString('base64')}!` }),
      async (value) => createThroughGateway(coffer, 'x', value, { Data: { deep: value.toString('base64') } }),
      async (value) => putThroughControl(coffer, 'bad name!', value),
      async (value) => putThroughControl(coffer, 'x', Buffer.alloc(600_000, value)),
      async (value) => callControl(coffer, 'PUT', `/v1/secrets/${taken}?expect=41`, value),
      async (value) => callControl(coffer, 'PUT', '/v1/secrets/x?expect=perhaps', value),
      async (value) => callControl(coffer, 'POST', '/v1/status', value),
      async (value) => callControl(coffer, 'PUT', '/v1/nowhere', value),
      async (value) => docker(['secret', 'create', taken, '-'], value),
      async (value) => docker(['secret', 'create', 'bad name!', '-'], value),
      async (value) => cli(['put', 'bad name!', '-'], value),
      async (value) => cli(['put', taken, '-', '--cas', '7'], value),
      async (value) => cli(['put', 'x', '-', '--no-such-flag'], value),
    ];
    for (const [number, attempt] of attempts.entries()) {
      const { value = Buffer.alloc(0) } = refused[number] ?? {};
      const result = await attempt(value, number);
      if ('status' in result) {
        noteReply(`refusal ${number}`, result);
        assert.ok(result.status >= 400, `attempt ${number} is refused, not ${result.status}`);
      } else {
        assert.notEqual(result.code, 0);
      }
    }
    noteReply('no such secret', await getSecret(coffer, { secret: 'no-such-secret', task: 'task' }));
    const labels = { 'coffer.version': '99' };
    noteReply('no such version', await getSecret(coffer, { secret: taken, task: 'task', labels }));
  });

  test('are given new versions, which are served, the old ones by their numbers', async () => {
    for (const [number, { value }] of rotated.entries()) {
      const { name, value: old } = (number % 2 === 0 ? gateway : control)[number + 2] ?? { name: '', value };
      if (number % 2 === 0) {
        const { text } = noteReply(`look ${name}`, await callControl(coffer, 'GET', `/v1/secrets/${name}`));
        assert.match(text, /"version":1/);
        const listed = await docker(['secret', 'inspect', name]);
        const [secret] = JSON.parse(listed.stdout) as readonly [{ ID: string; Version: { Index: number } }];
        const update = await requestOverSocket(coffer.gatewaySocket, {
          method: 'POST',
          path: `/v1.41/secrets/${secret.ID}/update?version=${secret.Version.Index}`,
          body: { Name: name, Labels: { turned: 'yes' }, Data: value.toString('base64') },
        });
        assert.equal(noteReply(`update ${name}`, update).status, 200, update.text);
      } else {
        assert.equal(noteReply(`put ${name}`, await putThroughControl(coffer, name, value)).status, 200);
      }
      assert.deepEqual(valueIn(await getSecret(coffer, { secret: name, task: `new-${number}` })), value);
      const labels = { 'coffer.version': '1' };
      const first = await getSecret(coffer, { secret: name, task: `old-${number}`, labels });
      assert.deepEqual(valueIn(first), old);
    }
  });

  test('are all served by GetSecret, which alone carries them', async () => {
    const turned = new Set(
      rotated.map((_, number) => (number % 2 === 0 ? gateway : control)[number + 2]?.name),
    );
    await inParallel(
      stored.filter(({ name }) => !turned.has(name)),
      WIDTH,
      async ({ name, value }) => {
        const reply = await getSecret(coffer, { secret: name, task: `task-${name}` });
        assert.ok(valueIn(reply).equals(value), `the value of ${name}`);
        assert.ok(scanner.scan(reply.bytes, 'GetSecret').some((leak) => leak.value === name));
      },
    );
    for (const name of generatedNames) {
      const value = valueIn(await getSecret(coffer, { secret: name, task: `task-${name}` }));
      generated.push({ name, value });
      scanner.add(name, value);
    }
    assert.equal(new Set([...stored, ...generated].map(({ value }) => value.toString('latin1'))).size, 960);
  });

  test('reach the containers of real services', async () => {
    const some = [...gateway.slice(50, 60), ...typed.filter((_, number) => number % 2 === 0).slice(0, 2)];
    const flags = some.flatMap(({ name }) => ['--secret', name]);
    const how = ['--detach', '--no-resolve-image', '--network', 'host', '--replicas', '2'];
    const created = await docker(['service', 'create', '--name', 'reads', ...how, ...flags, TEST_IMAGE]);
    assert.equal(created.code, 0, created.stderr);
    const containers = await waitFor(
      async () => {
        const ids = (await engine.docker(['ps', '-q', '--filter', 'name=reads'])).stdout.trim().split('\n');
        return ids.length === 2 ? ids : undefined;
      },
      { what: 'two containers of the service', timeout_ms: 40_000 },
    );
    for (const id of containers) {
      for (const { name, value } of some) {
        const { stdoutBytes } = await engine.docker(['exec', id, 'cat', `/run/secrets/${name}`]);
        assert.ok(stdoutBytes.equals(value), `${name} in a container`);
      }
    }
    // One that coffer refuses, for `why`.
    await docker(['secret', 'create', '--driver', 'coffer', 'without-value']);
    await docker([
      'service',
      'create',
      '--name',
      'fails',
      '--detach',
      '--network',
      'host',
      '--secret',
      'without-value',
      TEST_IMAGE,
    ]);
    await waitFor(async () => (await cli(['why', 'fails'])).stdout.includes('without-value'), {
      what: 'a refusal',
    });
  });

  test('are told by no answer of any interface', async () => {
    const name = gateway[3]?.name ?? '';
    const calls = ['/v1/status', '/v1/secrets', `/v1/secrets/${name}`, '/v1/refusals', '/v1/doctor'];
    for (const target of calls) {
      assert.equal(noteReply(target, await callControl(coffer, 'GET', target)).status, 200);
    }
    for (const args of [
      ['ls'],
      ['ls', '--format', 'json'],
      ['inspect', name],
      ['status'],
      ['doctor'],
      ['why'],
    ]) {
      await cli(args);
    }
    const generatedName = generatedNames[0] ?? '';
    for (const args of [
      ['inspect', generatedName],
      ['inspect', '--format', 'json', generatedName],
    ]) {
      assert.equal((await cli(args)).code, 0);
    }
    await docker(['secret', 'ls']);
    await docker(['secret', 'inspect', ...gateway.slice(0, 50).map((canary) => canary.name)]);
    await docker(['service', 'inspect', 'reads', 'fails']);
    await docker(['service', 'ps', '--no-trunc', 'fails']);
    const until = String(Math.ceil(Date.now() / 1000) + 1);
    await docker(['events', '--since', String(Math.floor(startedAt_ms / 1000)), '--until', until]);
    const leaks = seen.flatMap(({ bytes, place }) => scanner.scan(bytes, place));
    assert.equal(leaks.length, 0, describeLeaks(leaks));
    assert.ok(seen.length > 1_000);
  });

  test('are in no command line and no environment', () => {
    const pids = new Set([...engine.box.processes(), coffer.pid, engine.pid(), process.pid]);
    const leaks = [...pids].flatMap((pid) =>
      ['cmdline', 'environ'].flatMap((file) => {
        try {
          return scanner.scan(readFileSync(`/proc/${pid}/${file}`), `/proc/${pid}/${file}`);
        } catch {
          // It ended meanwhile.
          return [];
        }
      }),
    );
    assert.equal(leaks.length, 0, describeLeaks(leaks));
  });

  test('are in no file: of coffer, running and stopped and started again, of the engine, or in passing', async () => {
    await docker(['service', 'rm', 'reads', 'fails']);
    await waitFor(async () => (await engine.docker(['ps', '-aq'])).stdout === '', {
      what: 'the containers to be gone',
      timeout_ms: 30_000,
    });
    const leaks: Leak[] = [];
    const scanState = (): void => void leaks.push(...scanner.scanTree(coffer.stateDirectory));
    scanState();
    await docker(['secret', 'rm', ...gateway.slice(100, 110).map(({ name }) => name)]);
    await cli(['rm', ...control.slice(100, 110).map(({ name }) => name)]);
    await coffer.kill9();
    scanState();
    await coffer.start();
    scanState();
    await coffer.stop();
    scanState();
    await engine.shutDown();
    leaks.push(...scanner.scanTree(engine.directory));
    leaks.push(...scanTemporaryFiles());
    assert.equal(leaks.length, 0, describeLeaks(leaks));
    const { length } = readFileSync(path.join(engine.directory, 'dockerd.log'));
    assert.ok(scanner.scanned_bytes > 5_000_000 && length > 100_000, 'there was something to look through');
    assert.match(coffer.log(), /"level":"debug"/);
  });

  test('have names that stand in the audit log alone of the state directory', () => {
    const names = new LeakScanner();
    for (const { name } of [...stored, ...generated]) {
      names.add(name, Buffer.from(name));
    }
    const audit = `${path.join(coffer.stateDirectory, 'audit')}${path.sep}`;
    const leaks = names.scanTree(coffer.stateDirectory).filter(({ place }) => !place.startsWith(audit));
    assert.equal(leaks.length, 0, describeLeaks(leaks));
  });

  /** What came into the machine's shared places for passing files meanwhile, other tests' directories aside. */
  function scanTemporaryFiles(): readonly Leak[] {
    return ['/tmp', '/var/tmp', '/dev/shm'].flatMap((directory) =>
      readdirSync(directory)
        .map((name) => path.join(directory, name))
        .filter((place) => {
          const kind = lstatSync(place, { throwIfNoEntry: false });
          return kind?.isFile() === true && kind.mtimeMs >= startedAt_ms;
        })
        .flatMap((place) => scanner.scanPassingFile(place)),
    );
  }
});

// SPDX-License-Identifier: Apache-2.0
// The stock command line through the gateway: streams, large bodies and clients that hang see what they would
// see on the engine's own socket.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { type BothWaysOptions, RunningDocker, sameBothWays } from '../support/both-ways.ts';
import { TEST_IMAGE } from '../support/busybox.ts';
import { type Coffer, startCoffer } from '../support/coffer.ts';
import { type DockerCli, dockerClis } from '../support/docker-cli.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { memoryGrowthDuring, openSockets } from '../support/process-status.ts';
import { paddedArchive } from '../support/padded-archive.ts';
import { waitFor } from '../support/wait-for.ts';

const MIB = 1024 * 1024;
/** What coffer may hold beyond its idle size while a gigabyte goes through it. */
const growth_bytes_max = 100 * MIB;

let engine: Engine;
let coffer: Coffer;
/** A container that lives as long as the tests. */
let container: string;

before(async () => {
  engine = await startEngine({ name: 'streams' });
  await engine.importBusybox();
  coffer = await startCoffer({ engine });
  container = await runDetached([]);
});
after(async () => {
  await coffer?.stop();
  await engine?.stop();
});

async function runDetached(command: readonly string[], flags: readonly string[] = []): Promise<string> {
  const args = ['run', '-d', '--network', 'host', ...flags, TEST_IMAGE, ...command];
  return (await engine.docker(args)).stdout.trim();
}

async function same(
  args: Parameters<typeof sameBothWays>[2],
  options: BothWaysOptions = {},
): ReturnType<typeof sameBothWays> {
  return sameBothWays(engine, coffer.gatewaySocket, args, options);
}

function through(
  args: readonly string[],
  options: { cli?: DockerCli; input?: Readable } = {},
): RunningDocker {
  return new RunningDocker(engine, coffer.gatewaySocket, args, options);
}

for (const cli of dockerClis()) {
  describe(`docker ${cli.version} through the gateway`, () => {
    test('exec -i gives back what it reads after its input has ended, and the exit code', async () => {
      const input = randomBytes(3 * MIB);
      const script = 'cat; echo the end; echo complaint >&2; exit 7';
      const { code, stdoutBytes } = await same(['exec', '-i', container, 'sh', '-c', script], { cli, input });
      assert.equal(code, 7);
      assert.deepEqual(stdoutBytes, Buffer.concat([input, Buffer.from('the end\n')]));
    });

    test('exec without an input, with a terminal, detached, and refused', async () => {
      await same(['exec', container, 'sh', '-c', 'echo out; echo err >&2; exit 3'], { cli });
      const { stdout } = await same(
        ['exec', '-t', container, 'sh', '-c', 'echo one; test -t 1 && echo two'],
        { cli },
      );
      assert.equal(stdout, 'one\r\ntwo\r\n');
      await same(['exec', '-d', container, 'true'], { cli });
      assert.equal((await same(['exec', 'nobody', 'true'], { cli })).code, 1);
      // 126 by older engines, as for a program that may not be run.
      assert.ok([126, 127].includes((await same(['exec', container, 'no-such-program'], { cli })).code));
    });

    test('run -i reads a pipe to its end and answers with the exit code', async () => {
      const input = randomBytes(MIB);
      const args = ['run', '--rm', '-i', '--network', 'host', TEST_IMAGE, 'sh', '-c', 'sha256sum; exit 9'];
      const { code, stdout } = await same(args, { cli, input });
      assert.equal(code, 9);
      assert.match(stdout, new RegExp(createHash('sha256').update(input).digest('hex')));
    });

    test('attach to a container that waits for a line', async () => {
      const script = 'read line; echo "got $line"; echo err >&2; exit 4';
      for (const socket of [engine.socket, coffer.gatewaySocket]) {
        const id = await runDetached(['sh', '-c', script], ['-i']);
        const input = new PassThrough();
        const attached = new RunningDocker(engine, socket, ['attach', id], { cli, input });
        input.write('a line\n');
        assert.equal(await attached.ended(), 4);
        assert.deepEqual([attached.stdout, attached.stderr], ['got a line\n', 'err\n']);
        input.end();
      }
    });

    test('start -a -i, wait, top and pause', async () => {
      const create = ['create', '-i', '--network', 'host', TEST_IMAGE, 'sh', '-c', 'cat; exit 5'];
      const id = (await engine.docker(create)).stdout.trim();
      const { code } = await same(['start', '-a', '-i', id], { cli, input: 'to and fro' });
      assert.equal(code, 5);
      assert.equal((await same(['wait', id], { cli })).stdout, '5\n');
      await same(['top', container, '-o', 'pid,args'], { cli });
      for (const socket of [engine.socket, coffer.gatewaySocket]) {
        await engine.docker(['pause', container], { cli, socket });
        const paused = await same(['inspect', '-f', '{{.State.Paused}}', container], { cli });
        assert.equal(paused.stdout, 'true\n');
        await engine.docker(['unpause', container], { cli, socket });
      }
    });

    test('logs -f follows to the end of the container, in order and with both outputs', async () => {
      const script = 'for i in 1 2 3 4 5 6; do echo out $i; echo err $i >&2; sleep 0.1; done';
      const id = await runDetached(['sh', '-c', script]);
      const followed = await engine.docker(['logs', '-f', id], { cli, socket: coffer.gatewaySocket });
      assert.deepEqual(
        followed.stdout.trim().split('\n'),
        [1, 2, 3, 4, 5, 6].map((number) => `out ${number}`),
      );
      await same(['logs', '--timestamps', id], { cli });
      await same(['logs', '--tail', '2', id], { cli });
    });

    test('events of the past end by themselves, and live ones come as they happen', async () => {
      const since = String(Math.floor(Date.now() / 1000) - 1);
      await engine.docker(['exec', container, 'true']);
      const until = String(Math.floor(Date.now() / 1000) + 1);
      await same(['events', '--since', since, '--until', until, '--filter', 'container=nobody'], { cli });
      await same(['events', '--since', since, '--until', until], { cli });
      const live = through(['events', '--filter', 'event=rename', '--format', '{{.Action}}'], { cli });
      try {
        await waitFor(
          async () => {
            await engine.docker(['rename', container, `renamed-${Math.floor(Date.now())}`]);
            return live.stdout.includes('rename\n');
          },
          { what: 'a live event' },
        );
      } finally {
        await live.kill();
      }
    });

    test('stats come through', async () => {
      const columns = (text: string): string => text.replace(/[\d.]+(%|[kMGi]*B)?/g, 'N').replace(/ +/g, ' ');
      await same(['stats', '--no-stream', container], { cli, normal: columns });
    });

    test('cp brings files and folders there and back', async () => {
      const folder = path.join(engine.directory, `cp-${cli.version}`);
      mkdirSync(path.join(folder, 'deep'), { recursive: true });
      const content = randomBytes(2 * MIB);
      writeFileSync(path.join(folder, 'deep', 'file'), content);
      const options = { cli, socket: coffer.gatewaySocket };
      await engine.docker(['cp', folder, `${container}:/tmp/there`], options);
      await engine.docker(['cp', `${container}:/tmp/there/deep/file`, path.join(folder, 'back')], options);
      assert.deepEqual(readFileSync(path.join(folder, 'back')), content);
      await same(['cp', `${container}:/tmp/there`, '-'], { cli });
      await same(['cp', `${container}:/tmp/nowhere`, '-'], { cli });
      await engine.docker(['exec', container, 'rm', '-r', '/tmp/there']);
    });

    test('commit, and an image saved and loaded', async () => {
      const options = { cli, socket: coffer.gatewaySocket };
      const image = 'localhost:5000/committed';
      await engine.docker(['commit', '-m', 'a note', container, image], options);
      await same(['image', 'inspect', image], { cli });
      const archive = (await engine.docker(['save', image], options)).stdoutBytes;
      await engine.docker(['image', 'rm', image], options);
      const loaded = await engine.docker(['load'], { ...options, input: archive });
      assert.match(loaded.stdout, /Loaded image: localhost:5000\/committed/);
      await same(['load'], { cli, input: archive });
      await same(['load'], { cli, input: 'this is no archive' });
    });

    test('the classic builder sends a context and shows its steps', async () => {
      const context = buildContext(cli);
      const build = [
        'build',
        '--network',
        'host',
        '--no-cache',
        '--force-rm',
        '-t',
        'localhost:5000/built',
        context,
      ];
      const env = { DOCKER_BUILDKIT: '0' };
      const ids = (text: string): string => text.replace(/\b[0-9a-f]{12}\b/g, 'ID');
      const { code } = await same(build, { cli, env, normal: ids });
      assert.equal(code, 0);
      const run = ['run', '--rm', '--network', 'host', 'localhost:5000/built', 'cat', '/made', '/copied'];
      assert.equal((await engine.docker(run)).stdout, 'made\ncopied');
    });

    test('BuildKit opens its session through the gateway', async (t) => {
      const context = buildContext(cli);
      const build = ['build', '--network', 'host', '--no-cache', '-t', 'localhost:5000/kit', context];
      const options = { cli, env: { DOCKER_BUILDKIT: '1' } };
      const direct = await engine.tryDocker(build, options);
      if (direct.code !== 0) {
        t.skip(`docker ${cli.version} cannot use BuildKit here: ${direct.stderr.trim().split('\n').at(-1)}`);
        return;
      }
      await engine.docker(build, { ...options, socket: coffer.gatewaySocket });
      const run = ['run', '--rm', '--network', 'host', 'localhost:5000/kit', 'cat', '/made', '/copied'];
      assert.equal((await engine.docker(run)).stdout, 'made\ncopied');
    });
  });
}

function buildContext(cli: DockerCli): string {
  const context = path.join(engine.directory, `context-${cli.version}`);
  mkdirSync(context, { recursive: true });
  const steps = [`FROM ${TEST_IMAGE}`, 'COPY copied /copied', 'RUN echo made > /made'];
  writeFileSync(path.join(context, 'Dockerfile'), `${steps.join('\n')}\n`);
  writeFileSync(path.join(context, 'copied'), 'copied');
  writeFileSync(path.join(context, 'ballast'), randomBytes(3 * MIB));
  return context;
}

describe('a gigabyte through the gateway', () => {
  test('an image of 1 GiB is loaded in flat memory', async () => {
    const archive = (await engine.docker(['save', TEST_IMAGE])).stdoutBytes;
    const growth = await memoryGrowthDuring(coffer.pid, async () => {
      const load = through(['load'], { input: Readable.from(paddedArchive(archive, 1024 * MIB)) });
      assert.equal(await load.ended(120_000), 0, load.stderr);
      assert.match(load.stdout, new RegExp(`Loaded image: ${TEST_IMAGE}`));
    });
    assert.ok(growth < growth_bytes_max, `coffer grew by ${Math.round(growth / MIB)} MiB`);
  });

  test('a file of 1 GiB is copied out in flat memory, to a client that reads slowly at first', async () => {
    await engine.docker(['exec', container, 'dd', 'if=/dev/null', 'of=/tmp/sparse', 'bs=1M', 'seek=1024']);
    let size = 0;
    const growth = await memoryGrowthDuring(coffer.pid, async () => {
      const reply = await download(`/containers/${container}/archive?path=/tmp/sparse`);
      // Unread, it must wait in the engine and not in coffer.
      await waitFor(() => reply.readableLength > 0, { what: 'the first bytes' });
      for await (const chunk of reply) {
        size += (chunk as Buffer).length;
      }
    });
    await engine.docker(['exec', container, 'rm', '/tmp/sparse']);
    assert.ok(size > 1024 * MIB, `${size} bytes came`);
    assert.ok(growth < growth_bytes_max, `coffer grew by ${Math.round(growth / MIB)} MiB`);
  });
});

async function download(target: string): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: coffer.gatewaySocket, path: target, agent: false }, resolve);
    sent.on('error', reject);
    sent.end();
  });
}

describe('many clients at once', () => {
  test('forty exec streams do not mix', async () => {
    const clis = dockerClis();
    const runs = Array.from({ length: 40 }, async (_, number) => {
      const input = `${String(number).padStart(4, '0')} `.repeat(20_000);
      const cli = clis[number % clis.length];
      const options = { input, socket: coffer.gatewaySocket, ...(cli === undefined ? {} : { cli }) };
      const { code, stdout } = await engine.tryDocker(
        ['exec', '-i', container, 'sh', '-c', `cat; exit ${number}`],
        options,
      );
      assert.equal(code, number);
      assert.ok(stdout === input, `the stream of exec ${number} is its own`);
    });
    await Promise.all(runs);
  });

  /** How often the engine was asked for each of the calls that hang: its log says so, in other words since Docker 28. */
  const callsSeen = (): Readonly<Record<'events' | 'logs' | 'wait' | 'attach', number>> => {
    const log = engine.log();
    const count = (end: string): number =>
      log.match(new RegExp(`(?:Calling \\w+ |request-url="?)/v[\\d.]+/${end}`, 'g'))?.length ?? 0;
    const ofContainer = (end: string): number => count(`containers/\\w+/${end}`);
    return {
      events: count('events'),
      logs: ofContainer('logs'),
      wait: ofContainer('wait'),
      attach: ofContainer('attach'),
    };
  };

  type Hanging = keyof ReturnType<typeof callsSeen>;

  /** Starts `count` of each of these clients that hang, and waits until the engine has all their calls. */
  const hang = async (
    socket: string,
    kinds: readonly Hanging[],
    count: number,
  ): Promise<readonly RunningDocker[]> => {
    const commands = {
      events: ['events'],
      logs: ['logs', '-f', container],
      wait: ['wait', container],
      attach: ['attach', '--sig-proxy=false', container],
    };
    const seen = callsSeen();
    const clients = kinds.flatMap((kind) =>
      Array.from({ length: count }, () => new RunningDocker(engine, socket, commands[kind])),
    );
    await waitFor(
      () => {
        const now = callsSeen();
        return kinds.every((kind) => now[kind] >= seen[kind] + count);
      },
      { what: `${clients.length} calls to hang` },
    );
    return clients;
  };

  test('a client that goes away takes its call to the engine with it', async () => {
    const settled = async (): Promise<readonly [number, number]> => {
      let last: readonly [number, number] = [0, 0];
      return waitFor(
        () => {
          const now = [openSockets(engine.pid()), openSockets(coffer.pid)] as const;
          const isSame = now[0] === last[0] && now[1] === last[1];
          last = now;
          return isSame ? now : undefined;
        },
        { what: 'the open sockets to settle', interval_ms: 300 },
      );
    };
    const idle = await settled();
    // Not attach: engine 20.10 keeps those connections by itself, also of clients on its own socket.
    const hanging = await hang(coffer.gatewaySocket, ['events', 'logs', 'wait'], 10);
    await Promise.all(hanging.map(async (client) => client.kill()));
    let now = idle;
    await waitFor(
      () => {
        now = [openSockets(engine.pid()), openSockets(coffer.pid)];
        return now[0] <= idle[0] && now[1] <= idle[1];
      },
      { what: 'the connections of the clients that left to be closed on both sides of the gateway' },
    ).catch((error: unknown) => {
      throw new Error(
        `engine and coffer had ${idle.join(' and ')} sockets open, and have ${now.join(' and ')}`,
        {
          cause: error,
        },
      );
    });
  });

  test('clients that hang see the engine go, and the gateway serves the next engine', async () => {
    const { pid } = coffer;
    for (const socket of [engine.socket, coffer.gatewaySocket]) {
      const clients = await hang(socket, ['events', 'logs', 'wait', 'attach'], 1);
      await engine.shutDown();
      // Their exit codes differ from run to run: what the engine still says while it ends is a race of its own.
      const codes = await Promise.all(clients.map(async (client) => client.ended()));
      assert.ok(!codes.includes(-1), `each client ended by itself: ${codes.join(' ')}`);
      assert.equal((await engine.tryDocker(['ps'], { socket })).code, 1);
      await engine.start();
      await engine.docker(['start', container]);
    }
    assert.equal((await same(['exec', container, 'echo', 'back'])).stdout, 'back\n');
    assert.equal(coffer.pid, pid);
  });

  test('an engine that is not there is named, with what to do', async () => {
    await engine.shutDown();
    try {
      const { code, stderr } = await engine.tryDocker(['ps'], { socket: coffer.gatewaySocket });
      assert.equal(code, 1);
      assert.match(stderr, /coffer: the Docker Engine at .*docker\.sock does not answer.*try again/);
    } finally {
      await engine.start();
    }
    await same(['images', '--quiet', TEST_IMAGE]);
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TEST_IMAGE } from '../../support/busybox.ts';
import type { Installation } from '../../support/installation.ts';
import { archiveOf, HOST, same } from './dockerode-same.ts';
import { nextEvents, type Outputs, outputsOf, refusalOf } from './dockerode-streams.ts';

export function containerStories(of: () => Installation): void {
  /** A container that lives as long as these stories. */
  let id = '';
  before(async () => {
    const { engine } = of();
    id = (await engine.docker(['run', '--detach', '--network', 'host', TEST_IMAGE])).stdout.trim();
  });
  after(async () => {
    await of().engine.docker(['rm', '--force', id]);
  });

  for (const hijack of [true, false]) {
    const how = hijack ? 'taking the connection over' : 'without an upgrade';
    test(`attaches to a container, writes, and reads both outputs, ${how}`, async () => {
      const script = 'read line; echo "got $line"; echo complaint >&2; exit 3';
      const outputs = await same(of(), async (docker) => {
        const container = await docker.createContainer({
          ...HOST,
          Image: TEST_IMAGE,
          Cmd: ['sh', '-c', script],
          OpenStdin: true,
          StdinOnce: true,
          AttachStdin: true,
        });
        const stream = await container.attach({
          stream: true,
          stdin: true,
          stdout: true,
          stderr: true,
          hijack,
        });
        const outputs = outputsOf(docker, stream);
        await container.start();
        const waited = container.wait();
        stream.write('a line\n');
        const seen = { ...(await outputs), ...((await waited) as { readonly StatusCode: number }) };
        await container.remove();
        return seen;
      });
      assert.deepEqual(outputs, {
        stdout: 'got a line\n',
        stderr: 'complaint\n',
        StatusCode: 3,
        Error: null,
      });
    });

    test(`executes with an input, ${how}`, async () => {
      const input = 'some input\n'.repeat(20_000);
      const seen = await same(of(), async (docker) => {
        const exec = await docker.getContainer(id).exec({
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
          Cmd: ['sh', '-c', `${hijack ? 'cat' : `head -c ${input.length}`}; echo complaint >&2; exit 9`],
        });
        const stream = await exec.start({ hijack, stdin: true });
        const outputs = outputsOf(docker, stream);
        stream.write(input);
        if (hijack) {
          stream.end();
        }
        return { ...(await outputs), code: (await exec.inspect()).ExitCode };
      });
      assert.equal(seen.stdout, input);
      assert.deepEqual([seen.stderr, seen.code], ['complaint\n', 9]);
    });
  }

  test('executes with a terminal of a given size, and detached', async () => {
    const seen = await same(of(), async (docker) => {
      const container = docker.getContainer(id);
      const words = { AttachStdout: true, Tty: true, Cmd: ['sh', '-c', 'sleep 0.3; stty size'] };
      const exec = await container.exec(words);
      const stream = await exec.start({ hijack: true, stdin: true, Tty: true });
      await exec.resize({ h: 33, w: 77 });
      const chunks: Buffer[] = [];
      for await (const chunk of stream) {
        chunks.push(chunk as Buffer);
      }
      const detached = await container.exec({ Cmd: ['true'] });
      await detached.start({ Detach: true });
      const refused = await refusalOf(docker.getContainer('nobody').exec({ Cmd: ['true'] }));
      return { screen: Buffer.concat(chunks).toString(), refused };
    });
    assert.equal(seen.screen, '33 77\r\n');
    assert.deepEqual(seen.refused, { status: 404, message: 'No such container: nobody' });
  });

  test('follows the logs of a container to its end, and reads them again', async () => {
    const seen = await same(of(), async (docker) => {
      const wait = 'until [ -e /tmp/go ]; do sleep 0.05; done';
      const script = `${wait}; for i in 1 2 3; do echo out $i; echo err $i >&2; done`;
      const container = await docker.createContainer({
        ...HOST,
        Image: TEST_IMAGE,
        Cmd: ['sh', '-c', script],
      });
      await container.start();
      const both = { stdout: true, stderr: true } as const;
      // Followed before it says anything: an engine may give nothing of a container that ends at once.
      const followed = outputsOf(docker, await container.logs({ ...both, follow: true }));
      await container.putArchive(archiveOf('go', ''), { path: '/tmp' });
      await container.wait();
      const again = await container.logs({ stdout: true, follow: false });
      await container.remove();
      return { followed: await followed, again: again.toString('latin1') };
    });
    const lines = (word: string): string => [1, 2, 3].map((number) => `${word} ${number}\n`).join('');
    const followed: Outputs = { stdout: lines('out'), stderr: lines('err') };
    assert.deepEqual(seen.followed, followed);
  });

  test('puts an archive into a container, asks about it and gets it back', async () => {
    const archive = archiveOf('put', 'some text');
    const seen = await same(of(), async (docker) => {
      const container = docker.getContainer(id);
      await container.putArchive(archive, { path: '/tmp' });
      const info: unknown = await container.infoArchive({ path: '/tmp/put' });
      const chunks: Buffer[] = [];
      for await (const chunk of await container.getArchive({ path: '/tmp/put' })) {
        chunks.push(chunk as Buffer);
      }
      const missing = await refusalOf(container.getArchive({ path: '/tmp/missing' }));
      const { headers } = info as { readonly headers: Readonly<Record<string, string>> };
      const stat = Buffer.from(headers['x-docker-container-path-stat'] ?? '', 'base64').toString();
      return { stat, back: Buffer.concat(chunks), missing };
    });
    assert.match(seen.stat, /"name":"put","size":9/);
    assert.match(seen.back.toString('latin1'), /some text/);
    assert.equal(seen.missing.status, 404);
  });

  test('sees one reading of the statistics, and the processes', async () => {
    await same(of(), async (docker) => {
      const container = docker.getContainer(id);
      const stats = await container.stats({ stream: false });
      return {
        keys: Object.keys(stats),
        name: (stats as { readonly name?: string }).name,
        top: (await container.top()) as unknown,
      };
    });
  });

  test('hears of what happens to containers as it happens', async () => {
    const seen = await same(of(), async (docker) => {
      const stream = await docker.getEvents({ filters: { container: ['heard'], type: ['container'] } });
      const events = nextEvents(stream, 4);
      const container = await docker.createContainer({
        ...HOST,
        name: 'heard',
        Image: TEST_IMAGE,
        Cmd: ['true'],
      });
      await container.start();
      await container.wait();
      await container.remove();
      return events;
    });
    assert.deepEqual(seen, ['create', 'start', 'die', 'destroy']);
  });
}

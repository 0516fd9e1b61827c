// SPDX-License-Identifier: Apache-2.0
// docker secret create, ls, inspect and rm through the gateway: what they show, and what they never show.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { dockerClis } from '../../support/docker-cli.ts';
import { type Installation, linesOf } from '../../support/installation.ts';
import { requestOverSocket } from '../../support/socket-request.ts';
import { readSwarmLog } from '../../support/swarm-log.ts';
import { waitFor } from '../../support/wait-for.ts';

const VALUE = 'correct-horse-battery-staple';

export function commandStories(of: () => Installation): void {
  describe('a secret that was created through the gateway', () => {
    afterEach(async () => of().clear());

    for (const cli of dockerClis()) {
      test(`is listed, inspected and removed with docker ${cli.version}`, async () => {
        const { engine } = of();
        const create = ['secret', 'create', '--label', 'env=prod', '--label', 'tier', 'db', '-'];
        const id = (await of().docker(create, { cli, input: VALUE })).stdout.trim();
        assert.match(id, /^[a-z0-9]{25}$/);
        const own = await engine.docker(['secret', 'inspect', '--format', '{{.ID}}', 'db']);
        assert.equal(id, own.stdout.trim(), 'the id is the one that the engine gave');

        const table = linesOf((await of().docker(['secret', 'ls'], { cli })).stdout);
        assert.match(table[0] ?? '', /^ID +NAME +DRIVER +CREATED +UPDATED$/);
        assert.match(table[1] ?? '', new RegExp(`^${id} +db +coffer +.*ago +.*ago$`));
        assert.equal(table.length, 2);

        const inspected = await of().docker(['secret', 'inspect', 'db'], { cli });
        assert.equal(inspected.stdout, (await engine.docker(['secret', 'inspect', 'db'], { cli })).stdout);
        const [description] = JSON.parse(inspected.stdout) as readonly { readonly Spec: unknown }[];
        assert.deepEqual(description?.Spec, {
          Name: 'db',
          Labels: { env: 'prod', tier: '' },
          Driver: { Name: 'coffer' },
        });
        const pretty = await of().docker(['secret', 'inspect', '--pretty', 'db'], { cli });
        assert.match(pretty.stdout, new RegExp(`^ID:\\s+${id}\\nName:\\s+db\\n`));
        assert.match(pretty.stdout, /env=prod/);
        const format = '{{.Spec.Name}}/{{index .Spec.Labels "env"}}/{{.Spec.Driver.Name}}';
        const formatted = await of().docker(['secret', 'inspect', '--format', format, id.slice(0, 10)], {
          cli,
        });
        assert.equal(formatted.stdout.trim(), 'db/prod/coffer');

        const removed = await of().docker(['secret', 'rm', 'db'], { cli });
        assert.equal(removed.stdout.trim(), 'db');
        assert.equal((await engine.docker(['secret', 'ls', '--quiet'])).stdout, '');
        assert.deepEqual(await of().storedNames(), []);
      });
    }

    test('is found by every filter, and by the same ones as on the engine’s own socket', async () => {
      const { engine, gatewaySocket } = of();
      const labels: Readonly<Record<string, readonly string[]>> = {
        alpha: ['env=prod'],
        alphabet: ['env=test', 'x'],
        Beta: ['env=prod', 'x=1'],
      };
      for (const [name, own] of Object.entries(labels)) {
        const words = own.flatMap((label) => ['--label', label]);
        await of().docker(['secret', 'create', ...words, name, '-'], { input: VALUE });
      }
      const id = (await of().docker(['secret', 'inspect', '--format', '{{.ID}}', 'Beta'])).stdout.trim();
      const list = async (socket: string, filters: unknown): Promise<readonly string[]> => {
        const query = encodeURIComponent(JSON.stringify(filters));
        const reply = await requestOverSocket(socket, { path: `/secrets?filters=${query}` });
        return (reply.json() as readonly { readonly Spec: { readonly Name: string } }[])
          .map(({ Spec }) => Spec.Name)
          .sort();
      };
      const cases: readonly (readonly [filters: unknown, found: readonly string[]])[] = [
        [{}, ['Beta', 'alpha', 'alphabet']],
        [{ name: ['alpha'] }, ['alpha', 'alphabet']],
        [{ name: { BE: true } }, ['Beta']],
        [{ names: ['alpha'] }, ['alpha']],
        [{ names: ['BETA', 'none'] }, ['Beta']],
        [{ id: [id.slice(0, 8)] }, ['Beta']],
        [{ id: [id], names: ['alpha'] }, ['Beta', 'alpha']],
        [{ label: ['env=prod'] }, ['Beta', 'alpha']],
        [{ label: ['x', 'env=prod'] }, ['Beta']],
        [{ name: ['alpha'], label: ['env=test'] }, ['alphabet']],
        [{ name: ['none'] }, []],
      ];
      for (const [filters, found] of cases) {
        const text = JSON.stringify(filters);
        assert.deepEqual(await list(gatewaySocket, filters), found, text);
        assert.deepEqual(await list(engine.socket, filters), found, text);
      }
      const words = ['secret', 'ls', '--format', '{{.Name}}'];
      const byName = await of().docker([...words, '--filter', 'name=alpha', '--filter', 'label=x']);
      assert.equal(byName.stdout.trim(), 'alphabet');
      const byId = await of().docker([...words, '--filter', `id=${id.slice(0, 8)}`]);
      assert.equal(byId.stdout.trim(), 'Beta');
    });

    test('shows its value in no reply, however it is asked for', async () => {
      const body = { Name: 'db', Data: Buffer.from(VALUE).toString('base64') };
      const { gatewaySocket: socket } = of();
      const created = await requestOverSocket(socket, { method: 'POST', path: '/secrets/create', body });
      assert.equal(created.status, 201);
      const { ID: id } = created.json() as { readonly ID: string };
      const paths = ['/secrets', '/secrets/db', `/secrets/${id}`, '/v1.30/secrets/db', '/secrets/create'];
      for (const path of [...paths, '/secrets?data=true', '/secrets/db?data=1', '/secrets/db/data']) {
        const { text } = await requestOverSocket(socket, { path });
        assert.equal(text.includes(VALUE) || text.includes(body.Data) || /"Data"/i.test(text), false, path);
      }
      const again = await requestOverSocket(socket, { method: 'POST', path: '/secrets/create', body });
      assert.equal(again.status, 409);
      assert.equal(again.text.includes(body.Data), false);
      // Here the engine's own text would quote a part of the value.
      const octets = { Name: 'octets', Data: [104, 256_256] };
      const refused = await requestOverSocket(socket, {
        method: 'POST',
        path: '/secrets/create',
        body: octets,
      });
      assert.equal(refused.status, 400);
      assert.equal(refused.text.includes('256256'), false);
      for (const words of [
        ['ls', '--format', 'json'],
        ['inspect', 'db'],
        ['rm', '--force', 'db'],
      ]) {
        const { stdout, stderr } = await of().tryCli(words);
        assert.equal(`${stdout}${stderr}`.includes(VALUE), false, words.join(' '));
      }
    });

    test('never enters the swarm’s own store, where the engine’s own secrets are', async () => {
      await of().engine.docker(['secret', 'create', 'swarms', '-'], { input: `swarm ${VALUE}` });
      await of().docker(['secret', 'create', 'coffers', '-'], { input: `coffer ${VALUE}` });
      const log = readSwarmLog(of().engine.dataDirectory);
      assert.ok(log.includes('coffers'), 'its name is there');
      assert.ok(log.includes(`swarm ${VALUE}`), 'this test can read values');
      assert.equal(log.includes(`coffer ${VALUE}`), false);
    });

    test('leaves the engine’s own secrets as they are', async () => {
      const { engine } = of();
      await engine.docker(['secret', 'create', 'plain', '-'], { input: VALUE });
      const listed = await of().docker(['secret', 'ls', '--format', '{{.Name}}:{{.Driver}}']);
      assert.equal(listed.stdout.trim(), 'plain:');
      await of().docker(['secret', 'rm', 'plain']);
      assert.equal((await engine.docker(['secret', 'ls', '--quiet'])).stdout, '');
    });

    test('is cleaned up when it was removed on the engine’s own socket', async () => {
      await of().docker(['secret', 'create', 'bypassed', '-'], { input: VALUE });
      await of().docker(['secret', 'create', 'stays', '-'], { input: VALUE });
      await of().engine.docker(['secret', 'rm', 'bypassed']);
      await waitFor(async () => !(await of().storedNames()).includes('bypassed'), {
        what: 'coffer to drop the value',
      });
      assert.deepEqual(await of().storedNames(), ['stays']);
      await of().docker(['secret', 'create', 'bypassed', '-'], { input: 'the name is free again' });
    });
  });
}

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import Docker from 'dockerode';
import { TEST_IMAGE } from '../../support/busybox.ts';
import type { Installation } from '../../support/installation.ts';
import { waitFor } from '../../support/wait-for.ts';
import { same } from './dockerode-same.ts';
import { refusalOf } from './dockerode-streams.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

interface Made {
  readonly id: string;
}

interface Registered {
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly Name: string; readonly Labels: object };
}

export function secretStories(of: () => Installation): void {
  test('makes secrets, finds, relabels and removes them', async () => {
    const seen = await same(of(), async (docker) => {
      const created = (await docker.createSecret({
        Name: 'db',
        Labels: { a: '1' },
        Data: base64('a value'),
      })) as Made;
      const secret = docker.getSecret(created.id);
      const read = async (): Promise<Registered> => (await secret.inspect()) as unknown as Registered;
      const first = await read();
      await secret.update({ version: first.Version.Index, Name: 'db', Labels: { a: '2' } });
      const listed = await docker.listSecrets({ filters: { label: ['a=2'] } });
      const second = (await read()).Spec;
      const removed: unknown = await docker.getSecret('db').remove();
      const shown = (spec: Registered['Spec']): object => ({ Name: spec.Name, Labels: spec.Labels });
      return {
        first: shown(first.Spec),
        second: shown(second),
        listed: listed.map(({ Spec }) => Spec?.Name),
        removed: String(removed),
        left: await docker.listSecrets(),
      };
    });
    assert.deepEqual(seen.second, { Name: 'db', Labels: { a: '2' } });
    assert.deepEqual(seen.listed, ['db']);
    assert.deepEqual(await of().storedNames(), []);
  });

  test('changes a value, and the engine is never told one, although dockerode writes it into the URL', async () => {
    const docker = new Docker({ socketPath: of().gatewaySocket });
    const { engine } = of();
    const from = engine.log().length;
    const values = ['the first value of many', 'the second value of many'];
    const [first = '', second = ''] = values;
    const secret = (await docker.createSecret({ Name: 'db', Data: base64(first) })) as Made;
    const { Version } = (await docker.getSecret('db').inspect()) as unknown as Registered;
    await docker.getSecret('db').update({ version: Version.Index, Name: 'db', Data: base64(second) });
    const file = path.join(engine.directory, 'revealed');
    await of().cli(['get', 'db', '--reveal', '--output', file]);
    assert.equal(readFileSync(file, 'utf8'), second);
    await docker.getSecret(secret.id).remove();
    const log = engine.log().slice(from);
    assert.match(log, /POST \/secrets\/create/);
    for (const value of values) {
      assert.ok(!log.includes(encodeURIComponent(base64(value)).slice(0, 20)), 'the engine logged a value');
    }
  });

  test('is refused what it does wrong with secrets in the words of the engine', async () => {
    const refusals = await same(of(), async (docker) => {
      const create = (Name: string, text: string): Promise<unknown> =>
        docker.createSecret({ Name, Data: base64(text) });
      await create('db', 'a value');
      const secret = docker.getSecret('db');
      const seen = [];
      for (const attempt of [
        () => create('DB', 'another'),
        () => create('-db', 'a value'),
        () => create('', 'a value'),
        () => create('empty', ''),
        () => create('large', 'a'.repeat(512_000)),
        () => docker.createSecret({ Name: 'odd', Data: '!' }),
        () => docker.createSecret({ Name: 7 }),
        () => docker.getSecret('nobody').inspect(),
        () => docker.getSecret('nobody').remove(),
        () => docker.getSecret('nobody').update({ version: 1, Name: 'nobody' }),
        () => secret.update({ Name: 'db' }),
        () => secret.update({ version: 1, Name: 'db' }),
        () => docker.listSecrets({ filters: { colour: ['red'] } }),
      ]) {
        seen.push(await refusalOf(attempt()));
      }
      await secret.remove();
      return seen;
    });
    const statuses = refusals.map(({ status }) => status);
    assert.deepEqual(statuses, [409, 400, 400, 400, 400, 400, 400, 404, 404, 404, 400, 500, 400]);
  });

  test('runs a service with a secret, and reads its tasks and its logs', async () => {
    const seen = await same(of(), async (docker) => {
      const { id } = (await docker.createSecret({ Name: 'db', Data: base64('12345') })) as {
        readonly id: string;
      };
      const script = 'wc -c < /run/secrets/there; trap "exit 0" TERM; sleep 1000000 & wait';
      const file = { Name: 'there', UID: '0', GID: '0', Mode: 0o444 };
      const spec = {
        Name: 'app',
        TaskTemplate: {
          ContainerSpec: {
            Image: TEST_IMAGE,
            Command: ['sh', '-c', script],
            Secrets: [{ SecretID: id, SecretName: 'db', File: file }],
          },
          Networks: [{ Target: 'host' }],
        },
        Mode: { Replicated: { Replicas: 1 } },
      };
      const service = await docker.createService(spec);
      const logs = await waitFor(
        async () => {
          const options = { stdout: true, stderr: true, follow: false };
          const text = ((await docker.getService(service.id).logs(options)) as unknown as Buffer).subarray(8);
          return text.length > 0 && text.toString();
        },
        { what: 'the service to log' },
      );
      const tasks = await docker.listTasks({ filters: { service: ['app'], 'desired-state': ['running'] } });
      const inUse = await refusalOf(docker.getSecret('db').remove());
      const found: unknown = await docker.getService('app').inspect();
      const { Version } = found as Registered;
      const updated: unknown = await docker
        .getService('app')
        .update({ ...spec, version: Version.Index, Mode: { Replicated: { Replicas: 0 } } });
      await docker.getService('app').remove();
      await waitFor(async () => String(await docker.getSecret('db').remove()) !== 'undefined', {
        what: 'the secret to be removed',
      });
      return {
        logs,
        tasks: tasks.map(({ Status }: { readonly Status?: { readonly State?: string } }) => Status?.State),
        inUse,
        updated,
      };
    });
    assert.deepEqual([seen.logs, seen.tasks], ['5\n', ['running']]);
    assert.equal(seen.inUse.status, 400);
  });
}

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import Docker from 'dockerode';
import { TEST_IMAGE } from '../../support/busybox.ts';
import type { Installation } from '../../support/installation.ts';
import { putAndGrant } from '../../support/volumes.ts';
import { waitFor } from '../../support/wait-for.ts';
import { archiveOf, HOST, same } from './dockerode-same.ts';
import { progressOf, refusalOf } from './dockerode-streams.ts';

export function otherStories(of: () => Installation): void {
  test('builds an image, tags, lists and removes it', async () => {
    const dockerfile = `FROM ${TEST_IMAGE}\nLABEL made=here\nRUN echo made > /made\n`;
    const seen = await same(of(), async (docker) => {
      const context = new PassThrough();
      context.end(archiveOf('Dockerfile', dockerfile));
      const steps = await progressOf(
        docker,
        await docker.buildImage(context, {
          t: 'localhost:5000/rode',
          nocache: true,
          networkmode: 'host',
          rm: true,
        }),
      );
      const image = docker.getImage('localhost:5000/rode');
      const { Config } = await image.inspect();
      await image.tag({ repo: 'localhost:5000/rode', tag: 'other' });
      const listed = await docker.listImages({ filters: { label: ['made=here'] } });
      await image.remove({ force: true });
      await docker.getImage('localhost:5000/rode:other').remove({ force: true });
      const gone = await refusalOf(image.inspect());
      const broken = new PassThrough();
      broken.end(archiveOf('Dockerfile', 'FROM\n'));
      const refused = await refusalOf(docker.buildImage(broken, { t: 'localhost:5000/rode' }));
      return {
        steps,
        labels: Config.Labels,
        tags: listed.map(({ RepoTags }) => RepoTags?.toSorted()),
        gone,
        refused,
      };
    });
    assert.match(seen.steps, /^Step 1\/3 : FROM .*Successfully tagged localhost:5000\/rode:latest\n$/s);
    assert.deepEqual(seen.tags, [['localhost:5000/rode:latest', 'localhost:5000/rode:other']]);
    assert.deepEqual([seen.gone.status, seen.refused.status], [404, 400]);
  });

  test('gives a container a volume of secrets', async () => {
    await putAndGrant(of(), 'api', 'a granted value');
    const seen = await same(of(), async (docker) => {
      await docker.createVolume({ Name: 'rode', Driver: 'coffer', DriverOpts: { secrets: 'api' } });
      const output = new PassThrough();
      let text = '';
      output.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      const options = {
        ...HOST,
        HostConfig: { ...HOST.HostConfig, Binds: ['rode:/run/secrets:ro'], AutoRemove: true },
      };
      const [result] = (await docker.run(TEST_IMAGE, ['cat', '/run/secrets/api'], output, {
        ...options,
        Tty: true,
      })) as [unknown];
      const volume = docker.getVolume('rode');
      const { Driver, Options, Scope } = await volume.inspect();
      await waitFor(
        async () =>
          volume.remove().then(
            () => true,
            () => false,
          ),
        { what: 'the volume to be free' },
      );
      return { text, result, Driver, Options, Scope, gone: await refusalOf(volume.inspect()) };
    });
    assert.deepEqual([seen.text, seen.Driver], ['a granted value', 'coffer']);
    assert.equal(seen.gone.status, 404);
  });

  test('reads the same of everything at the same moment', async () => {
    const { engine, gatewaySocket } = of();
    const direct = new Docker({ socketPath: engine.socket });
    await direct.createService({
      Name: 'idle',
      TaskTemplate: { ContainerSpec: { Image: TEST_IMAGE } },
      Mode: { Replicated: { Replicas: 0 } },
    });
    const through = new Docker({ socketPath: gatewaySocket });
    const reads: Readonly<Record<string, (docker: Docker) => Promise<unknown>>> = {
      ping: async (docker) => String(await docker.ping()),
      version: async (docker) => docker.version(),
      swarm: async (docker) => docker.swarmInspect() as Promise<unknown>,
      nodes: async (docker) => docker.listNodes() as Promise<unknown>,
      services: async (docker) => docker.listServices(),
      service: async (docker) => docker.getService('idle').inspect() as Promise<unknown>,
      tasks: async (docker) => docker.listTasks() as Promise<unknown>,
      secrets: async (docker) => docker.listSecrets(),
      configs: async (docker) => docker.listConfigs(),
      networks: async (docker) => byId(await docker.listNetworks()),
      volumes: async (docker) => docker.listVolumes(),
      images: async (docker) => docker.listImages({ all: true }),
      history: async (docker) => docker.getImage(TEST_IMAGE).history() as Promise<unknown>,
      containers: async (docker) => docker.listContainers({ all: true }),
      plugins: async (docker) => docker.listPlugins(),
    };
    try {
      for (const [what, read] of Object.entries(reads)) {
        assert.deepEqual(await read(through), await read(direct), what);
      }
    } finally {
      await direct.getService('idle').remove();
    }
  });
}

/** The engine names them in any order. */
function byId<T extends { readonly Id: string }>(listed: readonly T[]): readonly T[] {
  return [...listed].sort((one, other) => one.Id.localeCompare(other.Id));
}

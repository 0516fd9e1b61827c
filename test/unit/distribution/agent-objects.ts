// SPDX-License-Identifier: Apache-2.0
// Containers, holders and changes, for tests of the node's side.
import type { EngineContainer } from '../../../src/engine/index.ts';
import type { Change, Holder } from '../../../src/distribution/protocol.ts';

export const TASK_LABEL = 'com.docker.swarm.task.id';

/** The id of a container that is called so. */
export function containerId(name: string): string {
  return Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64);
}

export function container(name: string, rest: Partial<EngineContainer> = {}): EngineContainer {
  return {
    id: containerId(name),
    name,
    image: 'app:1',
    imageId: `sha256:${'a'.repeat(64)}`,
    labels: {},
    state: 'created',
    volumes: ['app'],
    ...rest,
  };
}

export function taskContainer(
  name: string,
  task: string,
  rest: Partial<EngineContainer> = {},
): EngineContainer {
  return container(name, { labels: { [TASK_LABEL]: task }, ...rest });
}

/** Each secret's id is its name in front of `-id`. */
export function holder(key: string, secrets: readonly string[], rest: Partial<Holder> = {}): Holder {
  return {
    key,
    secrets: secrets.map((name) => ({ secretId: `${name.toLowerCase()}-id`, name })),
    refused: [],
    ...rest,
  };
}

export function containerHolder(name: string, secrets: readonly string[]): Holder {
  return holder(`container/${containerId(name)}`, secrets);
}

export function putSecret(name: string, version: number, value: string): Change {
  const own = Buffer.alloc(Buffer.byteLength(value));
  own.write(value);
  return { kind: 'put-secret', secretId: `${name.toLowerCase()}-id`, name, version, value: own };
}

export function putHolder(put: Holder): Change {
  return { kind: 'put-holder', holder: put };
}

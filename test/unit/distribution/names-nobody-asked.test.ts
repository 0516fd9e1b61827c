// SPDX-License-Identifier: Apache-2.0
// D6 A node has no words for a secret: all that it can say is walked through, field by field.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as v from 'valibot';
import { nodeMessage } from '../../../src/distribution/message-shapes.ts';
import { plan } from '../../../src/distribution/planner.ts';
import type { ContainerFact } from '../../../src/distribution/protocol.ts';
import { EVERYTHING_ALLOWED } from '../../../src/membership/index.ts';
import * as made from './facts.ts';

/** A place in a message where something can be said. */
interface Field {
  readonly path: string;
  /** Whether the schema takes this text there. */
  readonly takes: (text: string) => boolean;
}

/** What a schema is made of, as far as valibot shows it. */
interface Shape {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Shape>>;
  readonly options?: readonly (Shape | string)[];
  readonly item?: Shape;
  readonly key?: Shape;
  readonly value?: Shape;
  readonly pipe?: readonly Shape[];
}

/** Every leaf of the schema. What it does not know ends the test: a new kind of field wants a decision. */
function leavesOf(shape: Shape, path: string): readonly Field[] {
  switch (shape.type) {
    case 'variant':
    case 'union':
      return (shape.options ?? []).flatMap((option) =>
        typeof option === 'string' ? [] : leavesOf(option, path),
      );
    case 'strict_object':
      return Object.entries(shape.entries ?? {}).flatMap(([key, entry]) => leavesOf(entry, `${path}.${key}`));
    case 'array':
      return shape.item === undefined ? [] : leavesOf(shape.item, `${path}[]`);
    case 'record':
      return [
        ...(shape.key === undefined ? [] : leavesOf(shape.key, `${path} (key)`)),
        ...(shape.value === undefined ? [] : leavesOf(shape.value, `${path} (value)`)),
      ];
    case 'string':
    case 'number':
    case 'literal':
      return [{ path, takes: (text) => v.safeParse(shape as unknown as v.GenericSchema, text).success }];
    default:
      throw new Error(`${path} is a ${shape.type}, which this test does not know`);
  }
}

/** Names as the store takes them. */
const NAMES = ['db_password', 'db-password', 'tls.key', 'TOKEN', 'a', 'deadbeef'];
/** Where a node can put any of them. */
const TEXTS = [
  'message.facts.containers[].image',
  'message.facts.containers[].labels (key)',
  'message.facts.containers[].labels (value)',
  'message.facts.containers[].name',
];
/** Ids, in which some names fit by their letters: the leader looks them up among the tasks of its own engine, or compares them. */
const IDS = ['message.facts.containers[].taskId'];

describe('what a node can say', () => {
  const fields = leavesOf(nodeMessage as unknown as Shape, 'message');

  test('is of four kinds, and of these fields', () => {
    assert.deepEqual(
      [...new Set(fields.map(({ path }) => path))].sort(),
      [
        'message.facts.containers[].id',
        'message.facts.containers[].imageId',
        'message.kind',
        'message.sequence',
        'message.session',
        ...IDS,
        ...TEXTS,
      ].sort(),
    );
    const kinds = ['register', 'heartbeat', 'report', 'acknowledge'];
    assert.equal(fields.filter(({ path }) => path === 'message.kind').length, kinds.length);
    kinds.forEach((kind) =>
      assert.ok(
        fields.some(({ path, takes }) => path === 'message.kind' && takes(kind)),
        kind,
      ),
    );
  });

  test('has room for the name of a secret only in texts about containers', () => {
    const taking = fields.filter(({ takes }) => NAMES.every(takes)).map(({ path }) => path);
    assert.deepEqual([...new Set(taking)].sort(), TEXTS);
    const someTaking = fields.filter(({ takes }) => NAMES.some(takes)).map(({ path }) => path);
    assert.deepEqual([...new Set(someTaking)].sort(), [...IDS, ...TEXTS].sort());
  });

  const container = {
    id: 'c0'.repeat(32),
    name: 'web',
    image: 'busybox',
    imageId: '',
    labels: {},
    taskId: '',
  };
  const session = 'ab'.repeat(16);
  const messages = [
    { kind: 'register', facts: { containers: [container] } },
    { kind: 'heartbeat', session },
    { kind: 'report', session, facts: { containers: [container] } },
    { kind: 'acknowledge', session, sequence: 1 },
  ];

  /** The message as JSON with one more field at its beginning, in itself, in its facts, or in its container. */
  function withMore(message: object, key: string): readonly string[] {
    const text = JSON.stringify(message);
    const more = `{${JSON.stringify(key)}:["db_password"],`;
    return [...text.matchAll(/\{(?=")/g)].map(
      ({ index }) => text.slice(0, index) + more + text.slice(index + 1),
    );
  }

  for (const key of [
    'secret',
    'secrets',
    'secretId',
    'want',
    'holders',
    'nodeId',
    'volumes',
    'constructor',
    '__proto__',
  ]) {
    test(`has no place for a field ${key}`, () => {
      let tried = 0;
      for (const message of messages) {
        assert.ok(v.is(nodeMessage, message));
        for (const text of withMore(message, key)) {
          const read = v.safeParse(nodeMessage, JSON.parse(text));
          tried += 1;
          if (read.success) {
            assert.equal(key, '__proto__', text);
            assert.equal(JSON.stringify(read.output), JSON.stringify(message), 'it is dropped');
          }
        }
      }
      assert.equal(tried, 8);
    });
  }
});

describe('a node that says the right name in every text', () => {
  const secret = { id: 'secretid00000000000000000', name: 'db_password', version: 3 };
  const task = made.task('taskofanothernode', { nodeId: 'engine-honest', mounts: [made.mount(secret.name)] });
  const honest = made.node('honest', [made.container({ id: 'a0'.repeat(32), taskId: task.id })]);
  const words = [
    secret.name,
    secret.id,
    task.id,
    `task/${task.id}`,
    'service',
    'honest',
    'engine-honest',
    '*',
    'coffer',
  ];
  const dress = (word: string): ContainerFact =>
    made.container({
      name: word,
      image: word,
      labels: {
        [word]: word,
        secret: word,
        'com.docker.swarm.task.id': task.id,
        'com.docker.swarm.node.id': 'engine-honest',
        'com.docker.swarm.service.id': 'service',
      },
    });
  const grants = [made.grant(secret.name, { nodeId: 'honest' })];

  /** What both nodes are due, by the names of the secrets. */
  function dueTo(
    facts: readonly ContainerFact[],
    engineNodeId: string,
  ): Readonly<Record<string, readonly string[]>> {
    const planned = plan({
      nodes: [honest, made.node('hostile', facts, { engineNodeId })],
      swarm: made.swarm([task]),
      grants,
      policy: EVERYTHING_ALLOWED,
      secret: (name) => (name.toLowerCase() === secret.name ? secret : undefined),
      isDriver: (name) => name === 'coffer',
    });
    const told = JSON.stringify(
      [...(planned.get('hostile')?.holders.values() ?? [])].map(({ secrets, refused }) => [secrets, refused]),
    );
    return {
      honest: [...(planned.get('honest')?.secrets.values() ?? [])].map(({ name }) => name),
      hostile: [...(planned.get('hostile')?.secrets.values() ?? [])].map(({ name }) => name),
      told: told.includes(secret.name) || told.includes(secret.id) ? [told] : [],
    };
  }

  const nothing = { honest: [secret.name], hostile: [], told: [] };
  for (const word of words) {
    test(`is given nothing for ${word}`, () => {
      assert.deepEqual(dueTo([dress(word)], 'engine-hostile'), nothing);
      assert.deepEqual(dueTo([{ ...dress(word), taskId: task.id }], 'engine-hostile'), nothing);
      assert.deepEqual(dueTo([dress(word)], ''), nothing);
    });
  }

  test('is given nothing for the id of a container that another node has', () => {
    const same = honest.facts.containers.map((one) => ({ ...one }));
    assert.deepEqual(dueTo(same, 'engine-hostile'), nothing);
  });
});

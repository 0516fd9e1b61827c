// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { CofferError } from '../../../src/common/index.ts';
import { dueFiles, holderKeyOf, mayStart } from '../../../src/distribution/agent/entitlement.ts';
import { Holdings, wipeChanges } from '../../../src/distribution/agent/holdings.ts';
import { decideMount, type MountDecision } from '../../../src/distribution/agent/mount-decision.ts';
import { factsOf } from '../../../src/distribution/agent/node-facts.ts';
import { parseVolume } from '../../../src/distribution/index.ts';
import { decodeNodeMessage, encodeNodeMessage } from '../../../src/distribution/message-codec.ts';
import type { Change } from '../../../src/distribution/protocol.ts';
import { CONTAINER_STATES, type EngineContainer } from '../../../src/engine/index.ts';
import { present } from '../../support/present.ts';
import {
  container,
  containerHolder,
  containerId,
  holder,
  putHolder,
  putSecret,
  TASK_LABEL,
  taskContainer,
} from './agent-objects.ts';

const SPEC = parseVolume('app', { secrets: 'db api' });
const TASK = 'abcdefghijklmnopqrstuvwxy';
const BOTH = [putSecretOf('db'), putSecretOf('api')];

function putSecretOf(name: string): Change {
  return putSecret(name, 1, `value of ${name}`);
}

function holdingsOf(...changes: readonly Change[]): Holdings {
  const holdings = new Holdings();
  holdings.apply(changes, true);
  return holdings;
}

describe('what a node has been given', () => {
  test('is overwritten when it is replaced, taken away or not named any more', () => {
    const first = putSecret('db', 1, 'first');
    const second = putSecret('db', 2, 'second');
    const api = putSecret('api', 1, 'api');
    const other = putSecret('other', 1, 'other');
    const values = [first, second, api, other].map((change) =>
      change.kind === 'put-secret' ? change.value : assert.fail('it is a secret'),
    );
    const holdings = new Holdings();
    assert.equal(holdings.isKnown, false);
    holdings.apply([first, api], true);
    assert.equal(holdings.isKnown, true);
    holdings.apply([second], false);
    const texts = (): readonly string[] =>
      values.map((value) => value.toString('latin1').replaceAll('\0', '-'));
    assert.deepEqual(texts(), ['-----', 'second', 'api', 'other']);
    holdings.apply([{ kind: 'remove-secret', secretId: 'api-id' }], false);
    assert.deepEqual(texts(), ['-----', 'second', '---', 'other']);
    holdings.apply([other, putHolder(holder('task/x', []))], true);
    assert.deepEqual(texts(), ['-----', '------', '---', 'other']);
    holdings.clear();
    assert.deepEqual(texts(), ['-----', '------', '---', '-----']);
    assert.equal(holdings.secretCount, 0);
    assert.equal(holdings.holder('task/x'), undefined);
  });

  test('is overwritten, too, if it was never carried out', () => {
    const change = putSecret('db', 1, 'value');
    wipeChanges([change, { kind: 'remove-holder', key: 'task/x' }]);
    assert.ok(change.kind === 'put-secret' && change.value.equals(Buffer.alloc(5)));
  });

  test('keeps who may have it until that is taken away', () => {
    const holdings = holdingsOf(putHolder(holder('task/a', ['db'])), putHolder(holder('task/b', [])));
    holdings.apply([{ kind: 'remove-holder', key: 'task/a' }], false);
    assert.equal(holdings.holder('task/a'), undefined);
    assert.equal(holdings.holder('task/b')?.secrets.length, 0);
  });
});

describe('the holder of a container', () => {
  test('is its task, if the engine has put one on it, and else the container itself', () => {
    assert.equal(holderKeyOf(container('web')), `container/${containerId('web')}`);
    assert.equal(holderKeyOf(taskContainer('web', TASK)), `task/${TASK}`);
    for (const nonsense of ['', 'task/../x', 'A B', 'x'.repeat(65)]) {
      assert.equal(holderKeyOf(taskContainer('web', nonsense)), `container/${containerId('web')}`);
    }
  });
});

describe('a container that may be the one that is started', () => {
  test('is one that was made or has ended; of a task, only one that was made', () => {
    const plain = CONTAINER_STATES.filter((state) => mayStart(container('web', { state })));
    assert.deepEqual(plain, ['created', 'restarting', 'exited']);
    const task = CONTAINER_STATES.filter((state) => mayStart(taskContainer('web', TASK, { state })));
    assert.deepEqual(task, ['created', 'restarting']);
  });
});

describe('the files of a volume that are due', () => {
  const files = (
    containers: readonly EngineContainer[],
    ...changes: readonly Change[]
  ): readonly string[] => [...dueFiles(SPEC, containers, holdingsOf(...changes)).keys()];

  test('are those that all containers may have', () => {
    const web = putHolder(containerHolder('web', ['DB', 'api']));
    const other = putHolder(containerHolder('other', ['db']));
    assert.deepEqual(files([container('web')], ...BOTH, web), ['db', 'api']);
    assert.deepEqual(files([container('web'), container('other')], ...BOTH, web, other), ['db']);
    assert.deepEqual(files([container('web'), container('third')], ...BOTH, web, other), []);
  });

  test('are none if no container is there, or no value has come', () => {
    const web = putHolder(containerHolder('web', ['db', 'api']));
    assert.deepEqual(files([], ...BOTH, web), []);
    assert.deepEqual(files([container('web')], putSecretOf('api'), web), ['api']);
  });

  test('are none if two holders have different secrets of one name', () => {
    const stranger = holder(`container/${containerId('other')}`, [], {
      secrets: [{ secretId: 'api-id', name: 'db' }],
    });
    const web = putHolder(containerHolder('web', ['db']));
    assert.deepEqual(files([container('web'), container('other')], ...BOTH, web, putHolder(stranger)), []);
  });
});

describe('whether a volume is mounted', () => {
  let leftBehind: ReadonlySet<string> = new Set();
  beforeEach(() => {
    leftBehind = new Set();
  });
  const decide = (containers: readonly EngineContainer[], ...changes: readonly Change[]): MountDecision =>
    decideMount({
      leftBehind,
      volume: 'app',
      spec: SPEC,
      containers,
      holdings: holdingsOf(...BOTH, ...changes),
      nodeName: 'host-1',
    });
  const refusedOf = (decision: MountDecision): CofferError =>
    decision.kind === 'refuse' ? decision.reason : assert.fail(`it is ${decision.kind}`);
  const web = putHolder(containerHolder('web', ['db', 'api']));

  test('is answered when the leader has answered for all containers that count', () => {
    assert.equal(decide([container('web')]).kind, 'wait');
    const running = container('other', { state: 'running' });
    assert.deepEqual(decide([container('web'), running], web), { kind: 'wait', container: running });
    const gone = [container('dead', { state: 'dead' }), container('going', { state: 'removing' })];
    assert.deepEqual(decide([container('web'), ...gone], web), {
      kind: 'mount',
      starting: [containerId('web')],
    });
  });

  test('is refused with the command that grants what is missing', () => {
    const reason = refusedOf(decide([container('web')], putHolder(containerHolder('web', ['db']))));
    assert.equal(reason.code, 'volume.refused');
    assert.equal(reason.detail, 'nothing grants container web on this node the secret api');
    assert.equal(reason.hint, 'Grant it: docker coffer grant api --node host-1 --container web');
  });

  test('is refused because of another container, with a way to be rid of it', () => {
    const old = container('old', { state: 'exited' });
    const reason = refusedOf(decide([container('web'), old], web, putHolder(containerHolder('old', []))));
    assert.match(reason.detail, /container old, which has ended, mounts the volume app too/);
    assert.match(reason.hint ?? '', /docker rm old\. Or grant it: docker coffer grant db --node host-1/);
    const running = container('old', { state: 'running' });
    assert.match(
      refusedOf(decide([container('web'), running], web, putHolder(containerHolder('old', [])))).detail,
      /nothing grants container old/,
    );
  });

  test('is refused in the words of the leader if a secret is granted or mounted and not in the store', () => {
    const refused = [{ name: 'api', code: 'secret.not-found', message: 'there is no secret api' }];
    const plain = putHolder({ ...containerHolder('web', ['db']), refused });
    const reason = refusedOf(decide([container('web')], plain));
    assert.equal(reason.detail, 'container web cannot have the secret api: there is no secret api');
    assert.equal(reason.hint, 'Store it: docker coffer put api -');
    const task = putHolder(holder(`task/${TASK}`, ['db'], { refused }));
    assert.match(refusedOf(decide([taskContainer('web', TASK)], task)).detail, /there is no secret api/);
  });

  test('is refused by the policy in its words, for a container as for a task, and with how to see the rules', () => {
    const refused = [{ name: 'API', code: 'policy.denied', message: 'rule abc denies it' }];
    for (const reason of [
      refusedOf(decide([container('web')], putHolder({ ...containerHolder('web', ['db']), refused }))),
      refusedOf(decide([taskContainer('web', TASK)], putHolder(holder(`task/${TASK}`, ['db'], { refused })))),
    ]) {
      assert.equal(reason.code, 'policy.denied');
      assert.match(reason.detail, /container web may not have the secret api: rule abc denies it/);
      assert.match(reason.hint ?? '', /docker coffer policy ls/);
    }
    // What another secret is refused for says nothing of the one that is missing.
    const other = [{ name: 'db', code: 'policy.denied', message: 'rule abc denies it' }];
    const reason = refusedOf(
      decide([container('web')], putHolder({ ...containerHolder('web', []), refused: other })),
    );
    assert.equal(reason.code, 'policy.denied');
    assert.match(reason.detail, /secret db: rule abc/);
  });

  test('is refused for a task that the swarm does not have here', () => {
    const reason = refusedOf(decide([taskContainer('web', TASK)], putHolder(holder(`task/${TASK}`, []))));
    assert.match(reason.detail, new RegExp(`the swarm has no task ${TASK} on this node`));
  });

  test('does not wait for the containers of earlier tasks, and is refused once because of them', () => {
    const next = 'zbcdefghijklmnopqrstuvwxy';
    const entitled = putHolder(holder(`task/${next}`, ['db', 'api']));
    const over = putHolder(holder(`task/${TASK}`, []));
    const ended = taskContainer('web.1', TASK, { state: 'exited' });
    const refused = taskContainer('web.1', TASK);
    const mount = { kind: 'mount', starting: [containerId('web.2')] };
    assert.deepEqual(decide([ended, taskContainer('web.2', next)], entitled), mount);
    const both = [refused, taskContainer('web.2', next)];
    const decision = decide(both, entitled, over);
    assert.ok(decision.kind === 'refuse');
    leftBehind = new Set(decision.leftBehind);
    assert.deepEqual(
      [...leftBehind],
      both.map(({ id }) => id),
      'either may have been the one',
    );
    assert.deepEqual(decide(both, entitled, over), mount);
    assert.equal(decide([refused], over).kind, 'refuse', 'it is refused itself as ever');
    // One that runs is another matter.
    const running = taskContainer('web.1', TASK, { state: 'running' });
    assert.equal(decide([running, taskContainer('web.2', next)], entitled, over).kind, 'refuse');
  });

  test('is refused if only a task that is over could be the one, beside one that runs', () => {
    const next = 'zbcdefghijklmnopqrstuvwxy';
    const entitled = putHolder(holder(`task/${next}`, ['db', 'api']));
    const over = putHolder(holder(`task/${TASK}`, []));
    const running = taskContainer('web.2', next, { state: 'running' });
    assert.equal(decide([taskContainer('web.1', TASK), running], entitled, over).kind, 'refuse');
  });

  test('is refused if no container could be the one', () => {
    assert.match(refusedOf(decide([])).detail, /no container that could be started mounts the volume app/);
    const ended = taskContainer('web.1', TASK, { state: 'exited' });
    assert.equal(refusedOf(decide([ended])).code, 'volume.refused');
  });
});

describe('what a node tells of its containers', () => {
  test('is what the protocol has a place for, by id', () => {
    const facts = factsOf([
      container('web', { labels: { team: 'a', long: 'x'.repeat(513), ['k'.repeat(513)]: '' } }),
      taskContainer('app', TASK, { imageId: 'nonsense', image: 'i'.repeat(513), name: 'n'.repeat(513) }),
      container('odd', { id: 'nonsense' }),
    ]);
    assert.deepEqual(facts.containers, [
      {
        id: containerId('app'),
        name: '',
        image: '',
        imageId: '',
        labels: { [TASK_LABEL]: TASK },
        taskId: TASK,
      },
      {
        id: containerId('web'),
        name: 'web',
        image: 'app:1',
        imageId: `sha256:${'a'.repeat(64)}`,
        labels: { team: 'a' },
        taskId: '',
      },
    ]);
  });

  test('fits a message whatever there is of it, and says most of what it can', () => {
    const labels = Object.fromEntries(
      Array.from({ length: 200 }, (_none, place) => [`key-${place}`, '\u{20ac}'.repeat(500)]),
    );
    const long = { image: '\u{20ac}'.repeat(512), name: '"'.repeat(512) };
    for (const [count, rest] of [
      [1_500, { ...long, labels }],
      [1_000, {}],
      [3, { labels }],
    ] as const) {
      const told = factsOf(Array.from({ length: count }, (_none, place) => container(`c${place}`, rest)));
      const message = { kind: 'register', facts: told } as const;
      assert.deepEqual(decodeNodeMessage(encodeNodeMessage(message)), message);
      assert.ok(told.containers.length > Math.min(count, 300) - 1, `${told.containers.length} of ${count}`);
      const first = present(told.containers[0], 'there is one');
      assert.equal(Object.keys(first.labels).length, count === 3 ? 128 : 0);
    }
  });
});

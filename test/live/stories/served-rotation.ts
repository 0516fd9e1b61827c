// SPDX-License-Identifier: Apache-2.0
// Secrets are rotated while the services and containers that have them are in use, on three engines.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { answersIn, type Answers, AskingClient } from '../../support/asking-client.ts';
import type { CofferSwarm } from '../../support/coffer-swarm.ts';
import { Container } from '../../support/container.ts';
import type { EngineGates } from '../../support/engine-gates.ts';
import { auditOf, heldBy, rotationsOf, seenHolders, type ShownRecord } from '../../support/rotations.ts';
import { forceUpdateOf, serviceCreate } from '../../support/service.ts';
import type { Member } from '../../support/swarm-member.ts';
import { volumeMount } from '../../support/volumes.ts';
import { waitFor } from '../../support/wait-for.ts';

const PORT = 8080;
const REPLICAS = 3;
const ROTATIONS = 10;
/** The containers' name, on each engine. */
const FOLLOWER = 'follower';
/** One on each engine. An engine takes two seconds to stop a task: several looks see what is in between. */
const SPREAD = ['--replicas', String(REPLICAS), '--replicas-max-per-node', '1'];
const SLOWLY = ['--update-delay', '1s', '--update-monitor', '1s'];
/** Time for the first task to fail, on a busy machine too, before the next one is replaced. */
const CAREFULLY = ['--update-delay', '3s', '--update-monitor', '3s'];
/** Without the time that it takes to stop a task. */
const QUICKLY = ['--update-order', 'start-first', '--update-parallelism', '0', '--update-monitor', '200ms'];

/** A service with the secret of its name, which it serves. It ends at once with a value that it does not like. */
function webService(name: string, pace: readonly string[] = SLOWLY): readonly string[] {
  const program = [
    `grep -q bad /run/secrets/${name} && exit 3`,
    `trap 'exit 0' TERM; httpd -f -p ${PORT} -h /run/secrets & wait`,
  ].join('\n');
  return serviceCreate(name, ['--secret', name, ...SPREAD, ...pace], ['sh', '-c', program]);
}

const times = <T>(count: number, value: T): readonly T[] => Array.from({ length: count }, () => value);

export function servedRotationStories(of: () => CofferSwarm, gates: EngineGates): void {
  describe('a secret that is rotated while it is in use', () => {
    const clients: AskingClient[] = [];
    const followers: Container[] = [];
    const member = (index: number): Member => of().members[index] ?? assert.fail('three managers');

    const createSecret = async (name: string): Promise<void> => {
      await member(0).docker(['secret', 'create', name, '-'], { input: 'one' });
    };
    /** Containers with the secret in a volume, as Compose labels them, one on each engine. */
    const startFollowers = async (name: string): Promise<void> => {
      const label = `com.docker.compose.project=${name}`;
      for (const { engine, name: node } of of().members) {
        await member(0).cli(['grant', name, '--node', node, '--label', label]);
        const mounting = ['--label', label, ...volumeMount(name)];
        followers.push(await Container.start(engine, FOLLOWER, mounting));
      }
    };
    const followersRead = async (name: string, value: string): Promise<void> => {
      for (const follower of followers) {
        await waitFor(() => follower.read(name) === value, {
          what: `${value} on ${follower.engine.box.name}`,
        });
      }
    };
    /** Somebody who asks all tasks of the service from now on. */
    const ask = async (name: string): Promise<AskingClient> => {
      const host = await of().network.host(`client-of-${name}`);
      const addresses = of().members.map((one) => `${one.host.address}:${PORT}`);
      const client = new AskingClient(host, addresses, name);
      clients.push(client);
      await client.askedAgain(2);
      return client;
    };
    /** The one that knows of volumes first. */
    const leaderFirst = async (): Promise<readonly Member[]> => {
      const leader = await of().leader();
      return [leader, ...of().others(leader)];
    };
    const valuesOf = async (name: string, count: number): Promise<readonly string[]> =>
      Promise.all((await of().tasks(name, count)).map((task) => task.secret(name)));
    const assertAnswered = (rounds: readonly Answers[], fewest: number, values: readonly string[]): void => {
      const least = Math.min(...rounds.map((round) => answersIn(round).length));
      const story = rounds
        .map((round) => round.join(' '))
        .filter((words, index, all) => words !== all[index - 1]);
      assert.ok(least >= fewest, `once only ${least} of ${REPLICAS} answered:\n${story.join('\n')}`);
      assert.deepEqual(new Set(rounds.flatMap(answersIn)), new Set(values));
      assert.deepEqual(rounds.at(-1), times(REPLICAS, values.at(-1)));
    };

    afterEach(async () => {
      await Promise.all(clients.splice(0).map(async (client) => client.stop()));
      followers.splice(0);
      // By name: docker leaves those behind that did not start.
      await Promise.all(of().members.map(({ engine }) => engine.tryDocker(['rm', '--force', FOLLOWER])));
      await of().clear();
    });

    test('reaches volumes at once, and three replicas one by one: two answer at every moment, and who has which version is shown', async (t) => {
      await createSecret('steady');
      await member(0).engine.docker(webService('steady'));
      await startFollowers('steady');
      await of().tasks('steady', REPLICAS);
      const client = await ask('steady');
      const members = await leaderFirst();
      const all = (version: number): readonly string[] => [
        ...times(REPLICAS, `steady ${version} current`),
        ...times(REPLICAS, `${FOLLOWER} ${version} current`),
      ];
      await heldBy(members, 'steady', all(1));
      const rotating = member(1).tryCli(['rotate', 'steady', '-'], 'two');
      await followersRead('steady', 'two');
      const isOnTheWay = (shown: readonly string[]): boolean =>
        shown.includes('steady 1 stale') && shown.includes('steady 2 current');
      const during = await seenHolders(members, 'steady', isOnTheWay);
      t.diagnostic(`on the way: ${during.join(', ')}`);
      assert.deepEqual(
        during.filter((words) => words.startsWith(FOLLOWER)),
        times(REPLICAS, `${FOLLOWER} 2 current`),
      );
      const { code, stderr, stdout } = await rotating;
      assert.equal(code, 0, stderr);
      assert.equal(stdout, 'steady: version 2; 1 service has it\n');
      await heldBy(members, 'steady', all(2));
      assert.deepEqual(await valuesOf('steady', REPLICAS), times(REPLICAS, 'two'));
      await client.askedAgain(2);
      assertAnswered(await client.stop(), REPLICAS - 1, ['one', 'two']);
    });

    test('goes back where a task fails on it: the service answers all the time, and the audit logs tell how it was', async () => {
      await createSecret('picky');
      await member(0).engine.docker(webService('picky', CAREFULLY));
      await startFollowers('picky');
      await of().tasks('picky', REPLICAS);
      const client = await ask('picky');
      const members = await leaderFirst();
      // The service is updated when all have seen a value that does not stay.
      gates.catch({ what: /^POST \S*\/services\/\w+\/update\?/, hold: 'request' });
      const rotating = member(1).tryCli(['rotate', 'picky', '-'], 'a bad one');
      await followersRead('picky', 'a bad one');
      gates.release();
      const { code, stderr } = await rotating;
      assert.equal(code, 2, stderr);
      assert.match(stderr, /^coffer: picky: rolled back, because service picky: .*\(3\); version 3 has /m);
      await followersRead('picky', 'one');
      await heldBy(members, 'picky', [
        ...times(REPLICAS, 'picky 3 current'),
        ...times(REPLICAS, `${FOLLOWER} 3 current`),
      ]);
      assert.deepEqual(await valuesOf('picky', REPLICAS), times(REPLICAS, 'one'));
      await client.askedAgain(2);
      assertAnswered(await client.stop(), 1, ['one']);

      const story = await auditOf(of().members, 'picky');
      const told = (isPart: (record: ShownRecord) => boolean): readonly string[] =>
        story
          .filter(isPart)
          .map(({ by, code: refusal = 'done', event, version }) => `${event} ${version} by ${by}, ${refusal}`)
          .filter((words, index, all) => words !== all[index - 1]);
      assert.deepEqual(
        told(({ by, event }) => by !== 'volume' && event !== 'grant'),
        [
          'put 1 by gateway, done',
          'deliver 1 by engine, done',
          'rotate 2 by control, done',
          'deliver 2 by engine, done',
          'rotate 3 by rotation, done',
          'deliver 3 by engine, done',
        ],
      );
      // Nodes are sent a value as soon as it is stored, which may be before that is written down where it was typed.
      assert.deepEqual(
        told(({ by }) => by === 'volume'),
        ['deliver 1 by volume, done', 'deliver 2 by volume, done', 'deliver 3 by volume, done'],
      );
      assert.match(story.find(({ version }) => version === 3)?.detail ?? '', /^goes back$/);
      for (const one of of().members) {
        assert.match((await one.cli(['audit', 'verify'])).stdout, /^\d+ records, whole up to /, one.name);
      }
    });

    test(`comes ${ROTATIONS} times in a row, and leaves nothing behind`, async () => {
      await createSecret('quick');
      await member(0).engine.docker(
        serviceCreate('quick', ['--secret', 'quick', '--replicas', '2', ...QUICKLY]),
      );
      await of().tasks('quick', 2);
      const inEngine = ['secret', 'ls', '--filter', 'name=quick', '--format', '{{.ID}} {{.Name}}'];
      const { stdout: before } = await member(0).engine.docker(inEngine);
      for (let number = 2; number <= ROTATIONS + 1; number += 1) {
        const typedAt = member(number % 3);
        const { code, stderr, stdout } = await typedAt.tryCli(['rotate', 'quick', '-'], `value ${number}`);
        assert.equal(code, 0, stderr);
        assert.equal(stdout, `quick: version ${number}; 1 service has it\n`);
      }
      // Those that have given way are still being stopped.
      await heldBy([member(2)], 'quick', times(2, `quick ${ROTATIONS + 1} current`));
      assert.deepEqual(await valuesOf('quick', 2), times(2, `value ${ROTATIONS + 1}`));
      for (const one of of().members) {
        assert.equal((await one.cli(['ps', '--stale', '--quiet'])).stdout, '', one.name);
        const rotations = await rotationsOf(one, 'quick');
        assert.deepEqual(
          rotations.map(({ phase, toVersion }) => `${toVersion} ${phase}`),
          Array.from({ length: ROTATIONS }, (_, index) => `${ROTATIONS + 1 - index} done`),
        );
      }
      assert.equal(await forceUpdateOf(member(0).engine, 'quick'), ROTATIONS, 'once for each');
      assert.equal((await member(0).engine.docker(inEngine)).stdout, before);
    });
  });
}

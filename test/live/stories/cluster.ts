// SPDX-License-Identifier: Apache-2.0
// Three engines as one swarm, coffer on each: what one of them is told all have, and what breaks in between keeps no task from
// its secrets. Told for one of the two ways in which coffer is run.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { CofferSwarm } from '../../support/coffer-swarm.ts';
import { type InstallationKind, linesOf } from '../../support/installation.ts';
import { serviceCreate } from '../../support/service.ts';
import type { Member } from '../../support/swarm-member.ts';
import { waitFor } from '../../support/wait-for.ts';

const SERVICES = 3;
const REPLICAS = 3;
const create_ms_max = 90_000;

/** Creates a service of several replicas, as often as it takes: a swarm without a leader refuses for a while. */
async function createService(
  member: Member,
  name: string,
  secrets: readonly string[],
  replicas = REPLICAS,
): Promise<void> {
  const words = secrets.flatMap((secret) => ['--secret', secret]);
  const create = serviceCreate(name, [...words, '--replicas', String(replicas)]);
  await waitFor(
    async () => {
      const { code, stderr } = await member.engine.tryDocker(create, {
        socket: member.daemon.gatewaySocket,
        timeout_ms: 30_000,
      });
      if (code !== 0 && !stderr.includes('already exists')) {
        throw new Error(stderr);
      }
      return true;
    },
    { what: `the service ${name} to be created`, timeout_ms: create_ms_max, interval_ms: 500 },
  );
}

/** The ids of the tasks that this member shows with the current version of a secret. */
async function holdersAt(member: Member, secret: string): Promise<readonly string[]> {
  const { stdout } = await member.cli(['ps', '--format', 'json', secret]);
  const entries = linesOf(stdout).map((line) => JSON.parse(line) as { Task: string; State: string });
  return entries.flatMap(({ State, Task }) => (State === 'current' ? [Task] : [])).toSorted();
}

export function clusterStories(kind: InstallationKind): void {
  describe(`three managers, with coffer as a ${kind}`, () => {
    let started: CofferSwarm | undefined;
    let round = 0;
    const swarm = (): CofferSwarm => started ?? assert.fail('the engines did not start');

    /** Creates a secret through this member's gateway. Its name is one that no other test has. */
    const secretAt = async (member: Member): Promise<{ readonly name: string; readonly value: string }> => {
      round += 1;
      const [name, value] = [`secret-${round}`, `the value ${round}, by ${member.name}`];
      await member.docker(['secret', 'create', name, '-'], { input: value });
      return { name, value };
    };
    /** Begins to create services with a secret; resolves to their names once all are created. */
    const beginServices = (member: Member, secret: string): Promise<readonly string[]> => {
      const names = Array.from({ length: SERVICES }, (_, index) => `of-${secret}-${index}`);
      return Promise.all(names.map(async (name) => createService(member, name, [secret]))).then(() => names);
    };
    /** Waits until each of the services has so many tasks on these members, and looks into each of them. */
    const eachTaskHas = async (
      services: readonly string[],
      secret: { readonly name: string; readonly value: string },
      members: readonly Member[],
      count = REPLICAS,
    ): Promise<void> => {
      for (const service of services) {
        for (const task of await swarm().tasks(service, count, members)) {
          assert.equal(await task.secret(secret.name), secret.value);
        }
      }
    };

    before(async () => {
      started = await CofferSwarm.start(kind, 3);
    });
    afterEach(async () => {
      await started?.network.heal();
      await started?.clear();
    });
    after(async () => started?.stop());

    test('those that join are told the token alone, and find their managers, addresses and names', async () => {
      // On a busy machine that may be another one by now than the one that founded the cluster.
      await swarm().leader();
      const ids = await Promise.all(swarm().members.map((member) => member.engineNodeId()));
      for (const member of swarm().members) {
        const nodes = await member.nodes();
        assert.deepEqual(
          nodes.map(({ Hostname, Address, EngineNodeID }) => [Hostname, Address, EngineNodeID]),
          swarm().members.map(({ name, host }, index) => [name, `${host.address}:7373`, ids[index]]),
        );
        assert.ok(nodes.every(({ Role, Voter }) => Role === 'manager' && Voter));
        assert.deepEqual(
          nodes.filter(({ Self }) => Self).map(({ Hostname }) => Hostname),
          [member.name],
        );
      }
    });

    test('a secret that was created through any of them reaches tasks on all of them', async () => {
      const secrets = [];
      for (const member of swarm().members) {
        secrets.push(await secretAt(member));
      }
      const names = secrets.map(({ name }) => name);
      const [, second = assert.fail('three members')] = swarm().members;
      await createService(second, 'takes-all', names);
      for (const task of await swarm().tasks('takes-all', REPLICAS)) {
        for (const { name, value } of secrets) {
          assert.equal(await task.secret(name), value);
        }
      }
      for (const member of swarm().members) {
        assert.ok((await swarm().tasks('takes-all', 1, [member])).length > 0, `none on ${member.name}`);
      }
      const ids = (await swarm().tasks('takes-all', REPLICAS)).map(({ id }) => id).toSorted();
      for (const member of swarm().members) {
        for (const name of names) {
          await waitFor(async () => isDeepStrictEqual(await holdersAt(member, name), ids), {
            what: `${member.name} to know who holds ${name}`,
          });
        }
      }
      const leader = await swarm().leader();
      for (const member of swarm().members) {
        const { stderr } = await member.cli(['ps']);
        assert.equal(
          stderr.includes(`the cluster's leader alone, which is ${leader.name}\n`),
          member !== leader,
        );
      }
    });

    test('why a task was refused is told by all of them, and the one that the swarm asks is named', async () => {
      const [first = assert.fail('three members')] = swarm().members;
      await first.docker(['secret', 'create', '--driver', 'coffer', 'valueless']);
      await createService(first, 'waits', ['valueless'], 1);
      const leader = await swarm().swarmLeader();
      for (const member of swarm().members) {
        await waitFor(
          async () => {
            const { stdout } = await member.cli(['why', 'waits']);
            return (
              /failure +value: coffer holds no secret valueless\n +Mend: docker coffer put valueless -\n/.test(
                stdout,
              ) &&
              stdout.includes(`: ${leader.name} refused it to task waits.1.`) &&
              new RegExp(
                `^ok +manager: Docker asks the coffer of .*${leader.name}, which leads the swarm`,
                'm',
              ).test(stdout)
            );
          },
          { what: `${member.name} to say why`, timeout_ms: 30_000 },
        );
      }
    });

    test('when the swarm’s leader is killed while services start, they get their secrets', async () => {
      const dead = await swarm().swarmLeader();
      const left = swarm().others(dead);
      const [first = dead] = left;
      const secret = await secretAt(dead);
      const creating = beginServices(first, secret.name);
      await dead.engine.kill();
      assert.notEqual(await swarm().swarmLeader(left), dead);
      const services = await creating;
      await eachTaskHas(services, secret, left);
      const later = await secretAt(first);
      await dead.engine.start();
      await dead.serving();
      await swarm().swarmLeader();
      assert.equal((await swarm().agreed()).length, 2);
      await eachTaskHas(await beginServices(dead, later.name), later, swarm().members);
    });

    test('when coffer’s leader is killed while services start, they get their secrets', async () => {
      const asked = await swarm().swarmLeader();
      const dead = await swarm().leadElsewhere(asked);
      const secret = await secretAt(dead);
      const creating = beginServices(asked, secret.name);
      await dead.crash();
      // A plugin that is killed is back by itself, and may lead again.
      const left = kind === 'managed plugin' ? swarm().members : swarm().others(dead);
      const next = await swarm().leader(left);
      await eachTaskHas(await creating, secret, swarm().members);
      const later = await secretAt(next);
      await dead.comeBack();
      assert.equal((await swarm().agreed()).length, 2);
      await eachTaskHas(await beginServices(dead, later.name), later, swarm().members);
    });

    test('when the one that the swarm asks is killed while services start, they get them once it is back', async () => {
      const asked = await swarm().swarmLeader();
      const [other = asked] = swarm().others(asked);
      const secret = await secretAt(other);
      const creating = beginServices(other, secret.name);
      await asked.crash();
      await asked.comeBack();
      await eachTaskHas(await creating, secret, swarm().members);
      assert.equal((await swarm().agreed()).length, 1);
    });

    test('when the power of all three fails at once, services come back with their secrets', async () => {
      const [first = assert.fail('three members')] = swarm().members;
      const secret = await secretAt(first);
      const services = await beginServices(first, secret.name);
      await eachTaskHas(services, secret, swarm().members);
      await Promise.all(swarm().members.map((member) => member.powerOff()));
      await Promise.all(swarm().members.map((member) => member.powerOn()));
      await swarm().swarmLeader();
      assert.equal((await swarm().agreed()).length, 1);
      await eachTaskHas(services, secret, swarm().members);
      const later = await secretAt(first);
      await eachTaskHas(await beginServices(first, later.name), later, swarm().members);
    });

    for (const way of ['one way', 'both ways'] as const) {
      test(`when the link between two managers is cut ${way}, services get their secrets, and all agree afterwards`, async () => {
        const asked = await swarm().swarmLeader();
        const leader = await swarm().leadElsewhere(asked);
        const between = swarm().others(asked, leader)[0] ?? assert.fail('three members');
        const secret = await secretAt(leader);
        // A manager that was cut off earlier could not know it.
        await swarm().agreed();
        const creating = beginServices(between, secret.name);
        await swarm().network.block(leader.host, asked.host);
        if (way === 'both ways') {
          await swarm().network.block(asked.host, leader.host);
        }
        await eachTaskHas(await creating, secret, swarm().members, 1);
        const during = await secretAt(between);
        await swarm().network.heal();
        await swarm().swarmLeader();
        assert.equal((await swarm().agreed()).length, 2);
        await eachTaskHas([`of-${secret.name}-0`], secret, swarm().members);
        await eachTaskHas(await beginServices(asked, during.name), during, swarm().members);
      });
    }

    test('a manager that is removed serves nothing more, and the others go on without it', async () => {
      const removed = await swarm().leadElsewhere(await swarm().swarmLeader());
      const left = swarm().others(removed);
      const [first = removed] = left;
      const refused = await first.tryCli(['node', 'rm', removed.name]);
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /is a manager.*node demote/s);
      await first.cli(['node', 'rm', '--force', '--yes', removed.name]);
      for (const member of left) {
        const nodes = await member.nodes();
        assert.deepEqual(
          nodes.map(({ Hostname }) => Hostname),
          left.map(({ name }) => name),
        );
      }
      await waitFor(async () => (await removed.tryCli(['status'])).code !== 0, {
        what: `${removed.name} to serve nothing`,
      });
      assert.match((await removed.tryCli(['status'])).stdout, /removed/);
      const secret = await secretAt(first);
      await eachTaskHas(await beginServices(first, secret.name), secret, swarm().members);
    });
  });
}

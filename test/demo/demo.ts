// SPDX-License-Identifier: Apache-2.0
// The demonstration: a secret's whole life through a real Docker Engine, with nothing but stock docker commands.
import { createPlugin, ManagedPlugin } from '../support/managed-plugin.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import * as screen from './screen.ts';
import { Shell } from './shell.ts';

const SECRET = 'This is a secret';
/** The node's name, in its swarm and for coffer. */
const NODE = 'engine-1';
/** What a node says of the secrets that it was given. */
const AGENT = "docker coffer status | grep -E '^(Agent|Volumes):'";

async function publish(engine: Engine, registry: Registry): Promise<string> {
  const name = `${registry.address}/coffer`;
  await createPlugin(engine, name);
  await engine.docker(['plugin', 'push', name], { timeout_ms: 180_000 });
  await engine.docker(['plugin', 'rm', name]);
  return name;
}

async function install(engine: Engine, shell: Shell, plugin: string): Promise<ManagedPlugin> {
  screen.heading('One plugin on the node');
  await shell.run(
    `docker plugin install --alias coffer --grant-all-permissions ${plugin} engine.source=${engine.socket}`,
  );
  await shell.run('docker plugin ls');
  const installed = await ManagedPlugin.find(engine);
  await installed.serving();
  await shell.until('docker coffer status', 'coffer to serve');
  screen.note('From here on, docker speaks to the engine through coffer’s gateway:');
  await shell.run('docker coffer context --use');
  await shell.run('docker coffer status');
  return installed;
}

async function grant(shell: Shell, image: string): Promise<void> {
  screen.heading('A secret is stored, and granted to a service');
  await shell.run(`echo "${SECRET}" | docker secret create my_secret_data -`);
  await shell.run('docker secret ls');
  await shell.run(
    `docker service create --quiet --no-resolve-image --name redis --network host --secret my_secret_data ${image}`,
  );
  await shell.until('docker exec $(docker ps -qf name=redis) true', 'the container to run');
  screen.heading('The container sees it, in memory');
  await shell.run('docker exec $(docker ps -qf name=redis) ls -l /run/secrets');
  await shell.run('docker exec $(docker ps -qf name=redis) cat /run/secrets/my_secret_data');
  await shell.run('docker exec $(docker ps -qf name=redis) grep secrets /proc/mounts');
}

async function lookAtDisk(engine: Engine, shell: Shell, plugin: ManagedPlugin): Promise<void> {
  screen.heading(
    'On disk it is sealed: the value is in no file of coffer or of the swarm, and the name in the audit log alone',
  );
  screen.note('(how many files hold it)');
  await shell.run(
    `grep -rlaE --exclude-dir=audit '${SECRET}|my_secret_data' ${plugin.stateDirectory} | wc -l`,
  );
  await shell.run(`grep -rla '${SECRET}' ${plugin.stateDirectory} | wc -l`);
  await shell.run(`grep -rla '${SECRET}' ${engine.dataDirectory}/swarm | wc -l`);
  await shell.run('docker coffer ls');
}

async function refuse(shell: Shell): Promise<void> {
  screen.heading('What is in use is not removed, and a name is taken once');
  await shell.run('docker secret rm my_secret_data', 1);
  await shell.run('echo again | docker secret create my_secret_data -', 1);
}

async function change(shell: Shell): Promise<void> {
  screen.heading('A new version, which Docker’s own secrets do not have');
  await shell.run('echo "Another secret" | docker coffer put my_secret_data -');
  screen.note('Who still has the old one?');
  await shell.run('docker coffer ps my_secret_data');
  await shell.run('docker service update --quiet --force redis');
  await shell.until(oneContainer('redis'), 'the new container alone to run');
  await shell.run('docker exec $(docker ps -qf name=redis) cat /run/secrets/my_secret_data');
  await shell.until('docker coffer ps my_secret_data | grep -q current', 'coffer to have noted that');
  await shell.run('docker coffer ps my_secret_data');
  screen.note('Both at once, with a way back if the service fails on it:');
  await shell.run('echo "A third secret" | docker coffer rotate my_secret_data -');
  await shell.run('docker coffer history my_secret_data');
  screen.note('And all of it is written down:');
  await shell.run('docker coffer audit --secret my_secret_data --tail 4');
  await shell.run('docker coffer audit verify');
}

async function explain(shell: Shell, image: string): Promise<void> {
  screen.heading('When something is wrong, coffer says what, and what to do');
  await shell.run('docker secret create --driver coffer db_password');
  await shell.run(
    `docker service create --quiet --detach --no-resolve-image --name db --network host --secret db_password ${image}`,
  );
  await shell.until(
    "docker service ps --no-trunc --format '{{.Error}}' db | grep -q secret",
    'the first task to fail',
  );
  await shell.run("docker service ps --no-trunc --format '{{.Error}}' db | grep secret | head -n 1");
  await shell.run('docker coffer why db');
  await shell.run('docker coffer doctor');
  await shell.run('docker coffer put db_password --generate password:24');
  await shell.until(oneContainer('db'), 'the service to start by itself');
  await shell.run("docker service ls --format '{{.Name}} {{.Replicas}}'");
  await shell.run('docker service rm db');
  await shell.run('docker secret rm db_password');
  await shell.run('docker coffer rm db_password');
}

/** True once one container of the service runs, and no other. */
function oneContainer(service: string): string {
  return `test $(docker ps -qf name=${service} | wc -l) = 1 && docker exec $(docker ps -qf name=${service}) true`;
}

async function revoke(shell: Shell): Promise<void> {
  screen.heading('It is taken away again');
  await shell.run('docker service update --quiet --secret-rm my_secret_data redis');
  await shell.until(oneContainer('redis'), 'the new container alone to run');
  await shell.run('docker exec $(docker ps -qf name=redis) cat /run/secrets/my_secret_data', 1);
  screen.heading('And gone');
  await shell.run('docker service rm redis');
  await shell.run('docker secret rm my_secret_data');
  await shell.run('docker secret ls');
  await shell.run('docker coffer ls');
}

async function mountVolume(shell: Shell, image: string): Promise<void> {
  screen.heading('A volume holds secrets for any container, once they are granted');
  const mount = 'type=volume,volume-driver=coffer,source=shop_password,target=/run/secrets,readonly';
  const read = 'docker exec shop cat /run/secrets/shop_password';
  await shell.run(`echo "${SECRET}" | docker coffer put shop_password -`);
  await shell.run(`docker run -d --name shop --network host --mount ${mount} ${image}`, 125);
  await shell.run(`docker coffer grant shop_password --node ${NODE} --container shop`);
  await shell.run('docker start shop');
  await shell.run(read);
  await shell.run(AGENT);
  screen.heading('A new version reaches the running container, and a revocation empties its volume');
  await shell.run('echo "Another secret" | docker coffer put shop_password -');
  await shell.until(`${read} | grep -q Another`, 'the container to see the new version');
  await shell.run(read);
  await shell.run(`docker coffer revoke shop_password --node ${NODE}`);
  await shell.until(`! ${read}`, 'the file to be gone');
  await shell.run(read, 1);
  await shell.run(AGENT);
  await shell.run('docker rm -f shop');
  await shell.run('docker volume rm shop_password');
  await shell.run('docker coffer rm shop_password');
}

async function main(): Promise<void> {
  screen.heading('Setting up: a private Docker Engine with a swarm of one, and a registry on loopback');
  const engine = await screen.step('starting the engine', () => startEngine({ name: NODE }));
  try {
    const image = await screen.step('preparing an image', () => engine.importBusybox());
    await screen.step('docker swarm init', () => engine.swarmInit());
    const registry = await startRegistry(engine);
    const name = await screen.step('pushing the plugin to the registry', () => publish(engine, registry));
    const shell = new Shell(engine);
    await shell.useEngine();
    const plugin = await install(engine, shell, name);
    await grant(shell, image);
    await lookAtDisk(engine, shell, plugin);
    await refuse(shell);
    await change(shell);
    await explain(shell, image);
    await revoke(shell);
    await mountVolume(shell, image);
  } finally {
    await screen.step('\nending the engine and all it ran', () => engine.stop());
  }
  screen.note('Nothing is left running.');
}

main().catch((thrown: unknown) => {
  const sentence = thrown instanceof Error ? thrown.message : String(thrown);
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? `: ${thrown.cause.message}` : '';
  process.stderr.write(`\nThe demonstration failed: ${sentence}${cause}\n`);
  process.exitCode = 1;
});

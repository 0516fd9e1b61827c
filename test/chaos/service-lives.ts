// SPDX-License-Identifier: Apache-2.0
// The two ways in which a service gets a secret, each from its creation over a new value to its end.
import type { Life } from './lives.ts';
import { createSecret, createService, removeSecret, removeService } from './swarm-calls.ts';
import type { Site } from './chaos-cluster.ts';

const REPLICAS = 2;
const MOUNT = '/run/volume';

function onlyOn(site: Site): readonly string[] {
  return ['--constraint', `node.hostname==${site.name}`];
}

/** Does a command of coffer's at one site; throws what it said where it was not done. */
async function cofferAt({ member }: Site, words: readonly string[], input?: string): Promise<true> {
  const { code, stderr } = await member.tryCli(words, input);
  if (code !== 0) {
    throw new Error(stderr.trim());
  }
  return true;
}

/** As a secret of the swarm, with `docker secret create`; the service is updated by a rotation. */
export const swarmSecretLife: Life = async (world, name) => {
  const alone = world.perhaps() ? world.anySite() : undefined;
  const [first = ''] = world.canaries.make(name, alone?.name).values;
  const where = alone === undefined ? ['--replicas', String(REPLICAS)] : onlyOn(alone);
  await world.insist(`to create the secret ${name}`, async (site) => createSecret(site, name, first));
  await world.insist(`to create the service ${name}`, async (site) =>
    createService(site, name, ['--secret', name, ...where]),
  );
  await world.sees(name, `/run/secrets/${name}`, first);
  const second = world.canaries.newValue(name);
  await world.insist(`to rotate ${name}`, async (site) => cofferAt(site, ['rotate', name, '-'], second));
  await world.sees(name, `/run/secrets/${name}`, second);
  await world.insist(`to remove the service ${name}`, async (site) => removeService(site, name));
  await world.insist(`to remove the secret ${name}`, async (site) => removeSecret(site, name));
  world.canaries.removed(name);
};

/** As a volume of coffer's on one node, whose file follows the secret by itself. */
export const volumeLife: Life = async (world, name) => {
  const node = world.anySite();
  const [first = ''] = world.canaries.make(name, node.name).values;
  const mount = `type=volume,volume-driver=coffer,source=${name},target=${MOUNT},readonly`;
  await world.insist(`to put ${name}`, async (site) => cofferAt(site, ['put', name, '-'], first));
  await world.insist(`to create the service ${name}`, async (site) =>
    createService(site, name, ['--mount', mount, ...onlyOn(node)]),
  );
  await world.sees(name, `${MOUNT}/${name}`, first);
  const second = world.canaries.newValue(name);
  await world.insist(`to put ${name} again`, async (site) => cofferAt(site, ['put', name, '-'], second));
  await world.sees(name, `${MOUNT}/${name}`, second);
  await world.insist(`to remove the service ${name}`, async (site) => removeService(site, name));
  await world.insist(`to remove ${name}`, async (site) =>
    cofferAt(site, ['rm', '--force', name]).catch((error: unknown) => {
      if (error instanceof Error && /not found/.test(error.message)) {
        return true;
      }
      throw error;
    }),
  );
  world.canaries.removed(name);
};

// SPDX-License-Identifier: Apache-2.0
// The stock commands that the services of a run are made with, each through coffer's gateway on one engine or another. What is
// there already, or gone already, counts as done: a call without an answer is made again.
import type { CommandResult } from '../support/command.ts';
import { linesOf } from '../support/installation.ts';
import { serviceCreate } from '../support/service.ts';
import type { Site } from './chaos-cluster.ts';

const CALL_MS = 20_000;

async function call(site: Site, words: readonly string[], input?: string): Promise<CommandResult> {
  return site.engine.tryDocker(words, {
    socket: site.gatewaySocket,
    timeout_ms: CALL_MS,
    ...(input === undefined ? {} : { input }),
  });
}

/** Throws what docker said, unless it is done or says `already`. */
function done({ code, stderr }: CommandResult, already: RegExp): true {
  if (code !== 0 && !already.test(stderr)) {
    throw new Error(stderr.trim());
  }
  return true;
}

export async function createSecret(site: Site, name: string, value: string): Promise<true> {
  return done(await call(site, ['secret', 'create', name, '-'], value), /already exists/);
}

export async function removeSecret(site: Site, name: string): Promise<true> {
  return done(await call(site, ['secret', 'rm', name]), /not found|no such secret/i);
}

export async function createService(site: Site, name: string, words: readonly string[]): Promise<true> {
  return done(await call(site, serviceCreate(name, words)), /already exists/);
}

export async function removeService(site: Site, name: string): Promise<true> {
  return done(await call(site, ['service', 'rm', name]), /not found|no such service/i);
}

/** What is in this file in each running task of a service on this engine. */
export async function valuesInTasks(site: Site, service: string, file: string): Promise<readonly string[]> {
  const filter = `label=com.docker.swarm.service.name=${service}`;
  const { code, stdout, stderr } = await site.engine.tryDocker(['ps', '--quiet', '--filter', filter], {
    timeout_ms: CALL_MS,
  });
  if (code !== 0) {
    throw new Error(stderr.trim());
  }
  const values = await Promise.all(
    linesOf(stdout).map(async (container) => {
      const words = ['exec', container, 'cat', file];
      const read = await site.engine.tryDocker(words, { timeout_ms: CALL_MS });
      // Nothing can be read in one that has just ended.
      return read.code === 0 ? [read.stdout] : [];
    }),
  );
  return values.flat();
}

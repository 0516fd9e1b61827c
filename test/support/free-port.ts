// SPDX-License-Identifier: Apache-2.0
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that the system gives to outgoing calls: one of those could be in the way when a node is started again. */
const FIRST = 16_000;
const END = 32_000;
const TRIES_MAX = 100;

/** A TCP port of the loopback interface on which nobody listens, as of now; by chance, since other tests run beside this one. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
    const port = randomInt(FIRST, END);
    if (await isFree(port)) {
      return port;
    }
  }
  throw new Error(`no free port was found in ${TRIES_MAX} tries`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// The end of a process that a test has started, and whether it has come; what a daemon listens on meanwhile.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import type { Sockets } from './secret-calls.ts';
import { waitFor } from './wait-for.ts';

/** Far more than it takes: other tests run beside this one. */
const stop_ms_max = 30_000;

/** Whether it has not ended. */
export function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Kills it by `kill` and waits for its end; if it has ended already, does nothing. */
export async function endAtOnce(child: ChildProcess | undefined, kill: () => void): Promise<void> {
  if (child !== undefined && isRunning(child)) {
    const exited = once(child, 'exit');
    kill();
    await exited;
  }
}

/** Asks it by `terminate` to end, and waits; rejects when it has not ended in time, having killed it by `kill`. */
export async function endGently(
  child: ChildProcess | undefined,
  {
    kill,
    name,
    terminate,
  }: { readonly name: string; readonly terminate: () => void; readonly kill: () => void },
): Promise<void> {
  if (child === undefined || !isRunning(child)) {
    return;
  }
  terminate();
  try {
    await waitFor(() => !isRunning(child), { what: `${name} to end`, timeout_ms: stop_ms_max });
  } finally {
    await endAtOnce(child, kill);
  }
}

/** True when a server accepts a connection on the Unix socket. */
export async function socketAccepts(socket: string): Promise<boolean> {
  if (!existsSync(socket)) {
    return false;
  }
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}

/** True when all three sockets of a daemon accept connections; rejects when it has ended. */
export async function allAccept(
  child: ChildProcess,
  { controlSocket, gatewaySocket, pluginSocket }: Sockets,
): Promise<boolean> {
  if (!isRunning(child)) {
    throw new Error(`it ended with ${child.exitCode ?? child.signalCode ?? 'an unknown code'}`);
  }
  for (const socket of [pluginSocket, gatewaySocket, controlSocket]) {
    if (!(await socketAccepts(socket))) {
      return false;
    }
  }
  return true;
}

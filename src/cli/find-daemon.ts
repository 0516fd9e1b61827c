// SPDX-License-Identifier: Apache-2.0
// Where the daemon's control socket is, and where its gateway is for those outside its container.
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { systemErrorCode } from '../common/index.ts';
import type { DaemonStatus } from '../control/index.ts';
import { type CommandError, requestError } from './command-error.ts';
import { permissionError } from './connection-error.ts';

const CONTROL_SOCKET = 'control.sock';
const PROBE_TIMEOUT_MS = 1_000;
/** The engine keeps the sockets of a managed plugin in a directory named after the plugin's id. */
const PLUGIN_ID_PATTERN = /^[0-9a-f]{64}$/;

/**
 * The control socket of the daemon on this machine: the plain process's (`/run/coffer/control.sock`) or else
 * a managed plugin's (`/run/docker/plugins/ID/control.sock`). Rejects when none answers, when this user may not
 * look, and when several plugins could be meant.
 */
export async function findControlSocket(runDirectory: string): Promise<string> {
  const plain = path.join(runDirectory, 'coffer', CONTROL_SOCKET);
  const plugins = path.join(runDirectory, 'docker', 'plugins');
  refuseIfHidden(path.dirname(plain));
  refuseIfHidden(plugins);
  if (await answers(plain)) {
    return plain;
  }
  const live: string[] = [];
  for (const candidate of pluginSockets(plugins)) {
    if (await answers(candidate)) {
      live.push(candidate);
    }
  }
  const [found, another] = live;
  if (found === undefined) {
    throw notFound(plain, plugins);
  }
  if (another !== undefined) {
    throw requestError(
      'several coffer plugins run on this machine',
      `Choose one: --socket ${live.join(' or ')}`,
    );
  }
  return found;
}

/** The gateway's path on the host. A managed plugin knows only the path inside its own root. */
export function gatewayOnHost(status: DaemonStatus, controlSocket: string): string {
  return status.mode === 'managed'
    ? path.join(path.dirname(controlSocket), path.basename(status.sockets.gateway))
    : status.sockets.gateway;
}

function pluginSockets(plugins: string): readonly string[] {
  if (!existsSync(plugins)) {
    return [];
  }
  return readdirSync(plugins)
    .filter((name) => PLUGIN_ID_PATTERN.test(name))
    .map((name) => path.join(plugins, name, CONTROL_SOCKET))
    .filter((candidate) => existsSync(candidate));
}

function refuseIfHidden(directory: string): void {
  try {
    accessSync(directory, constants.R_OK | constants.X_OK);
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'EACCES') {
      throw permissionError(directory);
    }
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    const settle = (found: boolean): void => {
      socket.destroy();
      resolve(found);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', (error) => {
      if (systemErrorCode(error) === 'EACCES') {
        reject(permissionError(socketPath));
      } else {
        settle(false);
      }
    });
    socket.setTimeout(PROBE_TIMEOUT_MS, () => settle(false));
  });
}

function notFound(plain: string, plugins: string): CommandError {
  return requestError(
    `no coffer daemon found: nothing answers at ${plain} or ${path.join(plugins, '*', CONTROL_SOCKET)}`,
    'Install it (docker plugin install coffer), enable it (docker plugin enable coffer), or name its socket with --socket PATH.',
  );
}

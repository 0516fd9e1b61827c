// SPDX-License-Identifier: Apache-2.0
// What docker asks of its CLI plugins (docker/cli, cli-plugins).
import { connect } from 'node:net';
import { type Environment, VERSION } from './io.ts';

export const METADATA_COMMAND = 'docker-cli-plugin-metadata';
export const HOOKS_COMMAND = 'docker-cli-plugin-hooks';

/** What `docker --help` shows of this plugin. */
export function pluginMetadata(): string {
  return JSON.stringify({
    SchemaVersion: '0.1.0',
    Vendor: 'coffer',
    Version: VERSION,
    ShortDescription: 'Secrets in an encrypted store of their own',
  });
}

/**
 * Calls `onEnd` once docker closes the socket that it holds open for as long as its plugin should run (docker CLI
 * 25 and later, which may not pass on signals). The socket is an abstract one, `@NAME`. It keeps no process alive.
 */
export function watchDockerSocket(env: Environment, onEnd: () => void): void {
  const name = env['DOCKER_CLI_PLUGIN_SOCKET'] ?? '';
  if (!name.startsWith('@')) {
    return;
  }
  const socket = connect({ path: `\0${name.slice(1)}` });
  socket.unref();
  let connected = false;
  socket.once('connect', () => {
    connected = true;
  });
  // A docker that does not serve its socket has nothing to say; only an end after a beginning counts.
  socket.once('error', () => undefined);
  socket.once('close', () => {
    if (connected) {
      onEnd();
    }
  });
  socket.resume();
}

// SPDX-License-Identifier: Apache-2.0
// A Unix socket that appears at its path all at once: listening, and with its final mode.
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import path from 'node:path';
import { CofferError } from './errors.ts';

/** Linux keeps a socket's path in 108 bytes, a NUL among them. */
const SOCKET_PATH_BYTES_MAX = 107;
const OWNER_ONLY_UMASK = 0o177;
const GROUP_MODE = 0o660;
/** A failover lets many calls come at once. The kernel bounds it by net.core.somaxconn. */
const BACKLOG = 4_096;
const PROBE_TIMEOUT_MS = 1_000;

/** Who may connect, beyond the owner. */
export interface SocketAccess {
  /** Members of this group. */
  readonly groupId?: number | undefined;
}

/**
 * Listens on `socketPath` with mode 0600, or 0660 with a group, and resolves with a function that takes the path
 * away again. A socket that nobody serves any more gives way. Rejects with `settings.invalid` for a path that cannot be had, and
 * `store.in-use` if another process serves there.
 */
export async function listenOnUnixSocket(
  server: Server,
  socketPath: string,
  access: SocketAccess = {},
): Promise<() => void> {
  const temporary = `${socketPath}.${process.pid}`;
  if (Buffer.byteLength(temporary) > SOCKET_PATH_BYTES_MAX) {
    throw new CofferError('settings.invalid', `the socket's path is too long: ${socketPath}`);
  }
  await refuseIfTaken(socketPath);
  try {
    mkdirSync(path.dirname(socketPath), { recursive: true });
    rmSync(temporary, { force: true });
    await bind(server, temporary);
    if (access.groupId !== undefined) {
      chownSync(temporary, process.getuid?.() ?? 0, access.groupId);
      chmodSync(temporary, GROUP_MODE);
    }
    renameSync(temporary, socketPath);
  } catch (thrown) {
    server.close();
    rmSync(temporary, { force: true });
    throw new CofferError(
      'settings.invalid',
      `cannot listen on ${socketPath}: ${CofferError.from(thrown).detail}`,
      { cause: thrown },
    );
  }
  const own = statSync(socketPath).ino;
  return () => {
    if (statSync(socketPath, { throwIfNoEntry: false })?.ino === own) {
      unlinkSync(socketPath);
    }
  };
}

function bind(server: Server, temporary: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Node binds before `listen` returns, so that the mask covers this socket and nothing else.
    const before = process.umask(OWNER_ONLY_UMASK);
    try {
      server.listen({ path: temporary, backlog: BACKLOG }, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

async function refuseIfTaken(socketPath: string): Promise<void> {
  const there = statSync(socketPath, { throwIfNoEntry: false });
  if (there === undefined) {
    return;
  }
  if (!there.isSocket()) {
    throw new CofferError('settings.invalid', `${socketPath} is there and is not a socket`);
  }
  if (await isServed(socketPath)) {
    throw new CofferError('store.in-use', `another process serves ${socketPath}`);
  }
}

function isServed(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const settle = (served: boolean): void => {
      socket.destroy();
      resolve(served);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    // A full backlog: somebody has the socket, who does not come to accept.
    socket.setTimeout(PROBE_TIMEOUT_MS, () => settle(true));
  });
}

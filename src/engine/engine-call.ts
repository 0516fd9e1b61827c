// SPDX-License-Identifier: Apache-2.0
// How an engine is called, whatever for.
import './without-debug.ts';
import Docker from 'dockerode';
import { CofferError, withDeadline } from '../common/index.ts';
import { engineStatus, mapFailure } from './failure.ts';

const ENGINE_ID_PATTERN = /^[A-Za-z0-9]{1,128}$/;

/** `timeout_ms` is for one call; without it, a call may take as long as it takes. */
export function connectEngine(socketPath: string, timeout_ms?: number): Docker {
  // Named here, so that DOCKER_HOST in the environment does not win over the socket.
  const endpoint = { socketPath, host: undefined, port: undefined, protocol: 'http' } as const;
  try {
    return new Docker(timeout_ms === undefined ? endpoint : { ...endpoint, timeout: timeout_ms });
  } catch (cause) {
    throw new CofferError('settings.invalid', 'the DOCKER_ variables of the environment cannot be read', {
      hint: 'unset DOCKER_HOST and DOCKER_CERT_PATH for coffer',
      cause,
    });
  }
}

/** Rejects with `engine.unreachable` if `work` takes longer than `timeout_ms`, and as `mapFailure` says. */
export async function callEngine<T>(
  socketPath: string,
  timeout_ms: number,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const sentence = `the Docker Engine at ${socketPath} did not answer within ${timeout_ms} ms`;
    return await withDeadline(work(), timeout_ms, 'engine.unreachable', sentence);
  } catch (thrown) {
    throw mapFailure(socketPath, thrown);
  }
}

/** Undefined where the engine answers that there is no such thing. */
export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (thrown) {
    if (engineStatus(thrown) === 404) {
      return undefined;
    }
    throw thrown;
  }
}

/** dockerode puts ids into the path as they are. */
export function checkedId(id: string): string {
  if (!ENGINE_ID_PATTERN.test(id)) {
    throw new CofferError('request.invalid', 'this is not an id of the Docker Engine');
  }
  return id;
}

// SPDX-License-Identifier: Apache-2.0
// The calls that the measurements of keys and backups make at a manager.
import { ManagerProcess } from '../support/manager-process.ts';
import { type Call, timeCalls } from './measure.ts';

const FILL_WIDTH = 64;

export function put(name: string, value: Buffer): Call {
  return {
    method: 'PUT',
    path: `/v1/secrets/${name}?expect=always`,
    headers: { host: 'coffer', 'Content-Type': 'application/octet-stream' },
    body: value,
  };
}

/** As the swarm leader asks for one task, which gets the same answer each time. */
export function getSecret(index: number): Call {
  const task = `task${String(index).padStart(21, '0')}`;
  const body = JSON.stringify({
    SecretName: secretName(index),
    ServiceID: 'yhw2k4oukw3mtdcqs5x6f6z7a',
    ServiceName: 'web',
    TaskID: task,
    TaskName: `web.1.${task}`,
    TaskImage: 'web:latest',
    NodeID: 'ujup0c3x0b1w8k7kq4y3a9rwd',
    ServiceEndpointSpec: {},
  });
  return { method: 'POST', path: '/SecretProvider.GetSecret', headers: { Host: '' }, body: `${body}\n` };
}

export function secretName(index: number): string {
  return `bench-${index}`;
}

/** A manager of a cluster of its own, with so many secrets of this size. */
export async function managerWith(
  directory: string,
  secrets: number,
  value_bytes: number,
): Promise<ManagerProcess> {
  const manager = await ManagerProcess.start({ directory, env: { COFFER_LOG_LEVEL: 'info' } });
  try {
    await manager.serving();
    process.stderr.write(`storing ${secrets} secrets of ${value_bytes} bytes ... `);
    const value = Buffer.alloc(value_bytes, 'x');
    await timeCalls(manager.controlSocket, secrets, FILL_WIDTH, 201, (index) =>
      put(secretName(index), value),
    );
    process.stderr.write('done\n');
    return manager;
  } catch (error) {
    await manager.destroy();
    throw error;
  }
}

// SPDX-License-Identifier: Apache-2.0
// The calls that the benchmark of the daemon makes.
import type { Call } from './measure.ts';

/** `--quick` takes a tenth of all. */
export const QUICK = process.argv.includes('--quick');
export const SECRETS = QUICK ? 1_000 : 10_000;
export const VALUE = Buffer.alloc(64, 'x');

export interface AskingTask {
  /** Of `SECRETS` tasks the secret is another one each. */
  readonly number: number;
  /** Of which node of the engine's swarm. */
  readonly nodeId: string;
}

/** A call as the swarm leader makes it for one task. */
export function getSecret({ nodeId, number }: AskingTask): Call {
  const task = `task${String(number).padStart(21, '0')}`;
  const body = JSON.stringify({
    SecretName: `bench-${number % SECRETS}`,
    SecretLabels: { team: 'bench' },
    ServiceID: 'yhw2k4oukw3mtdcqs5x6f6z7a',
    ServiceName: 'web',
    ServiceLabels: { tier: 'front' },
    TaskID: task,
    TaskName: `web.1.${task}`,
    TaskImage: 'web:latest',
    NodeID: nodeId,
    ServiceEndpointSpec: {},
  });
  return { method: 'POST', path: '/SecretProvider.GetSecret', headers: { Host: '' }, body: `${body}\n` };
}

/** Of coffer's own API: stores a value. */
export function put(name: string): Call {
  return {
    method: 'PUT',
    path: `/v1/secrets/${name}`,
    headers: { 'Content-Type': 'application/octet-stream' },
    body: VALUE,
  };
}

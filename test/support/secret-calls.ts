// SPDX-License-Identifier: Apache-2.0
// The calls on secrets, below the command lines: what a thousand of them need to be quick.
import { requestOverSocket, type SocketReply, type SocketRequest } from './socket-request.ts';

/** The sockets of a daemon, plain process or managed plugin. */
export interface Sockets {
  readonly pluginSocket: string;
  readonly gatewaySocket: string;
  readonly controlSocket: string;
}

/** `docker secret create`, as it arrives at the gateway. */
export async function createThroughGateway(
  sockets: Pick<Sockets, 'gatewaySocket'>,
  name: string,
  value: Buffer,
  more: object = {},
): Promise<SocketReply> {
  return requestOverSocket(sockets.gatewaySocket, {
    method: 'POST',
    path: '/v1.41/secrets/create',
    body: { Name: name, Labels: {}, Data: value.toString('base64'), ...more },
    timeout_ms: 30_000,
  });
}

/** A call of coffer's own API. */
export async function callControl(
  sockets: Pick<Sockets, 'controlSocket'>,
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path: string,
  body?: Buffer,
): Promise<SocketReply> {
  const request: SocketRequest = { method, path, headers: { host: 'coffer' }, timeout_ms: 30_000 };
  return requestOverSocket(sockets.controlSocket, body === undefined ? request : { ...request, body });
}

/** `coffer put`, as it arrives at the control socket. */
export async function putThroughControl(
  sockets: Pick<Sockets, 'controlSocket'>,
  name: string,
  value: Buffer,
): Promise<SocketReply> {
  return callControl(sockets, 'PUT', `/v1/secrets/${encodeURIComponent(name)}?expect=always`, value);
}

export interface AskedFor {
  readonly secret: string;
  readonly task: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The name of the task's service. Default `asks`. */
  readonly service?: string;
}

/** The call with which a swarm leader asks for a task's secret. */
export async function getSecret(
  sockets: Pick<Sockets, 'pluginSocket'>,
  { secret, service = 'asks', task, labels }: AskedFor,
): Promise<SocketReply> {
  const body = {
    SecretName: secret,
    ...(labels === undefined ? {} : { SecretLabels: labels }),
    ServiceID: 'serviceid0000000000000000',
    ServiceName: service,
    TaskID: task,
    TaskName: `${service}.1.${task}`,
    TaskImage: 'localhost:5000/bb',
    NodeID: 'nodeid0000000000000000000',
    ServiceEndpointSpec: {},
  };
  return requestOverSocket(sockets.pluginSocket, {
    method: 'POST',
    path: '/SecretProvider.GetSecret',
    headers: { accept: 'application/vnd.docker.plugins.v1.2+json' },
    body: `${JSON.stringify(body)}\n`,
  });
}

/** The value in a reply to `getSecret`; throws its refusal. */
export function valueIn(reply: SocketReply): Buffer {
  const { Value, Err } = reply.json() as { readonly Value?: string; readonly Err?: string };
  if (Value === undefined) {
    throw new Error(`refused: ${Err ?? reply.text}`);
  }
  return Buffer.from(Value, 'base64');
}

/** Runs `work` on every item, `width` at a time. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

// SPDX-License-Identifier: Apache-2.0
// What the engine asks, and how it is answered (swarmkit, manager/drivers/secrets.go; moby, pkg/plugins).
import * as v from 'valibot';
import { decodePluginBody } from './plugin-body.ts';

/** Go leaves out what is empty, and writes null for an empty map in some versions. */
const text = v.optional(v.string(), '');

const SecretRequestSchema = v.object({
  SecretName: v.pipe(v.string(), v.minLength(1)),
  SecretLabels: v.nullish(v.record(v.string(), v.string())),
  ServiceHostname: text,
  ServiceID: text,
  ServiceName: text,
  ServiceLabels: v.nullish(v.record(v.string(), v.string())),
  TaskID: text,
  TaskName: text,
  TaskImage: text,
  NodeID: text,
  ServiceEndpointSpec: v.nullish(
    v.object({
      Mode: v.optional(v.number(), 0),
      Ports: v.nullish(
        v.array(
          v.object({
            Name: text,
            Protocol: v.optional(v.number(), 0),
            TargetPort: v.optional(v.number(), 0),
            PublishedPort: v.optional(v.number(), 0),
            PublishMode: v.optional(v.number(), 0),
          }),
        ),
      ),
    }),
  ),
});

/** One call of `/SecretProvider.GetSecret`: a task is about to start, or its node's session is replayed. */
export interface SecretRequest {
  readonly secretName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly service: {
    readonly id: string;
    readonly name: string;
    /** As the service's author wrote it, with its templates unexpanded. */
    readonly hostname: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly endpoint: ServiceEndpoint;
  };
  readonly task: { readonly id: string; readonly name: string; readonly image: string };
  readonly nodeId: string;
}

export interface ServiceEndpoint {
  readonly mode: 'vip' | 'dnsrr';
  readonly ports: readonly {
    readonly name: string;
    readonly protocol: 'tcp' | 'udp' | 'sctp';
    readonly targetPort: number;
    readonly publishedPort: number;
    readonly publishMode: 'ingress' | 'host';
  }[];
}

/** Reads a request. Throws `request.invalid` with one sentence for anything else. */
export function decodeSecretRequest(body: Buffer): SecretRequest {
  const fields = decodePluginBody(SecretRequestSchema, body, 'secret provider');
  return {
    secretName: fields.SecretName,
    labels: fields.SecretLabels ?? {},
    service: {
      id: fields.ServiceID,
      name: fields.ServiceName,
      hostname: fields.ServiceHostname,
      labels: fields.ServiceLabels ?? {},
      endpoint: endpointOf(fields.ServiceEndpointSpec),
    },
    task: { id: fields.TaskID, name: fields.TaskName, image: fields.TaskImage },
    nodeId: fields.NodeID,
  };
}

function endpointOf(spec: v.InferOutput<typeof SecretRequestSchema>['ServiceEndpointSpec']): ServiceEndpoint {
  return {
    mode: spec?.Mode === 1 ? 'dnsrr' : 'vip',
    ports: (spec?.Ports ?? []).map((port) => ({
      name: port.Name,
      protocol: (['tcp', 'udp', 'sctp'] as const)[port.Protocol] ?? 'tcp',
      targetPort: port.TargetPort,
      publishedPort: port.PublishedPort,
      publishMode: port.PublishMode === 1 ? 'host' : 'ingress',
    })),
  };
}

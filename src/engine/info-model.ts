// SPDX-License-Identifier: Apache-2.0
// What the engine says of itself.
import * as v from 'valibot';
import { decode, optionalText, requiredText, text } from './decode.ts';

/** `LocalNodeState` of the Engine API; anything else that an engine may say is `error`. */
const SWARM_STATES = ['inactive', 'pending', 'active', 'error', 'locked'] as const;
export type SwarmState = (typeof SWARM_STATES)[number];

export interface EngineInfo {
  readonly swarmState: SwarmState;
  /** The swarm's id; only a manager knows it. */
  readonly swarmId: string | undefined;
  /** True on a manager that can serve calls on swarm objects. */
  readonly controlAvailable: boolean;
  readonly nodeId: string | undefined;
  /** The address that it advertises to its swarm. */
  readonly nodeAddress: string | undefined;
  /** `host:port` of the swarm's managers, this node among them if it is one. */
  readonly managerAddresses: readonly string[];
  readonly serverVersion: string;
}

const infoShape = v.pipe(
  v.object({
    ServerVersion: text,
    Swarm: v.nullish(
      v.object({
        LocalNodeState: v.fallback(v.picklist(SWARM_STATES), 'error'),
        ControlAvailable: v.nullish(v.boolean(), false),
        NodeID: optionalText,
        NodeAddr: optionalText,
        RemoteManagers: v.nullish(v.array(v.object({ Addr: text })), []),
        Cluster: v.nullish(v.object({ ID: optionalText })),
      }),
    ),
  }),
  v.transform(
    (info): EngineInfo => ({
      swarmState: info.Swarm?.LocalNodeState ?? 'inactive',
      swarmId: info.Swarm?.Cluster?.ID,
      controlAvailable: info.Swarm?.ControlAvailable ?? false,
      nodeId: info.Swarm?.NodeID,
      nodeAddress: info.Swarm?.NodeAddr,
      managerAddresses: info.Swarm?.RemoteManagers.map(({ Addr }) => Addr) ?? [],
      serverVersion: info.ServerVersion,
    }),
  ),
);

const pluginShape = v.object({ Name: requiredText });

/** Reads the answer of `GET /info`; throws `engine.refused` if it is none. */
export function decodeInfo(json: unknown): EngineInfo {
  return decode(infoShape, json, 'a description of itself');
}

/** The name of a managed plugin out of `GET /plugins/{id}/json`. */
export function decodePluginName(json: unknown): string {
  return decode(pluginShape, json, 'a plugin').Name;
}

/** Whether two names mean the same managed plugin: `coffer` is `coffer:latest`. */
export function isSameDriver(one: string, other: string): boolean {
  return one.replace(/:latest$/, '') === other.replace(/:latest$/, '');
}

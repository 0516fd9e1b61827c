// SPDX-License-Identifier: Apache-2.0
export { Agent, type AgentDescription, type AgentOptions } from './agent/agent.ts';
export type { Connector } from './agent/connector.ts';
export { MemoryMounts } from './agent/memory-mounts.ts';
export { type MountPoint, readMountPoints } from './agent/mount-points.ts';
export { type MountPrograms, MountTool, SYSTEM_MOUNT_PROGRAMS } from './agent/mount-tool.ts';
export type { SessionDescription } from './dispatcher/dispatcher.ts';
export type { DispatchPeer } from './dispatcher/session.ts';
export { Distributor } from './distributor.ts';
export { LeaderConnector, type LeaderConnectorOptions } from './leader-connector.ts';
export type { LeadershipOptions as DistributorOptions } from './leadership.ts';
export type { HolderHoldings, NodeHoldings } from './node-holdings.ts';
export { DISPATCH_PROTOCOL, MANAGER_MESSAGE_BYTES_MAX, NODE_MESSAGE_BYTES_MAX } from './protocol.ts';
export type { VolumeFile, VolumeSpec } from './volume-model.ts';
export type { VolumeDescription, VolumeService } from './volume-service.ts';
export { parseVolume } from './volume-spec.ts';

// SPDX-License-Identifier: Apache-2.0
export { Agent } from './agent/agent.ts';
export { MemoryMounts } from './agent/memory-mounts.ts';
export { type MountPoint, readMountPoints } from './agent/mount-points.ts';
export { MountTool } from './agent/mount-tool.ts';
export { Distributor } from './distributor.ts';
export { LeaderConnector } from './leader-connector.ts';
export type { HolderHoldings, NodeHoldings } from './node-holdings.ts';
export { DISPATCH_PROTOCOL, MANAGER_MESSAGE_BYTES_MAX, NODE_MESSAGE_BYTES_MAX } from './protocol.ts';
export type { VolumeDescription, VolumeService } from './volume-service.ts';
export { parseVolume } from './volume-spec.ts';

// SPDX-License-Identifier: Apache-2.0
export { Agent, type AgentDescription, type AgentOptions } from './agent/agent.ts';
export type { Connector } from './agent/connector.ts';
export { MemoryMounts } from './agent/memory-mounts.ts';
export { type MountPrograms, MountTool, SYSTEM_MOUNT_PROGRAMS } from './agent/mount-tool.ts';
export type { Channel, ChannelEvents } from './channel.ts';
export { DISPATCH_PROTOCOL } from './protocol.ts';
export type { VolumeFile, VolumeSpec } from './volume-model.ts';
export type { VolumeDescription, VolumeService } from './volume-service.ts';
export { parseVolume } from './volume-spec.ts';

// SPDX-License-Identifier: Apache-2.0
export type { Channel, ChannelEvents } from './channel.ts';
export { DISPATCH_PROTOCOL } from './protocol.ts';
export type { VolumeFile, VolumeSpec } from './volume-model.ts';
export type { VolumeDescription, VolumeService } from './volume-service.ts';
export { parseVolume } from './volume-spec.ts';

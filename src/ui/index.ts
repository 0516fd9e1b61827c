// SPDX-License-Identifier: Apache-2.0
export type { AccessEnd } from './access.ts';
export type { Daemon, RotationWish, ShownRecord } from './daemon.ts';
export type { Problem } from './options.ts';
export { startUi, type UiServer } from './server.ts';

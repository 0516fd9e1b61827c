// SPDX-License-Identifier: Apache-2.0
export { Daemon } from './daemon.ts';
export type { DaemonOptions } from './daemon-parts.ts';
export { createLogger } from './logger.ts';
export { readSettings, type ReadSettings, type Settings } from './settings.ts';
export { version } from './version.ts';

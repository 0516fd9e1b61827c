// SPDX-License-Identifier: Apache-2.0
export { Daemon } from './daemon.ts';
export { createLogger } from './logger.ts';
export { readSettings } from './settings.ts';
export { version } from './version.ts';

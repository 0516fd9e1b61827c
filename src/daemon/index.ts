// SPDX-License-Identifier: Apache-2.0
export { Daemon, type DaemonOptions } from './daemon.ts';
export { createLogger } from './logger.ts';
export { readSettings, type ReadSettings, type Settings } from './settings.ts';
export { version } from './version.ts';

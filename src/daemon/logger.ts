// SPDX-License-Identifier: Apache-2.0
import { destination, pino } from 'pino';
import { currentRequest, type LogFields, type Logger } from '../common/index.ts';
import type { LogLevel } from './settings.ts';

/**
 * One JSON object per line on the standard output, which an engine copies into its own log. What is done for a request has its id
 * in `request`.
 */
export function createLogger(level: LogLevel): Logger {
  const log = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      mixin: requestField,
    },
    destination({ fd: 1, sync: true }),
  );
  return {
    debug: (sentence: string, fields?: LogFields) => log.debug(fields, sentence),
    info: (sentence: string, fields?: LogFields) => log.info(fields, sentence),
    warn: (sentence: string, fields?: LogFields) => log.warn(fields, sentence),
    error: (sentence: string, fields?: LogFields) => log.error(fields, sentence),
  };
}

function requestField(): LogFields {
  const request = currentRequest();
  return request === undefined ? {} : { request };
}

// SPDX-License-Identifier: Apache-2.0
// What the rooms need of a logger. The daemon alone makes one.

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** One line per call: a constant sentence, and what varies as fields. A value never goes into either. */
export interface Logger {
  debug(sentence: string, fields?: LogFields): void;
  info(sentence: string, fields?: LogFields): void;
  warn(sentence: string, fields?: LogFields): void;
  error(sentence: string, fields?: LogFields): void;
}

/** A logger that drops everything, for tests and short-lived tools. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

// SPDX-License-Identifier: Apache-2.0
// Everything of the outside world that the command line touches, so that a test can stand in for it.
import type { Readable, Writable } from 'node:stream';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Standard input: a file, a pipe, or a terminal, which can be told not to echo. */
export interface Input extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

export interface Output extends Writable {
  readonly isTTY?: boolean;
}

export interface Io {
  readonly stdin: Input;
  readonly stdout: Output;
  /** Whether what is printed goes into a regular file. */
  readonly stdoutIsFile: () => boolean;
  readonly stderr: Output;
  readonly env: Environment;
  readonly homeDirectory: string;
  /** Where sockets are looked for: `/run`. */
  readonly runDirectory: string;
  /** True when started as `docker-coffer`: then the words are docker's own, its global flags among them. */
  readonly asDockerPlugin: boolean;
  readonly now_ms: () => number;
  /** Resolves after `duration_ms`. */
  readonly pause: (duration_ms: number) => Promise<void>;
  /** Has `work` done, which must not wait for anything, if the program is ended from outside. Returns what takes that back. */
  readonly whenEnded: (work: () => void) => () => void;
}

/** This build's version, which the bundler writes in. */
export const VERSION = process.env['COFFER_VERSION'] ?? '0.0.0-source';

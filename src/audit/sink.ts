// SPDX-License-Identifier: Apache-2.0
// Where lines of the audit log go. Each place has a chain of its own, so that none has gaps where another one was full.
import type { ChainedLine, ChainPosition } from './chain.ts';

export interface AuditSink {
  /** As the settings name it. */
  readonly name: 'file' | 'stdout' | 'syslog';
  /** Rejects while it cannot be had; then it is asked again. */
  open(): Promise<OpenedSink>;
}

/** What a sink was found to be. */
export interface OpenedSink {
  /** The chain goes on from here. */
  readonly position: ChainPosition;
  /** What is to be said of how it was found, in the record of the start. */
  readonly remark: string | undefined;
  /** Where a sink has files: whether the next line is the first one of a file that is not the first. */
  readonly beginning: { readonly from: number } | undefined;
  /** How many more bytes it takes before `makeRoom` has to be called. */
  readonly room_bytes: number;
  /** Takes up the next file, where there is one. */
  makeRoom(): Promise<void>;
  /**
   * Rejects if it has not taken them all. Then it is given the very same lines again, and more once it has taken those; unless they
   * now begin a file, for which they are made anew.
   */
  write(lines: readonly ChainedLine[]): Promise<void>;
  /** What was written stays, whatever happens to the machine. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

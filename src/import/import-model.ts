// SPDX-License-Identifier: Apache-2.0
// What an import from the swarm is told as.
import type { ErrorCode } from '../common/index.ts';

export interface ImportWish {
  /** Names of the swarm's secrets; without any, all that it has in its own store. */
  readonly names: readonly string[];
  /** Whether the services that use them are updated, and take them from coffer afterwards. */
  readonly apply: boolean;
  /** For each service. */
  readonly timeout_ms: number;
}

/** `idle`: none was begun since the daemon's start; `planned`: nothing was done; `done` and `failed` have ended. */
export type ImportPhase = 'idle' | 'planned' | 'reading' | 'switching' | 'done' | 'failed';

/**
 * `waiting` for its turn; `imported`: coffer has it now; `there`: coffer had the same value; `left-out`, and `note` says why;
 * `failed`, likewise.
 */
export type ImportState = 'waiting' | 'imported' | 'there' | 'left-out' | 'failed';

/** `unasked`: it goes on with the swarm's own; `updated`: it takes them from coffer; `failed`: it has the swarm's own again. */
export type SwitchState = 'unasked' | 'waiting' | 'updating' | 'updated' | 'left-out' | 'failed';

export interface ImportedService {
  readonly name: string;
  readonly state: SwitchState;
  readonly stack?: string | undefined;
  readonly note?: string | undefined;
}

export interface ImportedSecret {
  readonly name: string;
  readonly state: ImportState;
  /** Whether coffer had a secret of this name before. */
  readonly stored: boolean;
  /** Of what coffer has. */
  readonly version?: number | undefined;
  readonly size?: number | undefined;
  readonly note?: string | undefined;
  readonly stack?: string | undefined;
  /** The services that use it, by name. */
  readonly services: readonly ImportedService[];
  /** The swarm's secret that takes its place: one whose value coffer has. */
  readonly successor: string;
  /** Whether the swarm has it no more in its own store. */
  readonly replaced: boolean;
}

export interface ImportDescription {
  readonly phase: ImportPhase;
  readonly secrets: readonly ImportedSecret[];
  /** Why all of it has failed. */
  readonly problem?:
    | { readonly code: ErrorCode; readonly message: string; readonly hint?: string | undefined }
    | undefined;
}

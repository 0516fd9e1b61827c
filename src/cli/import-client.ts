// SPDX-License-Identifier: Apache-2.0
// An import from the swarm, in coffer's own API, and what the daemon may answer about it; as in replies.ts.
import * as v from 'valibot';
import type { ImportedSecret, SwarmImportReply } from '../control/index.ts';
import type { ControlClient } from './control-client.ts';
import { errorReply, type ReplySchema } from './replies.ts';

export interface SwarmImportWish {
  /** None: all. */
  readonly names: readonly string[];
  readonly apply: boolean;
  readonly dryRun: boolean;
  /** For each service. */
  readonly timeout_ms: number;
}

const importedSecret: ReplySchema<ImportedSecret> = v.object({
  name: v.string(),
  state: v.picklist(['waiting', 'imported', 'there', 'left-out', 'failed']),
  stored: v.boolean(),
  version: v.optional(v.number()),
  size: v.optional(v.number()),
  note: v.optional(v.string()),
  stack: v.optional(v.string()),
  services: v.array(
    v.object({
      name: v.string(),
      state: v.picklist(['unasked', 'waiting', 'updating', 'updated', 'left-out', 'failed']),
      stack: v.optional(v.string()),
      note: v.optional(v.string()),
    }),
  ),
  successor: v.string(),
  replaced: v.boolean(),
});

export const swarmImportReply: ReplySchema<SwarmImportReply> = v.object({
  phase: v.picklist(['idle', 'planned', 'reading', 'switching', 'done', 'failed']),
  secrets: v.array(importedSecret),
  problem: v.optional(errorReply),
});

/** It rejects as `ControlClient` does. */
export class ImportClient {
  readonly #control: ControlClient;

  constructor(control: ControlClient) {
    this.#control = control;
  }

  /** Resolves when it has begun; of a dry run, with what would be done. */
  begin(wish: SwarmImportWish): Promise<SwarmImportReply> {
    return this.#control.call({ method: 'POST', path: '/v1/import/swarm', body: wish }, swarmImportReply);
  }

  progress(): Promise<SwarmImportReply> {
    return this.#control.call({ method: 'GET', path: '/v1/import/swarm' }, swarmImportReply);
  }
}

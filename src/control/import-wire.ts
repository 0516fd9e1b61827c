// SPDX-License-Identifier: Apache-2.0
// What travels over the control socket about an import from the swarm. Types alone, as in wire.ts.
import type { ImportDescription, ImportWish } from '../import/index.ts';
import type { ErrorReply } from './wire.ts';

/** `GET /v1/import/swarm`, which tells how the last one is; `POST`, which begins one or tells what it would do. */
export interface SwarmImportReply extends Omit<ImportDescription, 'problem'> {
  /** Why all of it has failed. */
  readonly problem?: ErrorReply | undefined;
}

export interface SwarmImportAdmin {
  /** Nothing is done. Rejects with `import.refused` and `secret.not-found`. */
  plan(names: readonly string[]): Promise<ImportDescription>;
  /** Resolves when it has begun; it goes on by itself. Rejects as `plan` does, and with `import.busy`. */
  begin(wish: ImportWish): Promise<ImportDescription>;
  progress(): ImportDescription;
}

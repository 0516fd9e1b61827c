// SPDX-License-Identifier: Apache-2.0
import type { AuditEvent, AuditFields, Auditor } from '../../src/audit/index.ts';
import type { CofferError } from '../../src/common/index.ts';

/** Keeps in memory what is recorded. */
export class RecordingAudit implements Auditor {
  readonly #records: (AuditFields & { readonly event: AuditEvent })[] = [];
  /** While it is set, nothing can be written. */
  problem: CofferError | undefined;

  record(event: AuditEvent, fields: AuditFields = {}): void {
    this.#records.push({ event, ...fields });
  }

  requireWritable(): void {
    if (this.problem !== undefined) {
      throw this.problem;
    }
  }

  /** As they would stand in a line: without what is undefined. */
  get records(): readonly unknown[] {
    return this.#records.map((record): unknown => JSON.parse(JSON.stringify(record)));
  }
}

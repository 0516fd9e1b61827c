// SPDX-License-Identifier: Apache-2.0
// Notices when a canary is used: a secret that nobody needs.
import type { AuditEvent, AuditFields, Auditor } from '../audit/index.ts';
import type { Logger } from '../common/index.ts';
import { Counter, type MetricFamily } from '../monitoring/index.ts';
import type { Notice } from '../notices/index.ts';
import { isCanary, type Secret } from '../secrets/index.ts';

export interface CanariesOptions {
  /** Told of each use. */
  readonly record: Auditor['record'];
  /** Likewise, if somebody wants to know it at once. */
  readonly notify?: ((notice: Notice) => void) | undefined;
  /** This node's id, as far as it is known. */
  readonly nodeId: () => string;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

export interface CanaryUse {
  readonly at_ms: number;
  readonly secret: string;
  /** What was done, and by which way. */
  readonly event: UseEvent;
  readonly by: string;
}

/** Whoever was refused has tried. */
const USES = ['deliver', 'refuse', 'reveal'] as const satisfies readonly AuditEvent[];
type UseEvent = (typeof USES)[number];
const WAYS: readonly string[] = ['engine', 'volume', 'control'];

export class Canaries {
  readonly #options: CanariesOptions;
  readonly #counter = new Counter({
    name: 'coffer_canary_uses_total',
    help: 'Uses of canaries, which are secrets that nobody needs',
    label: 'by',
    values: WAYS,
  });
  #last: CanaryUse | undefined;
  #count = 0;
  #find: (name: string) => Secret | undefined = () => undefined;

  constructor(options: CanariesOptions) {
    this.#options = options;
  }

  /** How secrets are looked up from now on. */
  findBy(find: (name: string) => Secret | undefined): void {
    this.#find = find;
  }

  /** The last use that this manager has seen since its start, and how many there were. */
  get seen(): { readonly last: CanaryUse | undefined; readonly count: number } {
    return { last: this.#last, count: this.#count };
  }

  family(): MetricFamily {
    return this.#counter.family();
  }

  /** What goes into the audit log. Never throws. */
  look(event: AuditEvent, fields: AuditFields): void {
    const { by = '', secret: name } = fields;
    const use = USES.find((known) => known === event);
    if (name === undefined || use === undefined || !this.#isCanary(name)) {
      return;
    }
    const { logger, now_ms, record } = this.#options;
    this.#count += 1;
    this.#last = { at_ms: now_ms(), secret: name, event: use, by };
    this.#counter.add(by);
    record('canary', { ...fields, detail: use });
    const { code, service, task, to, version, volume } = fields;
    const facts = { use, by, version, volume, service, task, to, code };
    logger.warn('a canary was used', { secret: name, ...facts });
    const at = new Date(this.#last.at_ms).toISOString();
    this.#options.notify?.({ event: 'canary', at, node: this.#options.nodeId(), secret: name, facts });
  }

  #isCanary(name: string): boolean {
    try {
      const secret = this.#find(name);
      return secret !== undefined && isCanary(secret.labels);
    } catch {
      // The store does not serve any more, and nothing is given out.
      return false;
    }
  }
}

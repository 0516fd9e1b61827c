// SPDX-License-Identifier: Apache-2.0
// Rotations that begin by themselves, at the manager that leads.
import { CofferError, type ErrorCode, type Logger, type SecretValue } from '../common/index.ts';
import { isRunning } from '../membership/index.ts';
import { currentVersion } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import type { RotationWish } from './begin.ts';
import { type DueRotation, dueRotations } from './due.ts';
import { renewalRule, type ValueSource } from './renewal-rule.ts';

/** How often it is to be looked. */
export const SCHEDULE_LOOK_MS = 60_000;

const READ_TIMEOUT_MS = 2_000;
const SERVICE_TIMEOUT_MS = 10 * 60_000;
/** Those without services end as they begin: so many in one look, so that a look has an end. */
const BEGUN_PER_LOOK = 20;
/** Somebody else has changed the secret, or has begun: the next look sees it. */
const OVERTAKEN: readonly ErrorCode[] = ['secret.version-conflict', 'secret.not-found', 'rotation.busy'];
/** With these the secret is at fault, and others may fare better: its CA, for one, is not valid by this node's clock. */
const REFUSED: readonly ErrorCode[] = ['rotation.refused', 'pki.certificate-invalid'];

export interface RotationScheduleOptions {
  readonly store: Pick<SecretStore, 'cluster' | 'list' | 'readBarrier'>;
  /** Whether this manager leads still. */
  readonly leads: () => boolean;
  /** See `beginRotation`. */
  readonly begin: (wish: RotationWish) => Promise<unknown>;
  /** Makes a new value, which the schedule wipes. */
  readonly make: (source: ValueSource) => Promise<SecretValue>;
  readonly now_ms: () => number;
  /** Of a clock that never goes back. */
  readonly monotonic_ms: () => number;
  readonly logger: Logger;
}

/** A secret whose rotation could not begin. */
export interface RefusedRotation {
  readonly secret: string;
  /** What its value was to be made from. */
  readonly source: ValueSource;
  readonly reason: CofferError;
}

interface Refusal extends RefusedRotation {
  readonly at_ms: number;
}

/** Looks which secrets are due, and begins their rotations. */
export class RotationSchedule {
  readonly #options: RotationScheduleOptions;
  /** By the secret's id. */
  #refusals: ReadonlyMap<string, Refusal> = new Map();
  #running: Promise<void> | undefined;
  #lastProblem = '';

  constructor(options: RotationScheduleOptions) {
    this.#options = options;
  }

  /** Begins what is due, and resolves when that is done. Never rejects. */
  look(): Promise<void> {
    this.#running ??= this.#look().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** The rotations that could not begin here, and are tried again later. */
  get refused(): readonly RefusedRotation[] {
    return this.#options.leads() ? [...this.#refusals.values()] : [];
  }

  async #look(): Promise<void> {
    const { leads, logger, store } = this.#options;
    if (!leads()) {
      this.#refusals = new Map();
      return;
    }
    try {
      // Of one who has begun to lead, what the leader before it has left in the log may not be applied yet.
      if ((await store.readBarrier(READ_TIMEOUT_MS)) === 'linearizable') {
        await this.#beginDue();
      }
      this.#lastProblem = '';
    } catch (thrown) {
      const { code, message } = CofferError.from(thrown);
      if (leads() && code !== 'store.starting' && message !== this.#lastProblem) {
        this.#lastProblem = message;
        logger.warn('scheduled rotations wait', { reason: message });
      }
    }
  }

  async #beginDue(): Promise<void> {
    const { leads, now_ms, store } = this.#options;
    const rotations = store.cluster.rotations();
    if (rotations.some(isRunning)) {
      return;
    }
    const due = dueRotations(store.list(), rotations, now_ms());
    const isDue = new Set(due.map(({ secret }) => secret.id));
    this.#refusals = new Map([...this.#refusals].filter(([id]) => isDue.has(id)));
    const open = due.filter((each) => !this.#isHeld(each)).slice(0, BEGUN_PER_LOOK);
    for (const each of open) {
      if (!leads() || store.cluster.rotations().some(isRunning)) {
        return;
      }
      await this.#begin(each);
    }
  }

  /** It was refused not long ago. */
  #isHeld({ secret }: DueRotation): boolean {
    const refusal = this.#refusals.get(secret.id);
    const retry_ms = renewalRule(secret)?.retry_ms ?? 0;
    return refusal !== undefined && this.#options.monotonic_ms() < refusal.at_ms + retry_ms;
  }

  /** Rejects where another secret would fare no better: the engine does not answer, or the other managers. */
  async #begin({ secret, source }: DueRotation): Promise<void> {
    const { begin, logger, make, monotonic_ms } = this.#options;
    let value: SecretValue | undefined;
    try {
      value = await make(source);
      // A leader that does not know yet that it leads no longer comes too late with this version.
      const expect = currentVersion(secret).number;
      await begin({ secret, value, expect, timeout_ms: SERVICE_TIMEOUT_MS });
      this.#forget(secret.id);
      logger.info('a scheduled rotation has begun', { secret: secret.name });
    } catch (thrown) {
      const reason = CofferError.from(thrown);
      if (OVERTAKEN.includes(reason.code)) {
        return;
      }
      if (!REFUSED.includes(reason.code)) {
        throw reason;
      }
      logger.warn('a scheduled rotation was refused', { secret: secret.name, reason: reason.message });
      const refusal: Refusal = { secret: secret.name, source, reason, at_ms: monotonic_ms() };
      this.#refusals = new Map([...this.#refusals, [secret.id, refusal]]);
    } finally {
      value?.wipe();
    }
  }

  #forget(secretId: string): void {
    this.#refusals = new Map([...this.#refusals].filter(([id]) => id !== secretId));
  }
}

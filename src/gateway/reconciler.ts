// SPDX-License-Identifier: Apache-2.0
// Keeps coffer's store and the engine's registrations in agreement, whatever failed in between.
import { setTimeout as wait } from 'node:timers/promises';
import { CofferError, type Logger, silentLogger } from '../common/index.ts';
import { type EngineClient, type EngineSecret, isSameDriver } from '../engine/index.ts';
import { nameKey } from '../secrets/index.ts';
import type { SecretStore, StoreSource } from '../store/index.ts';
import { PENDING_GRACE_MS } from './context.ts';
import { planReconciliation, type Repair } from './reconciliation.ts';

export interface ReconcilerOptions {
  readonly engine: EngineClient;
  readonly store: StoreSource;
  /** The name under which the engine knows coffer's driver; `coffer` unless given. */
  readonly driverName?: () => string;
  readonly logger?: Logger;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** How often it looks without a reason to: 60,000 unless given. */
  readonly period_ms?: number;
  /** The first pause before the event stream is opened again, and the longest: 500 and 30,000 unless given. */
  readonly backOff_ms?: { readonly first: number; readonly longest: number };
}

/** What one round came to. */
export type ReconcileResult =
  | { readonly kind: 'done'; readonly activated: number; readonly removed: number }
  /** Nothing was compared: the store or the engine does not serve, or the engine is no manager. */
  | { readonly kind: 'skipped'; readonly reason: string };

/** No round settles more than this; the next one goes on. */
const REPAIRS_PER_ROUND_MAX = 1_000;
const BARRIER_TIMEOUT_MS = 2_000;

/**
 * Runs a round at its start, whenever the engine's event stream opens, when a secret is removed, and periodically.
 * A failure ends a round and no more: the next one comes.
 */
export class Reconciler {
  readonly #engine: EngineClient;
  readonly #store: StoreSource;
  readonly #driverName: () => string;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #period_ms: number;
  readonly #backOff_ms: { readonly first: number; readonly longest: number };
  #running: { readonly stop: AbortController; readonly ended: Promise<unknown> } | undefined;
  #wake = (): void => undefined;
  #isDue = true;

  constructor(options: ReconcilerOptions) {
    this.#engine = options.engine;
    this.#store = options.store;
    this.#driverName = options.driverName ?? (() => 'coffer');
    this.#logger = options.logger ?? silentLogger;
    this.#now = options.now ?? Date.now;
    this.#period_ms = options.period_ms ?? 60_000;
    this.#backOff_ms = options.backOff_ms ?? { first: 500, longest: 30_000 };
  }

  /** Starts both loops. A second call changes nothing. */
  start(): void {
    if (this.#running === undefined) {
      const stop = new AbortController();
      this.#isDue = true;
      const ended = Promise.allSettled([this.#runRounds(stop.signal), this.#watchEvents(stop.signal)]);
      this.#running = { stop, ended };
    }
  }

  /** Ends both loops; a round under way is waited for. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.stop.abort();
    this.#wake();
    await running?.ended;
  }

  /** One round. Never throws. */
  async reconcile(): Promise<ReconcileResult> {
    try {
      return await this.#reconcile();
    } catch (thrown) {
      const { code, detail } = CofferError.from(thrown);
      this.#logger.debug('a round of the reconciler was skipped', { code, detail });
      return { kind: 'skipped', reason: detail };
    }
  }

  async #reconcile(): Promise<ReconcileResult> {
    const store = this.#store();
    if ((await store.readBarrier(BARRIER_TIMEOUT_MS)) === 'local') {
      return { kind: 'skipped', reason: 'the store has no leader' };
    }
    const info = await this.#engine.info();
    if (info.swarmState !== 'active' || !info.controlAvailable || info.swarmId === undefined) {
      return { kind: 'skipped', reason: 'the engine is not a ready manager' };
    }
    // In this order: a secret that is registered and bound after the list was made must not look unregistered.
    const stored = store.list();
    const repairs = planReconciliation({
      stored,
      registered: await this.#engine.listSecrets(),
      swarmId: info.swarmId,
      driverName: this.#driverName(),
      now_ms: this.#now(),
      pendingGrace_ms: PENDING_GRACE_MS,
    });
    return this.#repair(store, repairs.slice(0, REPAIRS_PER_ROUND_MAX));
  }

  async #repair(store: SecretStore, repairs: readonly Repair[]): Promise<ReconcileResult> {
    let [activated, removed] = [0, 0];
    for (const repair of repairs) {
      if (repair.kind === 'activate') {
        const { id, engine } = repair;
        await store.propose({ kind: 'activate', id, engine, at_ms: this.#now() });
        activated += 1;
      } else if (await this.#isLeftBehind(store, repair)) {
        await store.propose({ kind: 'remove', id: repair.id });
        removed += 1;
      }
    }
    if (activated + removed > 0) {
      this.#logger.info('store and engine agree again', { activated, removed });
    }
    return { kind: 'done', activated, removed };
  }

  /** A value is gone for ever once removed, so each one is asked for by itself. */
  async #isLeftBehind(
    store: SecretStore,
    { id, secret }: Extract<Repair, { kind: 'remove' }>,
  ): Promise<boolean> {
    if (store.byId(id)?.modifiedIndex !== secret.modifiedIndex) {
      return false;
    }
    if (secret.engine !== undefined) {
      return (await this.#engine.inspectSecret(secret.engine.secretId)) === undefined;
    }
    const named: readonly EngineSecret[] = await this.#engine.listSecrets({ names: [secret.name] });
    return !named.some(
      (registered) =>
        nameKey(registered.name) === nameKey(secret.name) &&
        registered.driver !== undefined &&
        isSameDriver(registered.driver, this.#driverName()),
    );
  }

  async #runRounds(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!this.#isDue) {
        await this.#pause(signal);
      }
      this.#isDue = false;
      if (!signal.aborted) {
        await this.reconcile();
      }
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await wait(this.#period_ms, undefined, {
      ref: false,
      signal: AbortSignal.any([signal, woken.signal]),
    }).catch(() => undefined);
  }

  #ask(): void {
    this.#isDue = true;
    this.#wake();
  }

  async #watchEvents(signal: AbortSignal): Promise<void> {
    let pause_ms = this.#backOff_ms.first;
    while (!signal.aborted) {
      try {
        for await (const event of this.#engine.events(signal)) {
          if (event.kind === 'open') {
            pause_ms = this.#backOff_ms.first;
            this.#ask();
          } else if (event.action === 'remove') {
            this.#ask();
          }
        }
      } catch (thrown) {
        this.#logger.debug('the event stream of the engine broke', {
          code: CofferError.from(thrown).code,
        });
      }
      await wait(pause_ms, undefined, { signal, ref: false }).catch(() => undefined);
      pause_ms = Math.min(pause_ms * 2, this.#backOff_ms.longest);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// Opens the store behind sockets that listen already, and keeps the reason when it cannot be opened.
import { CofferError, type Logger, unreachable, withDeadline } from '../common/index.ts';
import type { ReplicatedStore, SecretStore } from '../store/index.ts';
import { type Scrub, scrubValues } from './scrub.ts';

type State =
  | { readonly kind: 'starting' }
  | { readonly kind: 'serving'; readonly store: ReplicatedStore }
  | { readonly kind: 'degraded'; readonly reason: CofferError }
  | { readonly kind: 'stopped' };

/** What may pass by itself: the other process ends, the disk has space again. */
const PASSING = new Set<CofferError['code']>(['store.in-use', 'store.faulted', 'cluster.joining']);
const RETRY_MS = 3_000;

export interface StoreKeeperOptions {
  readonly open: () => Promise<ReplicatedStore>;
  /** The store does not serve, for this reason. */
  readonly onRefused?: (reason: CofferError) => void;
  /** The store serves. What is returned is called before it is closed. */
  readonly onServing?: (store: ReplicatedStore) => () => void;
  readonly logger: Logger;
  /** How long to wait before a store is tried again. Default: 3,000. */
  readonly retry_ms?: number;
}

/** The store's life within the daemon. */
export class StoreKeeper {
  readonly #options: StoreKeeperOptions;
  #state: State = { kind: 'starting' };
  #retryTimer: NodeJS.Timeout | undefined;
  /** What opens or closes the store. Never rejects. */
  #last: Promise<void> = Promise.resolve();
  #stopping = false;
  #scrub: Scrub | undefined;
  #detach: () => void = () => undefined;
  readonly #decided: Promise<void>;
  #decide: () => void = () => undefined;

  constructor(options: StoreKeeperOptions) {
    this.#options = options;
    this.#decided = new Promise((resolve) => {
      this.#decide = resolve;
    });
  }

  get state(): 'starting' | 'serving' | 'degraded' {
    return this.#state.kind === 'stopped' ? 'degraded' : this.#state.kind;
  }

  /** Why the store does not serve; undefined while it serves. */
  get reason(): CofferError | undefined {
    switch (this.#state.kind) {
      case 'serving':
        return undefined;
      case 'starting':
        return new CofferError('store.starting', 'coffer is starting', { hint: 'Try again in a moment.' });
      case 'degraded':
        return this.#state.reason;
      case 'stopped':
        return new CofferError('store.closed', 'coffer is stopping');
      default:
        return unreachable(this.#state);
    }
  }

  /** What the look through all values has found so far; undefined before it has begun. */
  get scrub(): Scrub | undefined {
    return this.#scrub;
  }

  /** The store, while it serves; throws the reason while it does not. */
  readonly source = (): SecretStore => {
    if (this.#state.kind === 'serving') {
      return this.#state.store;
    }
    throw this.reason ?? new CofferError('store.unavailable', 'the store does not serve');
  };

  /** Waits while the store is starting; never rejects. */
  readonly started = async (timeout_ms: number): Promise<void> => {
    if (this.#state.kind !== 'starting') {
      return;
    }
    try {
      await withDeadline(this.#decided, timeout_ms, 'store.starting', 'coffer is starting');
    } catch {
      // Whoever waited asks the store, and hears that it is starting.
    }
  };

  /** Waits while the store is starting, and then until all its secrets can be listed; never rejects. */
  readonly loaded = async (timeout_ms: number): Promise<void> => {
    if (this.#state.kind === 'serving' && this.#state.store.isLoaded) {
      return;
    }
    try {
      await withDeadline(this.#loaded(), timeout_ms, 'store.starting', 'coffer is starting');
    } catch {
      // As above. Much can be done without a list.
    }
  };

  /** Never serves, for this reason. */
  refuse(reason: CofferError): void {
    this.#state = { kind: 'degraded', reason };
    this.#decide();
    this.#options.logger.error('coffer serves nothing', { reason: reason.message, hint: reason.hint });
    this.#options.onRefused?.(reason);
  }

  /** Opens the store, unless it serves; tries again by itself for reasons that may pass. Never rejects. */
  open(): Promise<void> {
    return this.#inTurn(() => this.#open());
  }

  /** Closes the store and opens it again: the node has become something else, or does so now. Never rejects. */
  reopen(what = 'the node takes up another role'): Promise<void> {
    return this.#inTurn(async () => {
      await this.#closeStore(new CofferError('store.starting', what, { hint: 'Try again in a moment.' }));
      await this.#open();
    });
  }

  /** Closes the store for good, for this reason. Never rejects. */
  withdraw(reason: CofferError): Promise<void> {
    return this.#inTurn(() => this.#closeStore(reason));
  }

  /** Writes all down and closes the store. */
  async close(): Promise<void> {
    this.#stopping = true;
    // Whoever is told that it is closed may delete what lies on the disk.
    await this.#last;
    clearTimeout(this.#retryTimer);
    const state = this.#state;
    this.#state = { kind: 'stopped' };
    this.#decide();
    this.#scrub?.stop();
    this.#letGo();
    if (state.kind === 'serving') {
      await state.store.close();
    }
  }

  /** Whoever was told that the store serves leaves it alone from now on. */
  #letGo(): void {
    this.#detach();
    this.#detach = () => undefined;
  }

  /** One after the other: a store that is opened beside another of the same process finds its directory taken. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #closeStore(reason: CofferError): Promise<void> {
    const state = this.#state;
    if (this.#stopping || state.kind === 'stopped') {
      return;
    }
    clearTimeout(this.#retryTimer);
    this.refuse(reason);
    this.#scrub?.stop();
    this.#scrub = undefined;
    if (state.kind === 'serving') {
      await this.#closeQuietly(state.store);
    }
  }

  async #closeQuietly(store: ReplicatedStore): Promise<void> {
    this.#letGo();
    try {
      await store.close();
    } catch (thrown) {
      this.#options.logger.warn('the store was not closed well', {
        reason: CofferError.from(thrown).message,
      });
    }
  }

  async #loaded(): Promise<void> {
    if (this.#state.kind === 'starting') {
      await this.#decided;
    }
    if (this.#state.kind === 'serving') {
      await this.#state.store.loaded();
    }
  }

  /** Looks through all values once they can be listed. */
  async #scrubValues(store: ReplicatedStore): Promise<void> {
    await store.loaded();
    if (this.#state.kind === 'serving') {
      this.#scrub = scrubValues(store, this.#options.logger);
    }
  }

  async #open(): Promise<void> {
    clearTimeout(this.#retryTimer);
    if (this.#stopping || this.#state.kind === 'serving') {
      return;
    }
    try {
      const store = await this.#options.open();
      this.#state = { kind: 'serving', store };
      this.#decide();
      const { secrets, term, lastIndex } = store.status();
      this.#options.logger.info('the store serves', { secrets, term, lastIndex });
      void this.#scrubValues(store);
      this.#detach = this.#options.onServing?.(store) ?? this.#detach;
    } catch (thrown) {
      const reason = CofferError.from(thrown, 'store.faulted');
      this.refuse(reason);
      if (PASSING.has(reason.code)) {
        this.#retryTimer = setTimeout(() => void this.open(), this.#options.retry_ms ?? RETRY_MS).unref();
      }
    }
  }
}

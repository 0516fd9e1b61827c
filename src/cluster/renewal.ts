// SPDX-License-Identifier: Apache-2.0
// When this node's certificate is replaced: in good time, at once when another root issues, and again after a failure.
import { CofferError, type Logger } from '../common/index.ts';
import type { AuthorityObject, ClusterView } from '../membership/index.ts';
import { authorityKeyId, nextRenewal } from '../pki/index.ts';
import { type Clock, systemClock, type Timer } from '../transport/index.ts';
import { certificateOf, type NodeIdentityFile } from './identity.ts';

const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** setTimeout takes 31 bits. */
const TIMER_MAX_MS = 60 * 60 * 1_000;

/** Whether the root that is being replaced has issued the certificate in use. */
export function isOfPreviousRoot(identity: NodeIdentityFile, { rotation }: AuthorityObject): boolean {
  return rotation !== undefined && certificateOf(identity).issuerKeyId === authorityKeyId(rotation.previous);
}

/**
 * Whether a manager's certificate is to be replaced whatever its age: another root issues now, or the state names another
 * certificate, since the node has made this one for itself; or it is of the future, since a clock was ahead.
 */
export function isOutdated(identity: NodeIdentityFile, view: ClusterView, now_ms: number): boolean {
  const { issuerKeyId, notBefore_ms } = certificateOf(identity);
  const { authority } = view;
  const recorded = view.node(identity.nodeId)?.certificate.certificate;
  return (
    authority !== undefined &&
    recorded !== undefined &&
    (issuerKeyId !== authorityKeyId(authority.certificate) ||
      recorded !== identity.certificates[0] ||
      notBefore_ms > now_ms)
  );
}

export interface RenewalOptions {
  readonly identity: () => NodeIdentityFile;
  /** Whether the certificate is to be replaced whatever its age. */
  readonly isOutdated: () => boolean;
  /** Gets a new certificate and puts it into use. */
  readonly renew: () => Promise<void>;
  readonly now_ms: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Default: the machine's own. */
  readonly timers?: Pick<Clock, 'setTimer'>;
  readonly logger: Logger;
}

/** Renews, from `start` until `stop`. */
export class Renewal {
  readonly #options: RenewalOptions;
  #due_ms = 0;
  #certificate = '';
  #failures = 0;
  #running = false;
  /** After a failure. */
  #pausing = false;
  #stopped = false;
  #timer: Timer | undefined;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  start(): void {
    this.#look();
  }

  /** Something has changed that may make the certificate outdated. */
  wake(): void {
    this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #look(): void {
    if (this.#running || this.#pausing || this.#stopped) {
      return;
    }
    const { isOutdated: outdated, now_ms } = this.#options;
    this.#plan();
    if (outdated() || now_ms() >= this.#due_ms) {
      void this.#renew();
      return;
    }
    this.#failures = 0;
    this.#setTimer(this.#due_ms - now_ms());
  }

  /** The moment is drawn once for each certificate. */
  #plan(): void {
    const { identity, now_ms, random } = this.#options;
    const certificate = identity().certificates[0] ?? '';
    if (certificate !== this.#certificate) {
      this.#certificate = certificate;
      const { notBefore_ms, notAfter_ms } = certificateOf(identity());
      this.#due_ms = nextRenewal({ notBefore_ms, notAfter_ms, now_ms: now_ms(), random });
    }
  }

  async #renew(): Promise<void> {
    const { logger, random, renew } = this.#options;
    this.#running = true;
    try {
      await renew();
      this.#failures = 0;
      logger.info('the certificate was renewed');
    } catch (thrown) {
      this.#failures += 1;
      logger.warn('the certificate was not renewed', { reason: CofferError.from(thrown).message });
    } finally {
      this.#running = false;
    }
    if (this.#failures === 0) {
      this.#look();
      return;
    }
    this.#pausing = true;
    const backoff_ms = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** (this.#failures - 1));
    this.#setTimer(backoff_ms * (0.5 + random() / 2));
  }

  #setTimer(delay_ms: number): void {
    this.#timer?.cancel();
    if (this.#stopped) {
      return;
    }
    const { timers = systemClock } = this.#options;
    this.#timer = timers.setTimer(Math.max(0, Math.min(delay_ms, TIMER_MAX_MS)), () => {
      this.#pausing = false;
      this.#look();
    });
  }
}

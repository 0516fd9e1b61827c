// SPDX-License-Identifier: Apache-2.0
// Says to the other managers how far this one's audit log has come, so that it cannot be cut here without being noticed there.
import {
  type AuditLog,
  type ChainPosition,
  type HeadSigner,
  type KnownHead,
  signHead,
} from '../audit/index.ts';
import { CofferError, type Logger } from '../common/index.ts';
import type { AuditHeadObject, AuditPlace } from '../membership/index.ts';
import type { SecretStore } from '../store/index.ts';

const EVERY_MS = 60_000;
const PROPOSE_TIMEOUT_MS = 5_000;

export interface AuditHeadsOptions {
  readonly log: Pick<AuditLog, 'durableHead' | 'record'>;
  /** Whether the files hold just this line. */
  readonly holds: (head: KnownHead) => Promise<boolean>;
  /** Undefined while this node has no certificate. */
  readonly signer: () => HeadSigner | undefined;
  readonly now_ms: () => number;
  readonly logger: Logger;
  /** Default: a minute. */
  readonly every_ms?: number;
}

export class AuditHeads {
  readonly #options: AuditHeadsOptions;
  #store: Pick<SecretStore, 'cluster' | 'propose'> | undefined;
  #nodeId = '';
  /** What the others knew of before this process began was looked for. */
  #isChecked = false;
  #last: Promise<void> = Promise.resolve();

  constructor(options: AuditHeadsOptions) {
    this.#options = options;
  }

  /** The store of this node serves. What is returned ends it, before the store is closed. */
  attach(store: Pick<SecretStore, 'cluster' | 'propose'>, nodeId: string): () => void {
    this.#store = store;
    this.#nodeId = nodeId;
    this.#isChecked = false;
    const timer = setInterval(() => void this.publish(), this.#options.every_ms ?? EVERY_MS).unref();
    return () => {
      clearInterval(timer);
      this.#store = undefined;
    };
  }

  /** What this manager has signed last, as the state has it. */
  get known(): AuditHeadObject | undefined {
    return this.#store?.cluster.auditHead(this.#nodeId);
  }

  /** PEM of what this manager's signatures are judged by. */
  get certificate(): string | undefined {
    return this.#store?.cluster.node(this.#nodeId)?.certificate.certificate;
  }

  /** Signs where the log is now, if that was not said yet. Never rejects: it is done again after a minute. */
  publish(): Promise<void> {
    this.#last = this.#last.then(() =>
      this.#publish().catch((thrown: unknown) => {
        this.#options.logger.debug('the others do not know yet how far the audit log is', {
          reason: CofferError.from(thrown).message,
        });
      }),
    );
    return this.#last;
  }

  /** What was lost is not told any more. Throws `audit.not-lost` unless it is just this record, as it was signed. */
  async acknowledge({ at_ms, seq }: Pick<AuditPlace, 'at_ms' | 'seq'>): Promise<AuditPlace> {
    const store = this.#store;
    if (store === undefined) {
      throw new CofferError('store.unavailable', 'the store does not serve');
    }
    const lost = this.known?.lost;
    if (lost?.seq !== seq || lost.at_ms !== at_ms) {
      throw new CofferError('audit.not-lost', `record ${seq} is none that was found lost`, {
        hint: 'See what was: docker coffer audit verify',
      });
    }
    await store.propose(
      { kind: 'acknowledge-audit-loss', nodeId: this.#nodeId, lost },
      { timeout_ms: PROPOSE_TIMEOUT_MS },
    );
    return lost;
  }

  async #publish(): Promise<void> {
    const { log, now_ms, signer: signerNow } = this.#options;
    const signer = signerNow();
    const store = this.#store;
    const position = await log.durableHead();
    if (store === undefined || signer === undefined || position === undefined || position.seq === 0) {
      return;
    }
    const { known } = this;
    const lost = await this.#lost(known);
    const place: AuditPlace = { ...position, at_ms: now_ms() };
    const head = { ...signHead(signer, place), lost };
    if (lost !== undefined || !isSame(known, position, head.publicKeyFingerprint)) {
      await store.propose({ kind: 'put-audit-head', head }, { timeout_ms: PROPOSE_TIMEOUT_MS });
    }
    this.#isChecked = true;
  }

  /** What was signed before this process began, and is not in the log any more. */
  async #lost(known: AuditHeadObject | undefined): Promise<AuditPlace | undefined> {
    const { holds, logger } = this.#options;
    if (this.#isChecked || known === undefined || (await holds(known))) {
      return undefined;
    }
    const { at_ms, chain, hash, seq } = known;
    logger.error('the audit log has lost what was signed before', { record: seq });
    return { at_ms, chain, hash, seq };
  }
}

function isSame(known: AuditHeadObject | undefined, position: ChainPosition, fingerprint: string): boolean {
  return (
    known?.chain === position.chain &&
    known.seq === position.seq &&
    known.publicKeyFingerprint === fingerprint
  );
}

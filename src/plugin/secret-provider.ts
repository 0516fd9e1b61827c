// SPDX-License-Identifier: Apache-2.0
// Which value a task gets. The swarm leader asks one call at a time while it holds Swarm's global store lock, so
// nothing here calls the engine back, and nothing takes longer than the deadline.
import { type Auditor, noAudit } from '../audit/index.ts';
import { issueCertificate, partOf } from '../certificates/index.ts';
import { CofferError, type Logger, type SecretValue, withDeadline } from '../common/index.ts';
import type { SwarmNode } from '../membership/index.ts';
import { openSealedSecret, sealedTextIn } from '../sealing/index.ts';
import {
  type CertificatePart,
  certificatePart,
  certificateWish,
  currentVersion,
  type Delivery,
  deliveryKey,
  generatedLabels,
  generateValue,
  isSecretName,
  type Labels,
  LABELS,
  newSecretId,
  noSuchSecret,
  pinIn,
  printable,
  requireOrdinaryName,
  sealedDeliveryId,
  type Secret,
  storedCertificateLabels,
  storeNameOf,
  unpinnedKey,
  wantedVersion,
} from '../secrets/index.ts';
import type { Freshness, Proposed, SecretStore, StoreSource, StoreStart } from '../store/index.ts';
import { DeliveryRecorder } from './delivery-recorder.ts';
import { checkPolicy } from './policy-gate.ts';
import { ReadBreaker } from './read-breaker.ts';
import type { SecretRequest } from './secret-request.ts';

/** No path takes longer, whatever hangs behind it. */
export const ANSWER_DEADLINE_MS = 1_000;

/** How much of that a daemon that is starting may take: an engine's first calls come as soon as it listens. */
const START_WAIT_MS = 800;

/** What a task is given. */
export interface Grant {
  /** The caller wipes it. */
  readonly value: SecretValue;
  /**
   * Unless this is true, a later task whose own call fails starts with the value that another task on its node
   * still holds, and nobody is told.
   */
  readonly doNotReuse: boolean;
}

export interface SecretProviderOptions {
  readonly source: StoreSource;
  /** Default: a store that has started. */
  readonly started?: StoreStart;
  /** What the swarm says of a node by its id there; undefined where that is not known at the moment. Default: nothing is. */
  readonly swarmNode?: (engineNodeId: string) => SwarmNode | undefined;
  /** Asked before each delivery, and told of it. Default: nothing is written down. */
  readonly audit?: Auditor;
  readonly logger: Logger;
  readonly now_ms: () => number;
}

/** What a task was given, for the records of it. */
interface Given {
  readonly secret: string;
  /** undefined: of a sealed value, which has an id instead. */
  readonly version: number | undefined;
  readonly sealed: string | undefined;
  readonly freshness: Freshness;
}

/** Answers the engine's calls out of the store. */
export class SecretProvider {
  readonly #options: SecretProviderOptions;
  readonly #breaker = new ReadBreaker();
  readonly #deliveries: DeliveryRecorder;
  readonly #audit: Auditor;

  constructor(options: SecretProviderOptions) {
    this.#options = options;
    this.#deliveries = new DeliveryRecorder(options);
    this.#audit = options.audit ?? noAudit;
  }

  /**
   * The value for a task, within `ANSWER_DEADLINE_MS`. A task that asks again gets the version that it got
   * before, unless the policy denies it by now. Throws a CofferError that says why there is none.
   */
  async getSecret(request: SecretRequest): Promise<Grant> {
    this.#audit.requireWritable();
    await this.#options.started?.(START_WAIT_MS);
    const store = this.#options.source();
    const freshness = await this.#breaker.barrier(store);
    const sealed = sealedTextIn(request.labels);
    const name = storeNameOf({ name: request.secretName, labels: request.labels });
    requireOrdinaryName(name);
    const isRestricted = checkPolicy(store.cluster, name, request, this.#options.swarmNode);
    const value =
      sealed === undefined
        ? await this.#readStored(store, name, request, freshness)
        : this.#openSealed(store, sealed, request, freshness);
    return { value, doNotReuse: isRestricted || request.labels[LABELS.reuse] !== 'true' };
  }

  /** Writes down which versions were given, before the store closes. */
  async flush(): Promise<void> {
    await this.#deliveries.flush();
  }

  /** Nothing is stored for it, and nobody is asked: the value is in the request, and the key in the local state. */
  #openSealed(store: SecretStore, text: string, request: SecretRequest, freshness: Freshness): SecretValue {
    const { secretName: name, labels, task } = request;
    const { value, valueId } = openSealedSecret(store, { name, labels }, text);
    const secretId = sealedDeliveryId(valueId);
    const at_ms = this.#options.now_ms();
    const delivery: Delivery = { taskId: task.id, secretId, name, version: 0, pinned: false, at_ms };
    this.#deliveries.record(store, deliveryKey(delivery), delivery);
    this.#writeDown(request, { secret: name, version: undefined, sealed: valueId, freshness });
    return value;
  }

  async #readStored(
    store: SecretStore,
    name: string,
    request: SecretRequest,
    freshness: Freshness,
  ): Promise<SecretValue> {
    const part = certificatePart(request.labels);
    const secret = store.byName(name) ?? (await this.#make(store, name, request));
    const isPinned = pinIn(request.labels) !== undefined;
    // One string for all that it is looked up for: each new one has to be hashed.
    const unpinned = unpinnedKey(request.task.id, secret.id);
    const version = isPinned
      ? wantedVersion(secret, request.labels)
      : this.#currentVersionFor(store, secret, unpinned);
    const value = partIn(store.readValue(secret.id, version), part);
    const delivery: Delivery = {
      taskId: request.task.id,
      secretId: secret.id,
      name: secret.name,
      version,
      pinned: isPinned,
      at_ms: this.#options.now_ms(),
    };
    this.#deliveries.record(store, isPinned ? deliveryKey(delivery) : unpinned, delivery);
    this.#writeDown(request, { secret: secret.name, version, sealed: undefined, freshness });
    return value;
  }

  /** The secret is not there, and its labels say what its value is made from. */
  async #make(store: SecretStore, name: string, { labels }: SecretRequest): Promise<Secret> {
    const wish = certificateWish(labels);
    const specification = labels[LABELS.generate];
    if (wish === undefined && specification === undefined) {
      throw noSuchSecret(name);
    }
    if (!isSecretName(name)) {
      throw new CofferError('secret.name-invalid', `${printable(name)} is not a name for a secret`);
    }
    const made =
      wish === undefined
        ? this.#put(store, name, generateValue(specification ?? ''), generatedLabels(labels))
        : issueCertificate(store, wish, this.#options.now_ms()).then((value) =>
            this.#put(store, name, value, storedCertificateLabels(labels)),
          );
    const { secret } = await withDeadline(
      made,
      ANSWER_DEADLINE_MS / 2,
      'store.timeout',
      `the value of ${name} could not be stored in time; the next try will find it`,
    );
    if (secret === undefined) {
      throw new CofferError('internal.invariant', 'a put answers with its secret');
    }
    return secret;
  }

  /** Exactly once: whoever comes second gets what the first one made. */
  async #put(
    store: SecretStore,
    name: string,
    value: SecretValue,
    labels: Labels | undefined,
  ): Promise<Proposed> {
    const proposed = store.propose({
      kind: 'put',
      id: newSecretId(),
      name,
      labels,
      origin: 'generated',
      expect: 'absent',
      value,
      at_ms: this.#options.now_ms(),
    });
    value.wipe();
    return proposed;
  }

  #currentVersionFor(store: SecretStore, secret: Secret, unpinned: string): number {
    const before = this.#deliveries.versionUnder(store, unpinned);
    const kept = secret.versions.some(({ number }) => number === before);
    return before !== undefined && kept ? before : currentVersion(secret).number;
  }

  #writeDown(request: SecretRequest, { freshness, ...given }: Given): void {
    const detail = [
      ...(given.sealed === undefined ? [] : [`sealed value ${given.sealed}`]),
      ...(freshness === 'local' ? ['from local state'] : []),
    ];
    this.#audit.record('deliver', {
      secret: given.secret,
      version: given.version,
      service: request.service.name,
      task: request.task.id,
      to: request.nodeId,
      by: 'engine',
      detail: detail.length === 0 ? undefined : detail.join(', '),
    });
    this.#options.logger.debug('delivered a secret', {
      service: request.service.name,
      task: request.task.id,
      node: request.nodeId,
      freshness,
      ...given,
    });
  }
}

/** Takes the value over. */
function partIn(value: SecretValue, part: CertificatePart | undefined): SecretValue {
  if (part === undefined) {
    return value;
  }
  try {
    return partOf(value, part);
  } finally {
    value.wipe();
  }
}

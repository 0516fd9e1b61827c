// SPDX-License-Identifier: Apache-2.0
// `docker secret create` through the gateway. The value goes to coffer's store as a pending secret, then the
// registration to the engine, then the engine's id to the store. Whatever breaks in between leaves either both
// or neither: what cannot be told at once is left pending, and the reconciler settles it.
import { CofferError, type SecretValue, systemErrorCode } from '../common/index.ts';
import type { EngineSecret } from '../engine/index.ts';
import { newSecretId, nameKey, type Secret } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import {
  type Answer,
  type ClientCall,
  engineWrite,
  freshStore,
  type GatewayContext,
  idIn,
  isOurs,
  swarmAccess,
  type SwarmAccess,
} from './context.ts';
import { wasNeverSent } from './engine-call.ts';
import { alreadyExists } from './engine-texts.ts';
import { createLocally, refuseWithoutSwarm } from './local-write.ts';
import { engineGone } from './pass-through.ts';
import { errorReply, failureReply, jsonReply, type Reply } from './reply.ts';
import { readSpec, refuseSpec } from './read-spec.ts';
import { encodeWithoutData, type SecretSpec } from './secret-spec.ts';
import { settleTakenName } from './taken-name.ts';

type Manager = Extract<SwarmAccess, { kind: 'manager' }>;

/** Answers a create. It runs to its end even if the client leaves. */
export async function createSecret(context: GatewayContext, call: ClientCall, body: Buffer): Promise<Answer> {
  const access = await swarmAccess(context, call);
  if (access.kind === 'refused') {
    return access.reply;
  }
  const read = readSpec(body, call.headers, access.headers);
  if (read.kind === 'refused') {
    return read.reply;
  }
  const { spec } = read;
  try {
    const isCoffers = spec.driver === undefined || isOurs(context, spec.driver.Name);
    if (!isCoffers || spec.data === undefined || spec.data.byteLength === 0) {
      return access.kind === 'manager' ? 'pass-through' : refuseWithoutSwarm(spec, access.headers);
    }
    const refusal = refuseSpec(spec, access.headers);
    if (refusal !== undefined) {
      return refusal;
    }
    const registration = { spec, value: spec.data };
    return access.kind === 'manager'
      ? await createInSwarm(context, call, access, registration)
      : await createLocally(context, registration, access.headers);
  } finally {
    spec.data?.wipe();
  }
}

interface Registration {
  readonly spec: SecretSpec;
  readonly value: SecretValue;
}

async function createInSwarm(
  context: GatewayContext,
  call: ClientCall,
  access: Manager,
  { spec, value }: Registration,
): Promise<Reply> {
  const store = await freshStore(context);
  const taken = await settleTakenName(context, store, spec.name, access.swarmId);
  if (taken !== undefined) {
    return errorReply(409, taken, access.headers);
  }
  const id = newSecretId();
  try {
    const labels = spec.labels ?? {};
    const at_ms = context.now();
    await store.propose({
      kind: 'create',
      id,
      name: spec.name,
      labels,
      origin: 'gateway',
      pending: true,
      value,
      at_ms,
    });
  } catch (thrown) {
    return thrown instanceof CofferError && thrown.code === 'secret.exists'
      ? errorReply(409, alreadyExists(spec.name), access.headers)
      : failureReply(thrown, access.headers);
  }
  value.wipe();
  return new PendingSecret(context, call, access, store, id, spec).register();
}

/** A secret whose value is stored and whose registration is not settled yet. */
class PendingSecret {
  readonly #context: GatewayContext;
  readonly #call: ClientCall;
  readonly #access: Manager;
  readonly #store: SecretStore;
  readonly #id: string;
  readonly #spec: SecretSpec;

  constructor(
    context: GatewayContext,
    call: ClientCall,
    access: Manager,
    store: SecretStore,
    id: string,
    spec: SecretSpec,
  ) {
    this.#context = context;
    this.#call = call;
    this.#access = access;
    this.#store = store;
    this.#id = id;
    this.#spec = spec;
  }

  async register(): Promise<Reply> {
    const driver = this.#spec.driver ?? { Name: this.#context.driverName() };
    const body = encodeWithoutData(this.#spec, driver);
    // Without the client's query: dockerode writes the data there too, and engines log what they are asked for.
    const path = `${this.#call.prefix}/secrets/create`;
    let reply: Reply;
    try {
      reply = await engineWrite(this.#context, this.#call, { method: 'POST', path, body });
    } catch (thrown) {
      return this.#afterSilence(thrown);
    }
    const engineId = reply.status === 201 ? idIn(reply) : undefined;
    if (engineId !== undefined) {
      return (await this.#activate(engineId)) ?? reply;
    }
    if (reply.status >= 400 && reply.status < 500) {
      await this.#remove();
      return reply;
    }
    // An engine that ran out of time may still carry the create out, even after this answer.
    const mayComeYet = /DeadlineExceeded|Canceled/.test(reply.body.toString('utf8'));
    return this.#settleByLookUp(reply, mayComeYet);
  }

  async #afterSilence(thrown: unknown): Promise<Reply> {
    const cause = thrown instanceof CofferError ? thrown.cause : thrown;
    const gone = engineGone(this.#context.engine.socketPath, cause);
    if (wasNeverSent(thrown)) {
      await this.#remove();
      return gone;
    }
    return this.#settleByLookUp(gone, systemErrorCode(cause) === 'ETIMEDOUT');
  }

  /** The engine's answer does not tell what it did: its list does. */
  async #settleByLookUp(failure: Reply, mayComeYet: boolean): Promise<Reply> {
    let found: EngineSecret | undefined;
    try {
      found = await this.#lookUp();
    } catch (thrown) {
      this.#log('a create is unsettled: the engine cannot be asked', thrown);
      return failure;
    }
    if (found !== undefined) {
      return (await this.#activate(found.id)) ?? jsonReply(201, { ID: found.id }, this.#access.headers);
    }
    if (!mayComeYet) {
      await this.#remove();
    }
    return failure;
  }

  async #lookUp(): Promise<EngineSecret | undefined> {
    const named = await this.#context.engine.listSecrets({ names: [this.#spec.name] });
    const other = new Set(this.#store.list().map((secret: Secret) => secret.engine?.secretId));
    return named.find(
      (secret) =>
        nameKey(secret.name) === nameKey(this.#spec.name) &&
        isOurs(this.#context, secret.driver) &&
        !other.has(secret.id),
    );
  }

  /** Undefined when the secret is whole; it also is when only the note of its id failed, which can be made later. */
  async #activate(secretId: string): Promise<Reply | undefined> {
    const engine = { secretId, swarmId: this.#access.swarmId };
    try {
      await this.#store.propose({ kind: 'activate', id: this.#id, engine, at_ms: this.#context.now() });
      return undefined;
    } catch (thrown) {
      if (!(thrown instanceof CofferError) || thrown.code !== 'secret.not-found') {
        this.#log('the engine has the secret, and its id is not noted yet', thrown);
        return undefined;
      }
      // Somebody removed the value meanwhile: a registration without one must not stay.
      await this.#context.engine.removeSecret(secretId).catch((failure: unknown) => {
        this.#log('a registration without a value is left in the engine', failure);
      });
      return errorReply(
        500,
        `coffer: secret ${this.#spec.name} was removed while it was created`,
        this.#access.headers,
      );
    }
  }

  async #remove(): Promise<void> {
    try {
      await this.#store.propose({ kind: 'remove', id: this.#id });
    } catch (thrown) {
      this.#log('a secret that the engine refused is still pending', thrown);
    }
  }

  #log(sentence: string, thrown: unknown): void {
    const error = CofferError.from(thrown);
    this.#context.logger.warn(sentence, { secret: this.#id, code: error.code, detail: error.detail });
  }
}

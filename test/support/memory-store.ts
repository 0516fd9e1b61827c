// SPDX-License-Identifier: Apache-2.0
// A store in memory, for tests of the rooms above the store: the real rules on the real index, without a disk.
import { CofferError, SecretValue } from '../../src/common/index.ts';
import type { ClusterView } from '../../src/membership/index.ts';
import {
  applyCommand,
  checkCommand,
  type Command,
  type Delivery,
  type Secret,
} from '../../src/secrets/index.ts';
import {
  type ExportedRecord,
  type Freshness,
  type Proposed,
  type ProposeOptions,
  SecretIndex,
  type SecretStore,
  type StoreStatus,
} from '../../src/store/index.ts';

export class MemoryStore implements SecretStore {
  readonly #index = new SecretIndex();
  readonly #values = new Map<string, SecretValue>();
  #lastIndex = 0;
  /** When set, `propose` rejects with it: a disk that is full, a quorum that is lost. */
  proposeError: CofferError | undefined;
  /** When set, `readBarrier` answers with it. */
  freshness: Freshness = 'linearizable';
  /** When set, the store is one that still loads its index. */
  loaded_percent: number | undefined;

  /** The id of the last request that was proposed, if it had one. */
  lastRequestId: string | undefined;

  async propose(command: Command, { requestId }: ProposeOptions = {}): Promise<Proposed> {
    this.lastRequestId = requestId;
    if (this.proposeError !== undefined) {
      throw this.proposeError;
    }
    checkCommand(command);
    this.#lastIndex += 1;
    const outcome = applyCommand(this.#index, command, this.#lastIndex);
    if (outcome.kind === 'refused') {
      throw outcome.error;
    }
    for (const effect of outcome.effects) {
      this.#index.apply(effect);
      if (effect.kind === 'put-value') {
        this.#values.set(`${effect.secretId}/${effect.version}`, SecretValue.copyOf(effect.value.expose()));
      } else if (effect.kind === 'copy-value') {
        const { from, secretId, version } = effect;
        this.#values.set(`${secretId}/${version}`, this.readValue(secretId, from));
      } else if (effect.kind === 'delete-value') {
        this.#values.delete(`${effect.secretId}/${effect.version}`);
      }
    }
    return { secret: outcome.secret, index: this.#lastIndex };
  }

  async readBarrier(): Promise<Freshness> {
    return this.freshness;
  }

  get cluster(): ClusterView {
    return this.#index.cluster;
  }

  byId(id: string): Secret | undefined {
    return this.#index.byId(id);
  }

  byName(name: string): Secret | undefined {
    return this.#index.byName(name);
  }

  byEngineId(engineId: string): Secret | undefined {
    this.#requireWhole();
    return this.#index.byEngineId(engineId);
  }

  list(): readonly Secret[] {
    this.#requireWhole();
    return this.#index.list();
  }

  deliveredVersion(taskId: string, secretId: string): number | undefined {
    return this.#index.deliveries.deliveredVersion(taskId, secretId);
  }

  versionUnder(key: string): number | undefined {
    return this.#index.deliveries.versionUnder(key);
  }

  deliveries(): readonly Delivery[] {
    return this.#index.deliveries.list();
  }

  readValue(secretId: string, version: number): SecretValue {
    const value = this.#values.get(`${secretId}/${version}`);
    if (value === undefined) {
      throw new CofferError('store.damaged', 'the value is not there');
    }
    return SecretValue.copyOf(value.expose());
  }

  async *exportSecrets(): AsyncGenerator<ExportedRecord> {
    yield { kind: 'begin', appliedIndex: this.#lastIndex };
    for (const key of this.cluster.sealingKeys()) {
      yield { kind: 'sealing-key', key };
    }
    for (const secret of this.#index.list()) {
      yield { kind: 'secret', secret };
      for (const { number } of secret.versions) {
        yield { kind: 'value', bytes: this.readValue(secret.id, number).expose() };
      }
    }
  }

  status(): StoreStatus {
    return {
      role: 'leader',
      clusterId: 'c'.repeat(25),
      nodeId: 'n'.repeat(25),
      term: 1,
      firstIndex: 1,
      appliedIndex: this.#lastIndex,
      commitIndex: this.#lastIndex,
      lastIndex: this.#lastIndex,
      lastTerm: 1,
      secrets: this.#index.size,
      loaded_percent: this.loaded_percent,
      dataKeyId: '0011223344556677',
      dataKeySealed: false,
      diskFree_bytes: 1 << 30,
    };
  }

  #requireWhole(): void {
    if (this.loaded_percent !== undefined) {
      throw new CofferError('store.starting', 'the index is being loaded');
    }
  }
}

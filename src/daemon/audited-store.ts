// SPDX-License-Identifier: Apache-2.0
// The store as one interface is given it: what is changed through it is written down, with the interface's name.
import type { AuditEvent, Auditor } from '../audit/index.ts';
import { CofferError, type SecretValue } from '../common/index.ts';
import type { ClusterView } from '../membership/index.ts';
import { type Command, currentVersion, type Delivery, type Secret } from '../secrets/index.ts';
import type {
  ExportedRecord,
  Freshness,
  Proposed,
  ProposeOptions,
  SecretStore,
  StoreSource,
  StoreStatus,
} from '../store/index.ts';

/** Who changes: an interface, or the daemon by itself. */
export type AuditedBy = 'engine' | 'control' | 'gateway' | 'schedule' | 'reconciler';

export function auditedSource(source: StoreSource, audit: Auditor, by: AuditedBy): StoreSource {
  let last: AuditedStore | undefined;
  return () => {
    const store = source();
    if (last?.store !== store) {
      last = new AuditedStore(store, audit, by);
    }
    return last;
  };
}

class AuditedStore implements SecretStore {
  readonly store: SecretStore;
  readonly #audit: Auditor;
  readonly #by: AuditedBy;

  constructor(store: SecretStore, audit: Auditor, by: AuditedBy) {
    this.store = store;
    this.#audit = audit;
    this.#by = by;
  }

  async propose(command: Command, options?: ProposeOptions): Promise<Proposed> {
    const event = eventOf(command);
    if (event === undefined) {
      return this.store.propose(command, options);
    }
    const by = this.#by;
    const name = this.#nameIn(command);
    try {
      const proposed = await this.store.propose(command, options);
      const { secret } = proposed;
      this.#audit.record(event, {
        secret: secret?.name ?? name,
        version: versionOf(command, secret),
        by,
        detail: detailOf(command),
      });
      return proposed;
    } catch (thrown) {
      const { code } = CofferError.from(thrown);
      this.#audit.record(event, { secret: name, by, code, detail: detailOf(command) });
      throw thrown;
    }
  }

  /** What all values are read for leaves a record as well. */
  exportSecrets(): AsyncIterable<ExportedRecord> {
    this.#audit.record('backup', { by: this.#by });
    return this.store.exportSecrets();
  }

  get cluster(): ClusterView {
    return this.store.cluster;
  }

  readBarrier(timeout_ms: number): Promise<Freshness> {
    return this.store.readBarrier(timeout_ms);
  }

  byId(id: string): Secret | undefined {
    return this.store.byId(id);
  }

  byName(name: string): Secret | undefined {
    return this.store.byName(name);
  }

  byEngineId(engineId: string): Secret | undefined {
    return this.store.byEngineId(engineId);
  }

  list(): readonly Secret[] {
    return this.store.list();
  }

  deliveredVersion(taskId: string, secretId: string): number | undefined {
    return this.store.deliveredVersion(taskId, secretId);
  }

  hasDelivery(delivery: Parameters<SecretStore['hasDelivery']>[0]): boolean {
    return this.store.hasDelivery(delivery);
  }

  deliveries(): readonly Delivery[] {
    return this.store.deliveries();
  }

  readValue(secretId: string, version: number): SecretValue {
    return this.store.readValue(secretId, version);
  }

  status(): StoreStatus {
    return this.store.status();
  }

  #nameIn(command: Command): string | undefined {
    if ('name' in command) {
      return command.name;
    }
    return 'id' in command ? this.store.byId(command.id)?.name : undefined;
  }
}

/** Undefined for what changes no value and no secret, and for the cluster's own, which are noted where they are asked for. */
function eventOf(command: Command): AuditEvent | undefined {
  switch (command.kind) {
    case 'create':
    case 'put':
      return 'put';
    case 'rollback':
    case 'destroy':
    case 'prune':
    case 'remove':
    case 'set-labels':
      return command.kind;
    case 'restore':
      return 'restore';
    default:
      return undefined;
  }
}

function versionOf(command: Command, secret: Secret | undefined): number | undefined {
  return secret === undefined || command.kind === 'destroy' || command.kind === 'prune'
    ? undefined
    : currentVersion(secret).number;
}

function detailOf(command: Command): string | undefined {
  switch (command.kind) {
    case 'rollback':
      return `from version ${command.version}`;
    case 'destroy':
      return `versions ${command.numbers.join(', ')}`;
    case 'prune':
      return `all but the newest ${command.keep}`;
    default:
      return undefined;
  }
}

// SPDX-License-Identifier: Apache-2.0
// The store as one interface is given it: what is changed through it is written down, with the interface's name.
import type { AuditEvent, Auditor } from '../audit/index.ts';
import { CofferError, type SecretValue } from '../common/index.ts';
import type { ClusterView } from '../membership/index.ts';
import { CANCELLED, type Command, currentVersion, type Delivery, type Secret } from '../secrets/index.ts';
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
export type AuditedBy = 'engine' | 'control' | 'gateway' | 'schedule' | 'reconciler' | 'rotation';

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
    const event = EVENTS[command.kind];
    if (event === undefined) {
      return this.store.propose(command, options);
    }
    const common = { by: this.#by, request: options?.controlRequest };
    const name = this.#nameIn(command);
    try {
      const proposed = await this.store.propose(command, options);
      const { secret } = proposed;
      this.#audit.record(event, {
        secret: secret?.name ?? name,
        version: versionOf(command, secret),
        ...common,
        detail: detailOf(command),
      });
      return proposed;
    } catch (thrown) {
      const { code } = CofferError.from(thrown);
      this.#audit.record(event, { secret: name, ...common, code, detail: detailOf(command) });
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

  versionUnder(key: string): number | undefined {
    return this.store.versionUnder(key);
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
    if (command.kind === 'revert-rotation') {
      return this.cluster.rotation(command.id)?.secretName;
    }
    return 'id' in command ? this.store.byId(command.id)?.name : undefined;
  }
}

/** What changes no value and no secret is not here, nor is the cluster's own, which is noted where it is asked for. */
const EVENTS: Readonly<Partial<Record<Command['kind'], AuditEvent>>> = {
  create: 'put',
  put: 'put',
  rollback: 'rollback',
  destroy: 'destroy',
  prune: 'prune',
  remove: 'remove',
  'set-labels': 'set-labels',
  restore: 'restore',
  rotate: 'rotate',
  'revert-rotation': 'rotate',
};

function versionOf(command: Command, secret: Secret | undefined): number | undefined {
  return secret === undefined || command.kind === 'destroy' || command.kind === 'prune'
    ? undefined
    : currentVersion(secret).number;
}

function detailOf(command: Command): string | undefined {
  if (command.kind === 'rollback') {
    return `from version ${command.version}`;
  }
  if (command.kind === 'destroy') {
    return `versions ${command.numbers.join(', ')}`;
  }
  if (command.kind === 'rotate') {
    const { length } = command.services;
    return `of ${length} ${length === 1 ? 'service' : 'services'}`;
  }
  if (command.kind === 'revert-rotation') {
    return command.problem === CANCELLED ? 'cancelled' : 'goes back';
  }
  return command.kind === 'prune' ? `all but the newest ${command.keep}` : undefined;
}

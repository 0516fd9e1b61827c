// SPDX-License-Identifier: Apache-2.0
// A state that comes from another node, built up in a generation of its own beside the one that serves.
import { createHash } from 'node:crypto';
import { CofferError, invariant, unreachable } from '../../common/index.ts';
import { type Keyring, sealRecord } from '../../crypto/index.ts';
import type { ConfState, NodeId } from '../../raft/index.ts';
import { decodeObject, objectKey } from '../../membership/index.ts';
import { nameKey, type Secret } from '../../secrets/index.ts';
import type { DatabaseOperation } from '../../storage/index.ts';
import { decodeSecret, encodeSecretName, sameConfState } from '../state/record-codec.ts';
import { type AddedByPages, DELIVERY_RING, REQUEST_RING, RingPageReader } from '../state/ring-pages.ts';
import { SecretIndex } from '../state/secret-index.ts';
import {
  damagedSnapshot,
  decodeSnapshotHeader,
  encodeEnd,
  noCounts,
  recordHead,
  type SnapshotCounts,
  type SnapshotHeader,
} from './snapshot-format.ts';
import { RecordAssembler, type SnapshotRecord } from './snapshot-records.ts';
import { StateDigest } from '../state/state-digest.ts';
import { StateKeys } from '../state/state-keys.ts';

/** What a stage leaves in memory. */
export interface StagedState {
  readonly index: SecretIndex;
  readonly digest: StateDigest;
  readonly added: AddedByPages;
  readonly removedNodes: ReadonlySet<NodeId>;
}

/**
 * Takes a snapshot's chunks in order, and makes of them the operations that write its records, sealed under this node's
 * keys; the caller writes them with a sync. Nothing of it is the state before `SecretState.install`. Memory holds one
 * record that is not complete, and the metadata. Any error is final: the stage is then given up.
 */
export class StateStage {
  readonly generation: number;
  readonly #keyring: Keyring;
  readonly #keys: StateKeys;
  readonly #records = new RecordAssembler();
  readonly #index = new SecretIndex();
  readonly #digest: StateDigest;
  readonly #hash = createHash('sha256');
  readonly #counts = noCounts();
  #header: SnapshotHeader | undefined;
  /** The versions of the secret that came last whose values have not come yet. */
  #awaited: Secret['versions'] = [];
  #awaitedOf = '';
  readonly #deliveries = new RingPageReader(DELIVERY_RING);
  readonly #requests = new RingPageReader(REQUEST_RING);
  #ended = false;
  #closed = false;

  constructor(keyring: Keyring, generation: number) {
    this.generation = generation;
    this.#keyring = keyring;
    this.#keys = new StateKeys(keyring, generation);
    this.#digest = new StateDigest(keyring);
  }

  /** What the state is applied up to, as its first chunk says. */
  get appliedIndex(): number | undefined {
    return this.#header?.appliedIndex;
  }

  get confState(): ConfState | undefined {
    return this.#header?.confState;
  }

  /**
   * The operations that the next chunk brings. The chunk is the caller's again, and holds values in the clear. Throws
   * `store.damaged` for one that is not what comes next.
   */
  add(chunk: Buffer): readonly DatabaseOperation[] {
    invariant(!this.#closed, 'a snapshot that was refused or taken over takes no more chunks');
    const operations: DatabaseOperation[] = [];
    try {
      for (const record of this.#records.add(chunk)) {
        operations.push(...this.#takeAndWipe(record));
      }
      if (this.#ended && !this.#records.atBoundary) {
        throw goesOn();
      }
      return operations;
    } catch (thrown) {
      this.#closed = true;
      throw CofferError.from(thrown);
    }
  }

  /** Throws `store.damaged` unless all of the state has come, as it was sent. */
  finish(): void {
    if (this.#closed || !this.#ended) {
      this.#closed = true;
      throw damagedSnapshot('came without its end');
    }
  }

  /** The state in memory, for `SecretState.install`, once the stage is finished. */
  take(index: number, confState: ConfState): StagedState {
    this.finish();
    const header = this.#header;
    invariant(header !== undefined, 'a snapshot that has ended had a header');
    if (header.appliedIndex !== index || !sameConfState(header.confState, confState)) {
      throw damagedSnapshot(
        `is of entry ${header.appliedIndex} and its configuration, and not that of entry ${index} which was announced`,
      );
    }
    this.#closed = true;
    const { removedNodes } = header;
    const added: AddedByPages = { delivery: this.#deliveries.added, request: this.#requests.added };
    return { index: this.#index, digest: this.#digest, added, removedNodes };
  }

  #takeAndWipe(record: SnapshotRecord): readonly DatabaseOperation[] {
    try {
      return this.#take(record);
    } finally {
      record.body.fill(0);
    }
  }

  #take({ kind, body }: SnapshotRecord): readonly DatabaseOperation[] {
    if (this.#ended) {
      throw goesOn();
    }
    if (kind === 'end') {
      this.#end(body);
      return [];
    }
    this.#hash.update(recordHead(kind, body.length)).update(body);
    if ((kind === 'header') !== (this.#header === undefined)) {
      throw damagedSnapshot('does not begin with its header, or has another one');
    }
    if (kind !== 'value' && this.#awaited.length > 0) {
      throw damagedSnapshot(`lacks ${this.#awaited.length} values of a secret`);
    }
    switch (kind) {
      case 'header':
        this.#header = decodeSnapshotHeader(body);
        return [];
      case 'object':
        return [this.#object(body)];
      case 'secret':
        return this.#secret(body);
      case 'value':
        return [this.#value(body)];
      case 'delivery':
        return [this.#delivery(body)];
      case 'request':
        return [this.#request(body)];
      default:
        return unreachable(kind);
    }
  }

  #object(body: Buffer): DatabaseOperation {
    this.#requireNoneOf('secret', 'delivery', 'request');
    const object = decodeObject(body);
    const name = objectKey(object);
    if (this.#index.cluster.at(name) !== undefined) {
      throw damagedSnapshot('holds an object of the cluster twice');
    }
    this.#index.cluster.put(object);
    this.#digest.add('object', body);
    this.#counts.object += 1;
    return this.#put(this.#keys.object(name), body);
  }

  #secret(body: Buffer): readonly DatabaseOperation[] {
    this.#requireNoneOf('delivery', 'request');
    const secret = decodeSecret(body);
    if (this.#index.byId(secret.id) !== undefined || this.#index.byName(secret.name) !== undefined) {
      throw damagedSnapshot('holds a secret twice');
    }
    this.#index.apply({ kind: 'put-secret', secret });
    this.#awaited = secret.versions;
    this.#awaitedOf = secret.id;
    const name = encodeSecretName(secret);
    this.#digest.add('secret', body);
    this.#digest.add('name', name);
    this.#counts.secret += 1;
    return [
      this.#put(this.#keys.secret(secret.id), body),
      this.#put(this.#keys.name(nameKey(secret.name)), name),
    ];
  }

  #value(body: Buffer): DatabaseOperation {
    const [version, ...rest] = this.#awaited;
    if (version === undefined || version.size !== body.length) {
      throw damagedSnapshot('holds a value that is not the next one of its secret');
    }
    this.#awaited = rest;
    this.#counts.value += 1;
    return this.#put(this.#keys.value(this.#awaitedOf, version.number), body);
  }

  #delivery(body: Buffer): DatabaseOperation {
    this.#requireNoneOf('request');
    const page = this.#counts.delivery;
    this.#deliveries.add(body, this.#digest);
    this.#counts.delivery += 1;
    return this.#put(this.#keys.page('delivery', page), body);
  }

  #request(body: Buffer): DatabaseOperation {
    const page = this.#counts.request;
    this.#requests.add(body, this.#digest);
    this.#counts.request += 1;
    return this.#put(this.#keys.page('request', page), body);
  }

  #end(body: Buffer): void {
    const header = this.#header;
    if (header === undefined || !encodeEnd(this.#counts, this.#hash.digest()).equals(body)) {
      throw damagedSnapshot('is not what was sent: its digest differs');
    }
    const { deliveriesRecorded, requestsApplied } = header;
    if (this.#awaited.length > 0) {
      throw damagedSnapshot('does not hold as many records as it says');
    }
    this.#index.deliveries.restore(this.#deliveries.held(deliveriesRecorded), deliveriesRecorded);
    this.#index.restoreRequests(this.#requests.held(requestsApplied), requestsApplied);
    this.#ended = true;
  }

  #put(key: Buffer, body: Buffer): DatabaseOperation {
    return { type: 'put', key, value: sealRecord(this.#keyring, key, body) };
  }

  #requireNoneOf(...kinds: readonly (keyof SnapshotCounts)[]): void {
    if (kinds.some((kind) => this.#counts[kind] > 0)) {
      throw damagedSnapshot('holds its records out of order');
    }
  }
}

function goesOn(): CofferError {
  return damagedSnapshot('goes on after its end');
}

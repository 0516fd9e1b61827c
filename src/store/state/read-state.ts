// SPDX-License-Identifier: Apache-2.0
// Reading the state's metadata from the database, at the start.
import { decodeObject } from '../../membership/index.ts';
import type { Keyring } from '../../crypto/index.ts';
import type { Database } from '../../storage/index.ts';
import { IndexLoad, type IndexLoadOptions } from './index-load.ts';
import { decodeDelivery } from './record-codec.ts';
import { RequestPageReader } from './request-pages.ts';
import { SecretIndex } from './secret-index.ts';
import { SecretsOnDisk } from './secrets-on-disk.ts';
import { StateDigest } from './state-digest.ts';
import { readHeader, secretCount, type StateHeader } from './state-header.ts';
import { StateKeys } from './state-keys.ts';
import { stateRecordGroups } from './state-records.ts';

export interface ReadState {
  readonly header: StateHeader;
  readonly index: SecretIndex;
  /** What each page of requests adds to the digest. */
  readonly requestPages: readonly Buffer[];
  /** What is still to be done for the index to be whole and verified; undefined if it is. */
  readonly load: IndexLoad | undefined;
}

/**
 * Reads the state, up to `secretsFirstMax` secrets as a whole. Of more, the index is made over the disk, and `load` brings
 * them in. Throws `store.damaged` if a record that was read does not open, or if all were read and they are not those that
 * were written last.
 */
export async function readState(
  database: Database,
  keyring: Keyring,
  secretsFirstMax: number,
): Promise<ReadState> {
  const view = database.snapshot();
  try {
    const header = readHeader(view, keyring);
    const keys = new StateKeys(keyring, header.generation);
    const count = secretCount(header);
    const later = count > secretsFirstMax;
    const index = new SecretIndex(later ? new SecretsOnDisk(view, keyring, keys, count) : undefined);
    const parts = { keyring, keys, view, header, index, digest: new StateDigest(keyring) };
    await readObjects(parts);
    await readDeliveries(parts);
    const requestPages = await readRequests(parts);
    const load = new IndexLoad(parts);
    if (later) {
      return { header, index, requestPages, load };
    }
    await load.run(() => Promise.resolve());
    return { header, index, requestPages, load: undefined };
  } catch (thrown) {
    await view.close();
    throw thrown;
  }
}

/** The objects of the cluster: without them a node does not know whom to speak to. */
async function readObjects({ keyring, keys, view, index, digest }: IndexLoadOptions): Promise<void> {
  for await (const group of stateRecordGroups(view, keyring, keys, 'object')) {
    for (const payload of group) {
      digest.add('object', payload);
      index.cluster.put(decodeObject(payload));
      payload.fill(0);
    }
  }
}

/** The deliveries, of which there are never more than their ring holds. */
async function readDeliveries({
  keyring,
  keys,
  view,
  header,
  index,
  digest,
}: IndexLoadOptions): Promise<void> {
  const deliveries: ReturnType<typeof decodeDelivery>[] = [];
  for await (const group of stateRecordGroups(view, keyring, keys, 'delivery')) {
    for (const payload of group) {
      digest.add('delivery', payload);
      deliveries.push(decodeDelivery(payload));
    }
  }
  index.deliveries.restore(deliveries, header.deliveriesRecorded);
}

/** The requests, likewise. Returns what each of their pages adds to the digest. */
async function readRequests({
  keyring,
  keys,
  view,
  header,
  index,
  digest,
}: IndexLoadOptions): Promise<readonly Buffer[]> {
  const pages = new RequestPageReader();
  for await (const group of stateRecordGroups(view, keyring, keys, 'request')) {
    for (const payload of group) {
      pages.add(payload, digest);
    }
  }
  index.restoreRequests(pages.requests(header.requestsApplied), header.requestsApplied);
  return pages.added;
}

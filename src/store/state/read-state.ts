// SPDX-License-Identifier: Apache-2.0
// Reading the state's metadata from the database, at the start.
import { decodeObject } from '../../membership/index.ts';
import type { Keyring } from '../../crypto/index.ts';
import type { Database } from '../../storage/index.ts';
import { IndexLoad, type IndexLoadOptions } from './index-load.ts';
import { type AddedByPages, DELIVERY_RING, REQUEST_RING, type Ring, RingPageReader } from './ring-pages.ts';
import { SecretIndex } from './secret-index.ts';
import { SecretsOnDisk } from './secrets-on-disk.ts';
import { StateDigest } from './state-digest.ts';
import { readHeader, secretCount, type StateHeader } from './state-header.ts';
import { StateKeys } from './state-keys.ts';
import { stateRecordGroups } from './state-records.ts';

export interface ReadState {
  readonly header: StateHeader;
  readonly index: SecretIndex;
  readonly added: AddedByPages;
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
    const deliveries = await readRing(parts, DELIVERY_RING);
    index.deliveries.restore(deliveries.held(header.deliveriesRecorded), header.deliveriesRecorded);
    const requests = await readRing(parts, REQUEST_RING);
    index.restoreRequests(requests.held(header.requestsApplied), header.requestsApplied);
    const added: AddedByPages = { delivery: deliveries.added, request: requests.added };
    const load = new IndexLoad(parts);
    if (later) {
      return { header, index, added, load };
    }
    await load.run(() => Promise.resolve());
    return { header, index, added, load: undefined };
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

/** The pages of a ring, of which there are never more than it has slots for. */
async function readRing<Held>(
  { keyring, keys, view, digest }: IndexLoadOptions,
  ring: Ring<Held>,
): Promise<RingPageReader<Held>> {
  const pages = new RingPageReader(ring);
  for await (const group of stateRecordGroups(view, keyring, keys, ring.kind)) {
    for (const payload of group) {
      pages.add(payload, digest);
    }
  }
  return pages;
}

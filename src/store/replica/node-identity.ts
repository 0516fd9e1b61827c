// SPDX-License-Identifier: Apache-2.0
// Two small records of the database: who the node is, and its term and vote.
import { ByteReader, ByteWriter, CofferError, pooledWriter } from '../../common/index.ts';
import { type Keyring, openRecord, sealRecord } from '../../crypto/index.ts';
import type { HardState, NodeId } from '../../raft/index.ts';
import {
  type DatabaseView,
  type DatabaseOperation,
  HARD_STATE_KEY,
  IDENTITY_KEY,
} from '../../storage/index.ts';

/** Made at the first start, and never changed. The texts are 25 characters of base 36. */
export interface NodeIdentity {
  readonly clusterId: string;
  readonly nodeId: string;
  /** What the Raft core calls the node. */
  readonly raftId: NodeId;
}

const ID_LENGTH_MAX = 64;

export function identityOperation(keyring: Keyring, identity: NodeIdentity): DatabaseOperation {
  const payload = new ByteWriter()
    .text(identity.clusterId)
    .text(identity.nodeId)
    .u64(identity.raftId)
    .finish();
  return { type: 'put', key: IDENTITY_KEY, value: sealRecord(keyring, IDENTITY_KEY, payload) };
}

/** Throws `store.damaged` if the record is missing or does not open. */
export function readIdentity(database: DatabaseView, keyring: Keyring): NodeIdentity {
  const reader = readRecord(database, keyring, IDENTITY_KEY, "the record of the node's identity");
  const identity: NodeIdentity = {
    clusterId: reader.text(ID_LENGTH_MAX),
    nodeId: reader.text(ID_LENGTH_MAX),
    raftId: reader.u64(),
  };
  reader.finish();
  return identity;
}

/** Term and vote are one record, so that no crash can part a vote from its term. */
export function hardStateOperation(keyring: Keyring, hardState: HardState): DatabaseOperation {
  const payload = pooledWriter().u64(hardState.term).u64(hardState.vote).u64(hardState.commit).finish();
  return { type: 'put', key: HARD_STATE_KEY, value: sealRecord(keyring, HARD_STATE_KEY, payload) };
}

/** Throws `store.damaged` if the record is missing or does not open. */
export function readHardState(database: DatabaseView, keyring: Keyring): HardState {
  const reader = readRecord(database, keyring, HARD_STATE_KEY, 'the record of term and vote');
  const hardState = { term: reader.u64(), vote: reader.u64(), commit: reader.u64() };
  reader.finish();
  return hardState;
}

function readRecord(database: DatabaseView, keyring: Keyring, key: Buffer, what: string): ByteReader {
  const record = database.get(key, what);
  if (record === undefined) {
    throw new CofferError('store.damaged', `the database has lost ${what}`);
  }
  return new ByteReader(openRecord(keyring, key, record, what), what);
}

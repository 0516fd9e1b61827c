// SPDX-License-Identifier: Apache-2.0
// The snapshot of a message: u64 index, u64 term, the configuration (four lists, each u32 count and u64 ids; u8 whether it
// is left automatically), then u32 length and data.
import { invariant } from '../../common/index.ts';
import { MESSAGE_LIMITS, type MessageLimits } from './codec-limits.ts';
import type { MessageReader } from './codec-reader.ts';
import type { MessageWriter } from './codec-writer.ts';
import type { ConfState, NodeId, Snapshot } from '../types.ts';

const U64_BYTES = 8;
const LIST_COUNT_BYTES = 4;
/** Index, term, autoLeave and the data's length. */
const FIXED_BYTES = 2 * U64_BYTES + 1 + 4;

/** How many bytes `writeSnapshot` writes; throws `internal.invariant` beyond a limit. */
export function snapshotSize({ data, metadata }: Snapshot): number {
  invariant(
    data.length <= MESSAGE_LIMITS.snapshotData_bytes,
    'a snapshot of a message has no more data than its limit',
  );
  let size = FIXED_BYTES + data.length;
  for (const list of listsOf(metadata.confState)) {
    invariant(
      list.length <= MESSAGE_LIMITS.confStateIds,
      'a configuration of a message has no more nodes in a list than its limit',
    );
    size += LIST_COUNT_BYTES + list.length * U64_BYTES;
  }
  return size;
}

export function writeSnapshot(writer: MessageWriter, { data, metadata }: Snapshot): void {
  writer.u64(metadata.index);
  writer.u64(metadata.term);
  for (const list of listsOf(metadata.confState)) {
    writer.u32(list.length);
    for (const id of list) {
      writer.u64(id);
    }
  }
  writer.boolean(metadata.confState.autoLeave);
  writer.bytes(data);
}

export function readSnapshot(reader: MessageReader, limits: MessageLimits): Snapshot {
  const index = reader.u64();
  const term = reader.u64();
  const confState: ConfState = {
    voters: readIds(reader, limits),
    learners: readIds(reader, limits),
    votersOutgoing: readIds(reader, limits),
    learnersNext: readIds(reader, limits),
    autoLeave: reader.boolean(),
  };
  const data = reader.bytes(limits.snapshotData_bytes, 'data in a snapshot');
  return { data, metadata: { confState, index, term } };
}

/** In the order in which they are written. */
function listsOf(confState: ConfState): readonly (readonly NodeId[])[] {
  return [confState.voters, confState.learners, confState.votersOutgoing, confState.learnersNext];
}

function readIds(reader: MessageReader, limits: MessageLimits): readonly NodeId[] {
  const ids: NodeId[] = [];
  for (let left = reader.count(limits.confStateIds, U64_BYTES, 'nodes in a list'); left > 0; left -= 1) {
    ids.push(reader.u64());
  }
  return ids;
}

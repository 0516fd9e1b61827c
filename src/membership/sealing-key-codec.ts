// SPDX-License-Identifier: Apache-2.0
// Sealing keys and their commands as bytes: the fields in the order of their types.
import { type ByteReader, type ByteWriter, ownCopy, unreachable } from '../common/index.ts';
import { TEXT_BYTES_MAX } from './model.ts';
import { SEALING_KEY_BYTES, type SealingKeyCommand, type SealingKeyObject } from './sealing-key.ts';

/** Apart from those of the other objects, as those of grant-codec.ts are. */
export const SEALING_KEY_OBJECT_TAG = { 'sealing-key': 112 } as const;
/** Likewise. */
export const SEALING_KEY_COMMAND_TAG = {
  'add-sealing-key': 112,
  'restore-sealing-key': 113,
  'forget-sealing-key': 114,
} as const satisfies Record<SealingKeyCommand['kind'], number>;

export function writeSealingKey(writer: ByteWriter, key: SealingKeyObject): ByteWriter {
  writer.text(key.id).fixed(key.secretKey).text(key.clusterId).u64(key.madeAt_ms);
  return writer.u8(key.active ? 1 : 0);
}

/** The key that follows on its kind; undefined for a kind that is none. */
export function readSealingKeyObject(tag: number, reader: ByteReader): SealingKeyObject | undefined {
  return tag === SEALING_KEY_OBJECT_TAG['sealing-key'] ? readSealingKey(reader) : undefined;
}

export function writeSealingKeyCommand(writer: ByteWriter, command: SealingKeyCommand): ByteWriter {
  switch (command.kind) {
    case 'add-sealing-key':
      return writeSealingKey(writer, command.key).text(command.after);
    case 'restore-sealing-key':
      return writeSealingKey(writer, command.key);
    case 'forget-sealing-key':
      return writer.text(command.id);
    default:
      return unreachable(command);
  }
}

/** As `readSealingKeyObject`. */
export function readSealingKeyCommand(tag: number, reader: ByteReader): SealingKeyCommand | undefined {
  switch (tag) {
    case SEALING_KEY_COMMAND_TAG['add-sealing-key']:
      return { kind: 'add-sealing-key', key: readSealingKey(reader), after: reader.text(TEXT_BYTES_MAX) };
    case SEALING_KEY_COMMAND_TAG['restore-sealing-key']:
      return { kind: 'restore-sealing-key', key: readSealingKey(reader) };
    case SEALING_KEY_COMMAND_TAG['forget-sealing-key']:
      return { kind: 'forget-sealing-key', id: reader.text(TEXT_BYTES_MAX) };
    default:
      return undefined;
  }
}

function readSealingKey(reader: ByteReader): SealingKeyObject {
  return {
    kind: 'sealing-key',
    id: reader.text(TEXT_BYTES_MAX),
    secretKey: ownCopy(reader.fixed(SEALING_KEY_BYTES)),
    clusterId: reader.text(TEXT_BYTES_MAX),
    madeAt_ms: reader.u64(),
    active: reader.u8() === 1,
  };
}

// SPDX-License-Identifier: Apache-2.0
// Grants and their commands as bytes: the fields in the order of their types.
import { type ByteReader, type ByteWriter, NAME_LENGTH_MAX, unreachable } from '../common/index.ts';
import { GRANT_LABELS_MAX, type GrantCommand, type GrantObject } from './grant.ts';
import { readLabels, writeLabels } from './labels-codec.ts';
import { TEXT_BYTES_MAX } from './model.ts';

/** Apart from those of the other objects, as those of maintenance-codec.ts are. */
export const GRANT_OBJECT_TAG = { grant: 48 } as const satisfies Record<GrantObject['kind'], number>;

/** Likewise. */
export const GRANT_COMMAND_TAG = {
  'put-grant': 48,
  'remove-grant': 49,
} as const satisfies Record<GrantCommand['kind'], number>;

export function writeGrant(writer: ByteWriter, grant: GrantObject): ByteWriter {
  writer.text(grant.id).text(grant.secret).text(grant.nodeId).text(grant.container);
  return writeLabels(writer, grant.labels).text(grant.image).u64(grant.grantedAt_ms);
}

/** The grant that follows on its kind; undefined for a kind that is none. */
export function readGrantObject(tag: number, reader: ByteReader): GrantObject | undefined {
  return tag === GRANT_OBJECT_TAG.grant ? readGrant(reader) : undefined;
}

export function writeGrantCommand(writer: ByteWriter, command: GrantCommand): ByteWriter {
  switch (command.kind) {
    case 'put-grant':
      return writeGrant(writer, command.grant);
    case 'remove-grant':
      return writer.text(command.id);
    default:
      return unreachable(command);
  }
}

/** As `readGrantObject`. */
export function readGrantCommand(tag: number, reader: ByteReader): GrantCommand | undefined {
  switch (tag) {
    case GRANT_COMMAND_TAG['put-grant']:
      return { kind: 'put-grant', grant: readGrant(reader) };
    case GRANT_COMMAND_TAG['remove-grant']:
      return { kind: 'remove-grant', id: reader.text(TEXT_BYTES_MAX) };
    default:
      return undefined;
  }
}

function readGrant(reader: ByteReader): GrantObject {
  return {
    kind: 'grant',
    id: reader.text(TEXT_BYTES_MAX),
    secret: reader.text(NAME_LENGTH_MAX),
    nodeId: reader.text(TEXT_BYTES_MAX),
    container: reader.text(TEXT_BYTES_MAX),
    labels: readLabels(reader, GRANT_LABELS_MAX),
    image: reader.text(TEXT_BYTES_MAX),
    grantedAt_ms: reader.u64(),
  };
}

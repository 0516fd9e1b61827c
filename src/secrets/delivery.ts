// SPDX-License-Identifier: Apache-2.0
// Who was given what.
import type { ByteReader, ByteWriter } from '../common/index.ts';
import { ID_LENGTH_MAX, NAME_LENGTH_MAX, TASK_ID_LENGTH_MAX } from './limits.ts';

/** A task was given a version. */
export interface Delivery {
  readonly taskId: string;
  readonly secretId: string;
  /** The secret's, which may have been removed since; of a sealed value, that of the engine's secret. */
  readonly name: string;
  /** 0 of a sealed value, which has none. */
  readonly version: number;
  /** Whether a label asked for that version: then it is none that stands for the secret's current one. */
  readonly pinned: boolean;
  readonly at_ms: number;
}

/** A task has a secret at one version; a pin is beside that, and there may be several. */
export function deliveryKey({ pinned, secretId, taskId, version }: Delivery): string {
  const key = unpinnedKey(taskId, secretId);
  return pinned ? `${key} ${version}` : key;
}

/** The `deliveryKey` of what a task has of a secret without a pin. */
export function unpinnedKey(taskId: string, secretId: string): string {
  return `${taskId} ${secretId}`;
}

const SEALED_PREFIX = 'sealed-';

/** What stands in the place of a secret's id in the delivery of a value that was sealed in a label, and in no store: no secret's id is like it. */
export function sealedDeliveryId(valueId: string): string {
  return `${SEALED_PREFIX}${valueId}`;
}

/** The id of the sealed value that was delivered; undefined: it was a version of a stored secret. */
export function sealedValueOf({ secretId }: Pick<Delivery, 'secretId'>): string | undefined {
  return secretId.startsWith(SEALED_PREFIX) ? secretId.slice(SEALED_PREFIX.length) : undefined;
}

/** Its fields in the order of the type, in the log and in the state. */
export function writeDelivery(writer: ByteWriter, delivery: Delivery): ByteWriter {
  const { at_ms, name, pinned, secretId, taskId, version } = delivery;
  return writer
    .text(taskId)
    .text(secretId)
    .text(name)
    .u32(version)
    .u8(pinned ? 1 : 0)
    .u64(at_ms);
}

export function readDelivery(reader: ByteReader): Delivery {
  return {
    taskId: reader.text(TASK_ID_LENGTH_MAX),
    secretId: reader.text(ID_LENGTH_MAX),
    name: reader.text(NAME_LENGTH_MAX),
    version: reader.u32(),
    pinned: reader.u8() === 1,
    at_ms: reader.u64(),
  };
}

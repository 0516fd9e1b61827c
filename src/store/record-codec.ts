// SPDX-License-Identifier: Apache-2.0
// The state's records as bytes, before they are sealed. The same secret has the same bytes on every manager.
import { ByteReader, ByteWriter, CofferError } from '../common/index.ts';
import {
  type Delivery,
  ID_LENGTH_MAX,
  NAME_LENGTH_MAX,
  ORIGINS,
  readLabels,
  readOptional,
  type Secret,
  type SecretVersion,
  TASK_ID_LENGTH_MAX,
  VERSIONS_KEPT,
  writeLabels,
  writeOptional,
} from '../secrets/index.ts';

const FORMAT = 1;

export function encodeSecret(secret: Secret): Buffer {
  const writer = new ByteWriter().u8(FORMAT).text(secret.id).text(secret.name);
  writeLabels(writer, secret.labels);
  writer.u8(ORIGINS.indexOf(secret.origin)).u8(secret.pending ? 1 : 0);
  writeOptional(writer, secret.engine, (target, engine) => target.text(engine.secretId).text(engine.swarmId));
  writer.u32(secret.versions.length);
  for (const version of secret.versions) {
    writer.u32(version.number).u64(version.createdAt_ms).u32(version.size);
  }
  return writer.u64(secret.createdAt_ms).u64(secret.updatedAt_ms).u64(secret.modifiedIndex).finish();
}

/** Throws `store.damaged` for bytes that `encodeSecret` does not write. */
export function decodeSecret(bytes: Buffer): Secret {
  const reader = new ByteReader(bytes, 'the record of a secret');
  checkFormat(reader, 'the record of a secret');
  const secret: Secret = {
    id: reader.text(ID_LENGTH_MAX),
    name: reader.text(NAME_LENGTH_MAX),
    labels: readLabels(reader),
    origin: readOrigin(reader),
    pending: reader.u8() === 1,
    engine: readOptional(reader, (source) => ({
      secretId: source.text(ID_LENGTH_MAX),
      swarmId: source.text(ID_LENGTH_MAX),
    })),
    versions: readVersions(reader),
    createdAt_ms: reader.u64(),
    updatedAt_ms: reader.u64(),
    modifiedIndex: reader.u64(),
  };
  reader.finish();
  return secret;
}

export function encodeDelivery(slot: number, delivery: Delivery): Buffer {
  return new ByteWriter()
    .u8(FORMAT)
    .u32(slot)
    .text(delivery.taskId)
    .text(delivery.secretId)
    .u32(delivery.version)
    .finish();
}

export function decodeDelivery(bytes: Buffer): { readonly slot: number; readonly delivery: Delivery } {
  const reader = new ByteReader(bytes, 'the record of a delivery');
  checkFormat(reader, 'the record of a delivery');
  const slot = reader.u32();
  const delivery = {
    taskId: reader.text(TASK_ID_LENGTH_MAX),
    secretId: reader.text(ID_LENGTH_MAX),
    version: reader.u32(),
  };
  reader.finish();
  return { slot, delivery };
}

function readVersions(reader: ByteReader): readonly SecretVersion[] {
  const count = reader.u32();
  if (count < 1 || count > VERSIONS_KEPT) {
    throw new CofferError('store.damaged', `the record of a secret has ${count} versions`);
  }
  return Array.from({ length: count }, () => ({
    number: reader.u32(),
    createdAt_ms: reader.u64(),
    size: reader.u32(),
  }));
}

function readOrigin(reader: ByteReader): Secret['origin'] {
  const origin = ORIGINS[reader.u8()];
  if (origin === undefined) {
    throw new CofferError(
      'store.damaged',
      'the record of a secret names an origin that this version cannot read',
    );
  }
  return origin;
}

function checkFormat(reader: ByteReader, what: string): void {
  const format = reader.u8();
  if (format !== FORMAT) {
    throw new CofferError('store.damaged', `${what} has format ${format}, which this version cannot read`);
  }
}

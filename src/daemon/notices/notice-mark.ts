// SPDX-License-Identifier: Apache-2.0
// What the receiver of notices has been told, as the value of a secret: u8 format (1), the cluster's id, u64 index; then u32 count, and of
// each expiry that was told the secret's id, u32 version, u64 its end, u8 stage.
import { ByteReader, ByteWriter, CofferError, SecretValue } from '../../common/index.ts';
import { ID_LENGTH_MAX } from '../../secrets/index.ts';

/** An expiry is told when so many days are left; 0: when the value has expired. The most urgent first. */
export const STAGES = [0, 1, 7, 14] as const;
export type Stage = (typeof STAGES)[number];

/** Of one version of a secret. */
export interface ToldExpiry {
  readonly secretId: string;
  readonly version: number;
  readonly expires_ms: number;
  readonly stage: Stage;
}

export interface NoticeMark {
  /** Whose log `index` is of: a backup may bring the mark to another one. */
  readonly clusterId: string;
  /** All changes of secrets up to here were told. */
  readonly index: number;
  /** By the secret's id: the last one. */
  readonly expiries: ReadonlyMap<string, ToldExpiry>;
}

/** With so many, a mark is smaller than a value may be. */
export const TOLD_EXPIRIES_MAX = 5_000;

const FORMAT = 1;
const WHAT = 'the mark of the notices';

/** The caller wipes it. */
export function writeMark({ clusterId, expiries, index }: NoticeMark): SecretValue {
  const writer = new ByteWriter().u8(FORMAT).text(clusterId).u64(index).u32(expiries.size);
  for (const { expires_ms, secretId, stage, version } of expiries.values()) {
    writer.text(secretId).u32(version).u64(expires_ms).u8(stage);
  }
  return SecretValue.takeOver(writer.finish());
}

/** Throws `store.damaged` for bytes that `writeMark` does not write. The value stays the caller's. */
export function readMark(value: SecretValue): NoticeMark {
  const reader = new ByteReader(value.expose(), WHAT);
  const format = reader.u8();
  if (format !== FORMAT) {
    throw new CofferError('store.damaged', `${WHAT} has format ${format}, which this version cannot read`);
  }
  const clusterId = reader.text(ID_LENGTH_MAX);
  const index = reader.u64();
  const count = reader.u32();
  const expiries = new Map<string, ToldExpiry>();
  // What is too short for its count ends with an error.
  for (let at = 0; at < count; at += 1) {
    const told = readTold(reader);
    expiries.set(told.secretId, told);
  }
  reader.finish();
  return { clusterId, index, expiries };
}

function readTold(reader: ByteReader): ToldExpiry {
  const secretId = reader.text(ID_LENGTH_MAX);
  const version = reader.u32();
  const expires_ms = reader.u64();
  const days = reader.u8();
  const stage = STAGES.find((known) => known === days);
  if (stage === undefined) {
    throw new CofferError('store.damaged', `${WHAT} has a stage of ${days} days`);
  }
  return { secretId, version, expires_ms, stage };
}

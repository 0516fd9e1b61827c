// SPDX-License-Identifier: Apache-2.0
// What a swarm's manager wrote into its own Raft log, decrypted: Swarm seals each entry under a key that lies
// beside it unless autolock is on (swarmkit, manager/encryption and manager/state/raft/storage; etcd, server/wal).
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import nacl from 'tweetnacl';

const ENTRY_RECORD = 2;
const NACL_SECRETBOX = 1n;

/** The payloads of all entries in the engine's Raft log, one after the other. */
export function readSwarmLog(engineDataDirectory: string): Buffer {
  const swarm = path.join(engineDataDirectory, 'swarm');
  const key = dataKey(readFileSync(path.join(swarm, 'certificates', 'swarm-node.key'), 'utf8'));
  const logs = path.join(swarm, 'raft', 'wal-v3-encrypted');
  const payloads = readdirSync(logs)
    .filter((name) => name.endsWith('.wal'))
    .flatMap((name) => [...entries(readFileSync(path.join(logs, name)))])
    .map((sealed) => open(sealed, key));
  return Buffer.concat(payloads);
}

function dataKey(pem: string): Uint8Array {
  const header = /^raft-dek: (\S+)$/m.exec(pem)?.[1];
  if (header === undefined) {
    throw new Error('the swarm keeps no data key beside its log');
  }
  return bytesOf(fieldsOf(Buffer.from(header, 'base64')), 2);
}

/** The data of each entry: a file is records, each behind its length with the padding in the top byte. */
function* entries(file: Buffer): Generator<Buffer> {
  let offset = 0;
  while (offset + 8 <= file.length) {
    const length = file.readUIntLE(offset, 6);
    if (length === 0) {
      return;
    }
    const top = file.readUInt8(offset + 7);
    const padding = (top & 0x80) === 0 ? 0 : top & 0x07;
    const record = fieldsOf(file.subarray(offset + 8, offset + 8 + length));
    if (Number(record.get(1) ?? 0n) === ENTRY_RECORD) {
      const data = fieldsOf(bytesOf(record, 3)).get(4);
      if (Buffer.isBuffer(data) && data.length > 0) {
        yield data;
      }
    }
    offset += 8 + length + padding;
  }
}

function open(sealed: Buffer, key: Uint8Array): Uint8Array {
  const record = fieldsOf(sealed);
  if (record.get(1) !== NACL_SECRETBOX) {
    throw new Error('an entry of the swarm is sealed in another way');
  }
  const opened = nacl.secretbox.open(bytesOf(record, 2), bytesOf(record, 3), key);
  if (opened === null) {
    throw new Error('an entry of the swarm does not open');
  }
  return opened;
}

type Fields = ReadonlyMap<number, bigint | Buffer>;

/** A protobuf message's fields; of a repeated one the last. */
function fieldsOf(message: Buffer): Fields {
  const fields = new Map<number, bigint | Buffer>();
  let offset = 0;
  const varint = (): bigint => {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = message.readUInt8(offset);
      offset += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        return value;
      }
      shift += 7n;
    }
  };
  while (offset < message.length) {
    const tag = Number(varint());
    if ((tag & 7) === 0) {
      fields.set(tag >> 3, varint());
    } else if ((tag & 7) === 2) {
      const length = Number(varint());
      fields.set(tag >> 3, message.subarray(offset, offset + length));
      offset += length;
    } else {
      throw new Error(`a field of wire type ${tag & 7} is not expected here`);
    }
  }
  return fields;
}

function bytesOf(fields: Fields, number: number): Buffer {
  const field = fields.get(number);
  if (!Buffer.isBuffer(field)) {
    throw new Error(`field ${number} is missing`);
  }
  return field;
}

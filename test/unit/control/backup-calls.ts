// SPDX-License-Identifier: Apache-2.0
// The two calls about backups, as the command line makes them.
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type BackupRecord, ExactReader, openBackup } from '../../../src/backup/index.ts';
import type { Harness, Reply } from './control-harness.ts';

export const KEY = Buffer.alloc(32, 0x5a);

export interface Taken {
  readonly status: number;
  readonly payload: Buffer;
  readonly summary: unknown;
}

/** `POST /v1/backup`, with its payload and what its trailer says. */
export async function takeBackup(harness: Pick<Harness, 'socketPath'>): Promise<Taken> {
  const response = await begin(harness, '/v1/backup', Readable.from([KEY]));
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  const trailer = response.trailers['coffer-backup-summary'];
  return {
    status: response.statusCode ?? 0,
    payload: Buffer.concat(chunks),
    summary: trailer === undefined ? undefined : JSON.parse(trailer),
  };
}

/** `POST /v1/restore`, with the body in the pieces that are given. */
export async function sendRestore(
  harness: Pick<Harness, 'socketPath'>,
  query: string,
  body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<Pick<Reply, 'status' | 'json'>> {
  const response = await begin(harness, `/v1/restore${query}`, Readable.from(body));
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, json: JSON.parse(Buffer.concat(chunks).toString()) };
}

/** The body of a restore of this payload. */
export function restoreBody(payload: Buffer, key: Buffer = KEY): readonly Buffer[] {
  return [key, payload];
}

/** All records of a payload, with the values in a form that can be compared. */
export async function recordsIn(payload: Buffer): Promise<readonly unknown[]> {
  const records: unknown[] = [];
  for await (const record of openBackup(KEY, new ExactReader(Readable.from([payload])))) {
    records.push(plain(record));
  }
  return records;
}

function plain(record: BackupRecord): unknown {
  return record.kind === 'value'
    ? { value: record.bytes.toString(), of: record.secret.name, number: record.number }
    : record;
}

function begin(
  { socketPath }: Pick<Harness, 'socketPath'>,
  path: string,
  body: Readable,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, method: 'POST', path, agent: false });
    request.once('response', resolve).once('error', reject);
    // An early answer ends the sending; the answer is what counts.
    pipeline(body, request).catch(() => undefined);
  });
}

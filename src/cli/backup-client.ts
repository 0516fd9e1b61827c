// SPDX-License-Identifier: Apache-2.0
// The client of the calls that are as large as all secrets together: what travels is a backup's sealed payload.
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BackupReply, DrillReply, RestoreReply } from '../control/index.ts';
import { requestError } from './command-error.ts';
import { explained } from './connection-error.ts';
import { readText, replyIn } from './answer.ts';
import * as replies from './replies.ts';

/** Nothing may stand still for longer. */
const SILENCE_MS_MAX = 60_000;
const SUMMARY_TRAILER = 'coffer-backup-summary';

/** What becomes of secrets that are there; `check` changes nothing. */
export interface RestoreWish {
  readonly existing: 'refuse' | 'skip' | 'replace';
  readonly check: boolean;
}

export type DrillSource =
  | { readonly file: string }
  | { readonly payload: AsyncIterable<Uint8Array>; readonly size_bytes: number };

/** Speaks to one daemon. Whatever goes wrong rejects with a `CommandError` that ends in exit code 2. */
export class BackupClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Has the payload of a backup made under the key, and hands its bytes to `write`, one piece after the other. */
  async backup(payloadKey: Buffer, write: (piece: Buffer) => Promise<void>): Promise<BackupReply> {
    const request = this.#begin('/v1/backup');
    const answered = responseOf(request);
    request.end(payloadKey);
    try {
      const response = await answered;
      const status = response.statusCode ?? 0;
      if (status !== 200) {
        return replyIn(status, await readText(response), replies.backupReply);
      }
      for await (const piece of response as AsyncIterable<Buffer>) {
        await write(piece);
      }
      return replyIn(status, summaryOf(response), replies.backupReply);
    } catch (thrown) {
      throw explained(thrown, this.#socketPath);
    } finally {
      end(request);
    }
  }

  /** Sends the payload of a backup in; the pieces stay the caller's. */
  async restore(
    payloadKey: Buffer,
    payload: AsyncIterable<Uint8Array>,
    { check, existing }: RestoreWish,
  ): Promise<RestoreReply> {
    const query = new URLSearchParams({ existing, check: check ? '1' : '0' });
    return this.#send(`/v1/restore?${query.toString()}`, payloadKey, payload, replies.restoreReply);
  }

  /** Has a backup restored into a sandbox: the payload that is sent, or that of a file which the manager has made. */
  drill(payloadKey: Buffer, from: DrillSource): Promise<DrillReply> {
    const query = new URLSearchParams(
      'file' in from ? { file: from.file } : { size: String(from.size_bytes) },
    );
    const payload = 'file' in from ? nothing() : from.payload;
    return this.#send(`/v1/drill?${query.toString()}`, payloadKey, payload, replies.drillReply);
  }

  async #send<Reply>(
    path: string,
    payloadKey: Buffer,
    payload: AsyncIterable<Uint8Array>,
    schema: replies.ReplySchema<Reply>,
  ): Promise<Reply> {
    const request = this.#begin(path);
    const answered = responseOf(request);
    // A refusal may come before all was sent; it says why the rest was not wanted.
    const sent = pipeline(Readable.from(bodyOf(payloadKey, payload)), request).catch(() => undefined);
    try {
      const response = await answered;
      return replyIn(response.statusCode ?? 0, await readText(response), schema);
    } catch (thrown) {
      throw explained(thrown, this.#socketPath);
    } finally {
      end(request);
      await sent;
    }
  }

  #begin(path: string): ClientRequest {
    const request = httpRequest({
      socketPath: this.#socketPath,
      agent: false,
      method: 'POST',
      path,
      headers: { host: 'coffer', 'content-type': 'application/octet-stream' },
    });
    return request.setTimeout(SILENCE_MS_MAX, () => {
      request.destroy(requestError(`nothing has moved for ${SILENCE_MS_MAX / 1_000} s; given up`));
    });
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* bodyOf(payloadKey: Buffer, payload: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield payloadKey;
  yield* payload;
}

function responseOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
}

/** What fails after the answer has come no longer matters. */
function end(request: ClientRequest): void {
  request.on('error', () => undefined).destroy();
}

/** A payload without it is not whole. */
function summaryOf({ trailers }: IncomingMessage): string {
  const summary = trailers[SUMMARY_TRAILER];
  if (summary === undefined) {
    throw requestError('the backup broke off before its end', "The reason is in the daemon's log.");
  }
  return summary;
}

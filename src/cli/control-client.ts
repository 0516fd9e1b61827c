// SPDX-License-Identifier: Apache-2.0
// The client of coffer's own API: plain HTTP over a Unix socket, so that the command line starts fast.
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type {
  AuditVerifyReply,
  BackupHeaderReply,
  Check,
  DaemonStatus,
  DestroyReply,
  LedgerReply,
  LostRecord,
  PruneReply,
  PutReply,
  Refusal,
  RollbackReply,
  ScheduledBackupsReply,
  SecretReply,
  SecretsReply,
  UnlockReply,
  WhyReply,
} from '../control/index.ts';
import type { Labels, PutValue } from '../secrets/index.ts';
import type { RecordFilter } from '../audit/index.ts';
import { readText, replyIn, textIn } from './answer.ts';
import { auditAcknowledgeReply, auditReply, auditVerifyReply, type ShownRecord } from './audit-replies.ts';
import { requestError } from './command-error.ts';
import { ledgerReply } from './ledger-replies.ts';
import { explained } from './connection-error.ts';
import * as replies from './replies.ts';
import { readRevealed, type RevealedValue } from './reveal-reply.ts';
import { whyReply } from './why-reply.ts';

const TIMEOUT_MS = 30_000;
/** A store that is unlocked is verified before it serves; the daemon gives it up before this. */
const UNLOCK_TIMEOUT_MS = 90_000;

export interface PutWish {
  readonly expect: PutValue['expect'];
  /** Absent: those that are there stay. */
  readonly labels: Labels | undefined;
}

export interface RollbackWish {
  readonly version: number | undefined;
  /** Only if this is the current version. */
  readonly expect: number | undefined;
}

export interface RequestShape {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: URLSearchParams;
  /** Bytes travel as they are; anything else travels as JSON. */
  readonly body?: Buffer | object;
  /** For this request with its whole reply; the client's own unless said. */
  readonly timeout_ms?: number;
}

/** Speaks to one daemon. Whatever goes wrong rejects with a `CommandError` that ends in exit code 2. */
export class ControlClient {
  readonly socketPath: string;
  readonly #timeout_ms: number;

  /** `timeout_ms` is for one request with its whole reply; 30,000 unless said. */
  constructor(socketPath: string, timeout_ms: number = TIMEOUT_MS) {
    this.socketPath = socketPath;
    this.#timeout_ms = timeout_ms;
  }

  status(): Promise<DaemonStatus> {
    return this.call({ method: 'GET', path: '/v1/status' }, replies.daemonStatus);
  }

  secrets(): Promise<SecretsReply> {
    return this.call({ method: 'GET', path: '/v1/secrets' }, replies.secretsReply);
  }

  secret(reference: string): Promise<SecretReply> {
    return this.call({ method: 'GET', path: secretPath(reference) }, replies.secretReply);
  }

  put(name: string, value: Buffer, wish: PutWish): Promise<PutReply> {
    const query = putQuery(wish);
    return this.call({ method: 'PUT', path: secretPath(name), query, body: value }, replies.putReply);
  }

  generate(name: string, specification: string, wish: PutWish): Promise<PutReply> {
    const query = putQuery(wish);
    query.set('spec', specification);
    return this.call({ method: 'POST', path: `${secretPath(name)}/generate`, query }, replies.putReply);
  }

  /** Without `version`, to the one before the current one. */
  rollback(reference: string, wish: RollbackWish): Promise<RollbackReply> {
    const query = new URLSearchParams();
    for (const key of ['version', 'expect'] as const) {
      const number = wish[key];
      if (number !== undefined) {
        query.set(key, String(number));
      }
    }
    return this.call(
      { method: 'POST', path: `${secretPath(reference)}/rollback`, query },
      replies.rollbackReply,
    );
  }

  /** Their values go for good. */
  destroy(reference: string, versions: readonly number[]): Promise<DestroyReply> {
    const query = new URLSearchParams(
      versions.map((version): [string, string] => ['version', String(version)]),
    );
    return this.call(
      { method: 'POST', path: `${secretPath(reference)}/destroy`, query },
      replies.destroyReply,
    );
  }

  /** All but the newest `keep` versions go. */
  prune(reference: string, keep: number): Promise<PruneReply> {
    const query = new URLSearchParams({ keep: String(keep) });
    return this.call({ method: 'POST', path: `${secretPath(reference)}/prune`, query }, replies.pruneReply);
  }

  /** The value of a version; without one, of the current version. */
  reveal(reference: string, version: number | undefined): Promise<RevealedValue> {
    const query = new URLSearchParams(version === undefined ? {} : { version: String(version) });
    return this.#exchange({ method: 'POST', path: `${secretPath(reference)}/reveal`, query }, readRevealed);
  }

  remove(reference: string, force: boolean): Promise<SecretReply> {
    const query = new URLSearchParams({ force: force ? '1' : '0' });
    return this.call({ method: 'DELETE', path: secretPath(reference), query }, replies.secretReply);
  }

  /** Of one service or volume, or all. */
  async refusals(name: string | undefined): Promise<readonly Refusal[]> {
    const query = new URLSearchParams(name === undefined ? {} : { name });
    return (await this.call({ method: 'GET', path: '/v1/refusals', query }, replies.refusalsReply)).refusals;
  }

  /** Why what has this name, or anybody, is refused secrets. */
  why(name: string | undefined): Promise<WhyReply> {
    const query = new URLSearchParams(name === undefined ? {} : { name });
    return this.call({ method: 'GET', path: '/v1/why', query }, whyReply);
  }

  /** Who holds this secret, or any. */
  ledger(secret: string | undefined): Promise<LedgerReply> {
    const query = new URLSearchParams(secret === undefined ? {} : { secret });
    return this.call({ method: 'GET', path: '/v1/ledger', query }, ledgerReply);
  }

  /** What this manager has written down, the oldest first. */
  async audit({ tail, ...filter }: RecordFilter): Promise<readonly ShownRecord[]> {
    const query = new URLSearchParams({ tail: String(tail) });
    for (const [key, value] of Object.entries(filter)) {
      if (value !== undefined) {
        query.set(key, String(value));
      }
    }
    return (await this.call({ method: 'GET', path: '/v1/audit', query }, auditReply)).records;
  }

  verifyAudit(): Promise<AuditVerifyReply> {
    return this.call({ method: 'GET', path: '/v1/audit/verify' }, auditVerifyReply);
  }

  /** That a record was lost is not told any more. */
  async acknowledgeAuditLoss({ at_ms, seq }: LostRecord): Promise<LostRecord> {
    const path = '/v1/audit/acknowledge';
    return (await this.call({ method: 'POST', path, body: { seq, at_ms } }, auditAcknowledgeReply)).lost;
  }

  async checks(): Promise<readonly Check[]> {
    return (await this.call({ method: 'GET', path: '/v1/doctor' }, replies.doctorReply)).checks;
  }

  /** In the text format of Prometheus. */
  metrics(): Promise<string> {
    return this.#exchange({ method: 'GET', path: '/metrics' }, async (response) =>
      textIn(response.statusCode ?? 0, await readText(response)),
    );
  }

  /** What the schedule of this manager has made, and is to make. */
  scheduledBackups(): Promise<ScheduledBackupsReply> {
    return this.call({ method: 'GET', path: '/v1/backups' }, replies.scheduledBackupsReply);
  }

  /** What a scheduled backup of this manager begins with. */
  backupHeader(file: string): Promise<BackupHeaderReply> {
    const query = new URLSearchParams({ file });
    return this.call({ method: 'GET', path: '/v1/backups/header', query }, replies.backupHeaderReply);
  }

  /** `text` is the key, or shares of it with each on a line. Resolves when the store serves. */
  async unlock(text: Buffer): Promise<UnlockReply> {
    const shape = { method: 'POST', path: '/v1/unlock', body: text, timeout_ms: UNLOCK_TIMEOUT_MS } as const;
    return this.call(shape, replies.unlockReply);
  }

  /** One request, whose reply must be of the schema. */
  async call<Reply>(shape: RequestShape, schema: replies.ReplySchema<Reply>): Promise<Reply> {
    return this.#exchange(shape, async (response) =>
      replyIn(response.statusCode ?? 0, await readText(response), schema),
    );
  }

  async #exchange<Reply>(
    shape: RequestShape,
    read: (response: IncomingMessage) => Promise<Reply>,
  ): Promise<Reply> {
    const request = this.#start(shape);
    const timeout_ms = shape.timeout_ms ?? this.#timeout_ms;
    const late = setTimeout(
      () => request.destroy(requestError(`the daemon did not answer within ${timeout_ms / 1_000} s`)),
      timeout_ms,
    );
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve).once('error', reject);
      });
      return await read(response);
    } catch (thrown) {
      throw explained(thrown, this.socketPath);
    } finally {
      clearTimeout(late);
      // What fails after the answer has come no longer matters.
      request.on('error', () => undefined);
    }
  }

  #start({ method, path, query, body }: RequestShape): ClientRequest {
    const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const request = httpRequest({
      // Without an agent, which would first look whether the daemon's name is an address.
      createConnection: () => connect(this.socketPath),
      method,
      path: query === undefined || query.size === 0 ? path : `${path}?${query.toString()}`,
      headers: {
        host: 'coffer',
        ...(bytes !== undefined && {
          'content-type': bytes === body ? 'application/octet-stream' : 'application/json',
          'content-length': bytes.length,
        }),
      },
    });
    return request.end(bytes);
  }
}

function secretPath(reference: string): string {
  return `/v1/secrets/${encodeURIComponent(reference)}`;
}

/** What a put says in its query. */
export function putQuery({ expect, labels }: PutWish): URLSearchParams {
  const query = new URLSearchParams({ expect: String(expect) });
  for (const [key, value] of Object.entries(labels ?? {})) {
    query.append('label', `${key}=${value}`);
  }
  return query;
}

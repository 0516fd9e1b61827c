// SPDX-License-Identifier: Apache-2.0
// A record of the audit log: one line of JSON that names what happened, and never a value.
import * as v from 'valibot';

export const AUDIT_EVENTS = [
  'start',
  'stop',
  'unlock',
  'deliver',
  'refuse',
  'canary',
  'put',
  'rollback',
  'rotate',
  'destroy',
  'prune',
  'remove',
  'set-labels',
  'reveal',
  'restore',
  'backup',
  'grant',
  'revoke',
  'policy',
  'join',
  'set-role',
  'remove-node',
  'join-token',
  'rotate-ca',
  'autolock',
  'unlock-key',
  'rotate-data-key',
  'sealing-key',
  'reseal',
  'purge',
  'schedule',
  'rebuild',
  'acknowledge',
  'force-new-cluster',
  'rotate-file',
  'missed',
] as const;
export type AuditEvent = (typeof AUDIT_EVENTS)[number];

/** What happened, to what, for whom. What does not apply is absent. */
export interface AuditFields {
  readonly secret?: string | undefined;
  readonly version?: number | undefined;
  /** That was not mounted. */
  readonly volume?: string | undefined;
  /** Of the task; of a volume, the services and the containers that mount it. */
  readonly service?: string | undefined;
  readonly task?: string | undefined;
  /** The engine's node of the task, or the node that joined or was removed. */
  readonly to?: string | undefined;
  /** The way by which it was asked or given: `engine`, `volume`, `control`, `gateway`, `schedule`. */
  readonly by?: string | undefined;
  /** Of what was refused. */
  readonly code?: string | undefined;
  /** The id of the request of the control API by which it came. */
  readonly request?: string | undefined;
  /** A few words more. */
  readonly detail?: string | undefined;
  /** Of a `rotate-file`: the oldest record that is kept. */
  readonly from?: number | undefined;
}

export interface AuditRecord extends AuditFields {
  /** Counts on by one, from 1. */
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** One name for all records that hang together. */
  readonly chain: string;
  /** This manager's id in its cluster; empty before it has one. */
  readonly node: string;
  readonly event: AuditEvent;
  /** SHA-256 of the line before, base64url; of the first one `NO_LINE`. */
  readonly prev: string;
}

/** With its newline. */
export const LINE_BYTES_MAX = 4_096;

/** Bytes of JSON of one text; all of them together stay below a line. */
const TEXT_BYTES_MAX = 400;
/** A text that is so short has less: two quotes, and an escape of 6 bytes at most for each of its 16-bit units. */
const SHORT_LENGTH = Math.floor((TEXT_BYTES_MAX - 2) / 6);

const text = v.optional(v.string());
const count = v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0)));
const recordSchema = v.strictObject({
  seq: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  at: v.pipe(v.string(), v.isoTimestamp()),
  chain: v.string(),
  node: v.string(),
  event: v.picklist(AUDIT_EVENTS),
  secret: text,
  version: count,
  volume: text,
  service: text,
  task: text,
  to: text,
  by: text,
  code: text,
  request: text,
  detail: text,
  from: count,
  prev: v.string(),
});

/** The line of a record, without its newline. Texts that are too long are cut. */
export function encodeRecord(record: AuditRecord): string {
  const { at, chain, event, from, node, prev, seq, version } = record;
  return JSON.stringify({
    seq,
    at,
    chain,
    node: bounded(node),
    event,
    secret: bounded(record.secret),
    version,
    volume: bounded(record.volume),
    service: bounded(record.service),
    task: bounded(record.task),
    to: bounded(record.to),
    by: bounded(record.by),
    code: bounded(record.code),
    request: bounded(record.request),
    detail: bounded(record.detail),
    from,
    prev,
  });
}

/** Undefined for what `encodeRecord` does not write. */
export function decodeRecord(line: string): AuditRecord | undefined {
  if (line.length >= LINE_BYTES_MAX) {
    return undefined;
  }
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  const parsed = v.safeParse(recordSchema, json);
  return parsed.success ? parsed.output : undefined;
}

function bounded<Text extends string | undefined>(given: Text): Text | string {
  if (given === undefined || given.length <= SHORT_LENGTH) {
    return given;
  }
  let kept: string = given.slice(0, TEXT_BYTES_MAX);
  // Each turn takes off a quarter, so that there are a handful.
  while (Buffer.byteLength(JSON.stringify(kept)) > TEXT_BYTES_MAX) {
    kept = kept.slice(0, Math.floor((kept.length * 3) / 4));
  }
  return kept;
}

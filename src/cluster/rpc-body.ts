// SPDX-License-Identifier: Apache-2.0
// The bodies of calls between nodes: JSON, held against a schema before anything is done with it.
import * as v from 'valibot';
import { CofferError, parseJson, REQUEST_ID_PATTERN } from '../common/index.ts';
import { PEM_BYTES_MAX, ROLES, TEXT_BYTES_MAX } from '../membership/index.ts';
import { managersSchema } from './identity.ts';
import { REPORT_TEXT_MAX, REPORTED_REFUSALS_MAX, REPORTED_USERS_MAX } from './report-model.ts';

const text = v.pipe(v.string(), v.maxLength(TEXT_BYTES_MAX));
const pem = v.pipe(v.string(), v.maxLength(PEM_BYTES_MAX));
const pems = v.pipe(v.array(pem), v.minLength(1), v.maxLength(4));
const integer = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const told = v.pipe(v.string(), v.maxLength(REPORT_TEXT_MAX));
const refusalReason = {
  at_ms: v.number(),
  code: told,
  message: told,
  hint: v.optional(told),
  count: integer,
};

/** Bodies of requests and replies, by the methods that they belong to. */
export const BODY = {
  nothing: v.strictObject({}),
  /** What a stranger is told: PEM of the roots. */
  authority: v.object({ roots: pems }),
  /** What a node that joins sends, once it knows whom it speaks to. */
  join: v.strictObject({
    tokenId: text,
    secret: v.pipe(v.string(), v.maxLength(64), v.base64()),
    role: v.picklist(ROLES),
    request: pem,
    hostname: text,
    address: text,
    engineNodeId: text,
  }),
  /** Who a node is now. */
  identity: v.object({
    clusterId: text,
    nodeId: text,
    role: v.picklist(ROLES),
    raftId: integer,
    certificates: pems,
    roots: pems,
    managers: managersSchema,
  }),
  /** What a node says of itself. Of its engine nothing, while that has not answered; empty: it is in no swarm. */
  hello: v.strictObject({ hostname: text, address: text, engineNodeId: v.optional(text) }),
  /** What it is told: what it should be, whom it should trust (the root that issues first), whom it can call. */
  welcome: v.object({
    role: v.picklist(ROLES),
    raftId: integer,
    roots: pems,
    managers: managersSchema,
    leader: text,
  }),
  renew: v.strictObject({ request: pem }),
  /** The unlock keys that a locked manager could open its files with; the answer is the key itself, and no JSON. */
  unlock: v.strictObject({
    unlockKeyIds: v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.minLength(1), v.maxLength(4)),
  }),
  /** A call of the administration, for the leader to carry out. */
  admin: v.strictObject({
    call: text,
    arguments: v.pipe(v.array(v.unknown()), v.maxLength(4)),
    /** The id of the request that it was typed with. */
    request: v.optional(v.pipe(v.string(), v.regex(REQUEST_ID_PATTERN))),
  }),
  /** Where a manager's log ends. */
  position: v.object({ term: integer, index: integer }),
  /** What a manager has refused, and how it is. */
  reportReply: v.object({
    now_ms: v.number(),
    driverName: told,
    auditProblem: v.optional(told),
    refusals: v.pipe(
      v.array(
        v.variant('kind', [
          v.object({
            kind: v.literal('secret'),
            service: told,
            serviceId: told,
            task: told,
            secret: told,
            ...refusalReason,
          }),
          v.object({
            kind: v.literal('volume'),
            volume: told,
            users: v.pipe(v.array(told), v.maxLength(REPORTED_USERS_MAX)),
            ...refusalReason,
          }),
        ]),
      ),
      v.maxLength(REPORTED_REFUSALS_MAX),
    ),
  }),
  adminReply: v.object({ result: v.unknown() }),
} as const;

type Schema = v.GenericSchema;

export function encodeBody<S extends Schema>(_schema: S, body: v.InferInput<S>): Buffer {
  return Buffer.from(JSON.stringify(body));
}

/** Throws `request.invalid` for what does not fit. */
export function decodeBody<S extends Schema>(schema: S, bytes: Buffer): v.InferOutput<S> {
  const parsed = v.safeParse(schema, parseJson(bytes.toString('utf8')));
  if (!parsed.success) {
    throw new CofferError('request.invalid', 'the other node has sent what this version does not understand');
  }
  return parsed.output;
}

export type JoinRequest = v.InferOutput<typeof BODY.join>;
export type IssuedIdentity = v.InferOutput<typeof BODY.identity>;
export type Hello = v.InferOutput<typeof BODY.hello>;
export type Welcome = v.InferOutput<typeof BODY.welcome>;

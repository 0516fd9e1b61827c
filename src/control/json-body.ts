// SPDX-License-Identifier: Apache-2.0
// The few request bodies of the control API that are JSON. An unknown key is refused, as in the query.
import type { IncomingMessage } from 'node:http';
import * as v from 'valibot';
import { CofferError, MINUTE_MS, readBody } from '../common/index.ts';
import { ROTATION_TIMEOUT_MAX_MS, ROTATION_TIMEOUT_MIN_MS } from '../membership/index.ts';

/** Far more than any of them needs. */
const JSON_BYTES_MAX = 16 * 1024;

const DAY_MS = 24 * 60 * MINUTE_MS;
const TTL_SENTENCE = 'ttl_ms is a whole number, 60000 (a minute) to 2592000000 (30 days)';
const USES_SENTENCE = 'uses is a whole number, 1 to 1000';
const LIFETIME_SENTENCE = 'lifetime_ms is a whole number of milliseconds';

function wholeNumber(
  sentence: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): v.GenericSchema<number> {
  return v.pipe(
    v.number(sentence),
    v.safeInteger(sentence),
    v.minValue(least, sentence),
    v.maxValue(most, sentence),
  );
}

const role = v.picklist(['manager', 'worker'], 'role is manager or worker');

const SHARES_SENTENCE = 'shares is {"threshold": K, "count": N}, whole numbers with 2 <= K <= N <= 16';
const share = wholeNumber(SHARES_SENTENCE, 2, 16);

const SCHEDULE_SENTENCE = 'every_ms is a whole number of milliseconds; 0 means off';
const period = wholeNumber(SCHEDULE_SENTENCE, 0);
const KEEP_SENTENCE = 'keep is a whole number, 1 to 10000';
const RECIPIENTS_SENTENCE = 'recipients is a list of 1 to 16 recipients';

const backupSchedule = v.strictObject({
  every_ms: v.pipe(period, v.minValue(1, SCHEDULE_SENTENCE)),
  offset_ms: v.optional(period),
  recipients: v.pipe(
    v.array(
      v.pipe(v.string(RECIPIENTS_SENTENCE), v.maxLength(512, RECIPIENTS_SENTENCE)),
      RECIPIENTS_SENTENCE,
    ),
    v.minLength(1, RECIPIENTS_SENTENCE),
    v.maxLength(16, RECIPIENTS_SENTENCE),
  ),
  keep: wholeNumber(KEEP_SENTENCE, 1, 10_000),
});

const LAST_ENTRY_SENTENCE = 'lastEntry is {"term": T, "index": N}, whole numbers from 1 on';
const entryNumber = wholeNumber(LAST_ENTRY_SENTENCE, 1);
const told = v.pipe(
  v.array(
    v.strictObject({
      node: v.pipe(v.string('node is a name or an id'), v.maxLength(256, 'node is a name or an id')),
      lastEntry: v.strictObject({ term: entryNumber, index: entryNumber }),
    }),
    'told is a list of {"node", "lastEntry"}',
  ),
  v.maxLength(15, 'told names 15 managers at most'),
);

const LABELS_SENTENCE = 'labels is an object of texts';
/** Not a record of valibot's, which leaves out keys such as `constructor`: a label less makes a grant wider. */
const labels = v.pipe(
  v.custom<Readonly<Record<string, string>>>(isTextRecord, LABELS_SENTENCE),
  v.transform((given) => Object.fromEntries(Object.entries(given))),
);
const NODE_SENTENCE = 'node is a name or an id';
const grantWish = v.strictObject({
  secret: v.string('secret is the name of a secret'),
  node: v.pipe(v.string(NODE_SENTENCE), v.maxLength(256, NODE_SENTENCE)),
  container: v.optional(filled("container is a container's name; left out, it is any")),
  labels: v.optional(labels),
  image: v.optional(filled("image is an image's name; left out, it is any")),
});

const effect = v.picklist(['allow', 'deny'], 'effect is allow or deny');
const policyRuleWish = v.strictObject({
  effect,
  secret: v.string("secret is a secret's name, or a pattern of names"),
  service: v.optional(filled("service is a service's name, or a pattern; left out, it is any")),
  stack: v.optional(filled("stack is a stack's name; left out, it is any")),
  serviceLabels: v.optional(labels),
  image: v.optional(filled("image is an image's name; left out, it is any")),
  node: v.optional(filled('node is a name or an id; left out, it is any')),
  nodeLabels: v.optional(labels),
});

const RECORD_SENTENCE = 'seq and at_ms are numbers of a record, as GET /v1/audit/verify tells it';
const recordNumber = wholeNumber(RECORD_SENTENCE, 0);

/** In the place of valibot's own, which quotes what it was given: that may be the token. */
const JOIN_SENTENCE = 'join is a list of up to 16 addresses, HOST or HOST:PORT';
const TOKEN_SENTENCE = 'token is a join token';
const NAMES_SENTENCE = 'names is a list of names of secrets';
const TIMEOUT_SENTENCE = 'timeout_ms is how long each service is waited for, 10 seconds to a day';
const swarmImport = v.strictObject({
  names: v.pipe(
    v.array(v.pipe(v.string(NAMES_SENTENCE), v.maxLength(64, NAMES_SENTENCE)), NAMES_SENTENCE),
    v.maxLength(200, 'names has 200 names at most'),
  ),
  apply: v.boolean('apply is true or false'),
  dryRun: v.boolean('dryRun is true or false'),
  timeout_ms: wholeNumber(TIMEOUT_SENTENCE, ROTATION_TIMEOUT_MIN_MS, ROTATION_TIMEOUT_MAX_MS),
});

const address = v.pipe(v.string(JOIN_SENTENCE), v.maxLength(256, JOIN_SENTENCE));

export const BODIES = {
  swarmImport,
  grantWish,
  policyRuleWish,
  policyDefault: v.strictObject({ effect }),
  lostRecord: v.strictObject({ seq: recordNumber, at_ms: recordNumber }),
  dataKeySchedule: v.strictObject({ every_ms: period }),
  /** `null` turns it off. */
  backupSchedule: v.strictObject({ schedule: v.nullable(backupSchedule) }),
  autolock: v.strictObject({
    enabled: v.boolean('enabled is true or false'),
    peerUnlock: v.optional(v.boolean('peerUnlock is true or false')),
  }),
  peerUnlock: v.strictObject({ enabled: v.boolean('enabled is true or false') }),
  survivors: v.strictObject({ told }),
  forceNewCluster: v.strictObject({
    told,
    othersAreGone: v.boolean('othersAreGone is true or false'),
  }),
  unlockKeyWish: v.strictObject({
    rotate: v.optional(v.boolean('rotate is true or false')),
    shares: v.optional(
      v.pipe(
        v.strictObject({ threshold: share, count: share }),
        v.check(({ count, threshold }) => threshold <= count, SHARES_SENTENCE),
      ),
    ),
  }),
  role: v.strictObject({ role, force: v.optional(v.boolean('force is true or false'), false) }),
  rebuildWish: v.strictObject({
    join: v.optional(v.pipe(v.array(address, JOIN_SENTENCE), v.maxLength(16, JOIN_SENTENCE)), []),
    token: v.optional(v.pipe(v.string(TOKEN_SENTENCE), v.maxLength(1_024, TOKEN_SENTENCE))),
  }),
  lifetime: v.strictObject({
    lifetime_ms: wholeNumber(LIFETIME_SENTENCE, 1),
  }),
  tokenWish: v.strictObject({
    role,
    ttl_ms: v.optional(wholeNumber(TTL_SENTENCE, MINUTE_MS, 30 * DAY_MS)),
    uses: v.optional(wholeNumber(USES_SENTENCE, 1, 1_000)),
    rotate: v.optional(v.boolean('rotate is true or false')),
  }),
} as const;

/**
 * Reads a body of `application/json`, 16 KiB at most, by its schema. Throws `request.too-large`, and
 * `request.invalid` with one sentence about the first thing wrong.
 */
export async function readJson<const Schema extends (typeof BODIES)[keyof typeof BODIES]>(
  request: IncomingMessage,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new CofferError('request.invalid', 'the body is JSON', {
      hint: 'Send it with "Content-Type: application/json".',
    });
  }
  const bytes = await readBody(request, {
    limit_bytes: JSON_BYTES_MAX,
    tooLarge: () => new CofferError('request.too-large', `the body has ${JSON_BYTES_MAX} bytes at most`),
  });
  const result = v.safeParse(schema, parse(bytes), { abortEarly: true });
  if (result.success) {
    return result.output;
  }
  const [issue] = result.issues;
  throw new CofferError('request.invalid', sentenceOf(issue));
}

function filled(sentence: string): v.GenericSchema<string> {
  return v.pipe(v.string(sentence), v.minLength(1, sentence));
}

function isTextRecord(given: unknown): boolean {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  return isObject && Object.values(given).every((text) => typeof text === 'string');
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    throw new CofferError('request.invalid', 'the body is not JSON');
  }
}

function sentenceOf(issue: v.BaseIssue<unknown>): string {
  if (issue.type !== 'strict_object') {
    return issue.message;
  }
  const key = v.getDotPath(issue)?.slice(0, 100);
  if (key === undefined) {
    return 'the body is a JSON object';
  }
  return issue.expected === 'never'
    ? `unknown key ${JSON.stringify(key)} in the body`
    : `the body lacks ${JSON.stringify(key)}`;
}

// SPDX-License-Identifier: Apache-2.0
// The query parameters of the control API. An unknown one is refused: a misspelt `expect` must not overwrite.
import * as v from 'valibot';
import { AUDIT_EVENTS } from '../audit/index.ts';
import { CofferError } from '../common/index.ts';
import { ROTATION_TIMEOUT_MAX_MS, ROTATION_TIMEOUT_MIN_MS } from '../membership/index.ts';
import { DESTROYED_PER_COMMAND, type Labels, type PutValue, VERSIONS_KEPT } from '../secrets/index.ts';

const EXPECT_SENTENCE = 'expect is always, absent or a version number';
const VERSION_PATTERN = /^\d{1,15}$/;

const expect = v.optional(
  v.pipe(
    v.string(EXPECT_SENTENCE),
    v.check((text) => text === 'always' || text === 'absent' || VERSION_PATTERN.test(text), EXPECT_SENTENCE),
    v.transform((text): PutValue['expect'] => (text === 'always' || text === 'absent' ? text : Number(text))),
  ),
  'always',
);

const labels = v.optional(
  v.pipe(
    v.union([v.string(), v.array(v.string())]),
    v.transform((given) => (typeof given === 'string' ? [given] : given)),
    v.check((given) => given.every((label) => label.indexOf('=') > 0), 'label is key=value'),
    v.transform(
      (given): Labels =>
        Object.fromEntries(
          given.map((label) => [label.slice(0, label.indexOf('=')), label.slice(label.indexOf('=') + 1)]),
        ),
    ),
  ),
);

const REQUEST_SENTENCE = 'request is an id of 32 hexadecimal digits, in lower case';

/** Whoever got no answer asks again with the same id, also another manager: the change is made once. */
const requestId = v.optional(v.pipe(v.string(REQUEST_SENTENCE), v.regex(/^[0-9a-f]{32}$/, REQUEST_SENTENCE)));

const noQuery = v.strictObject({});
const putQuery = v.strictObject({ expect, label: labels, request: requestId });
const generateQuery = v.strictObject({
  expect,
  label: labels,
  request: requestId,
  spec: v.string('spec says what to generate: hex:32, base64:32, password:24 or uuid'),
});
const NUMBER_SENTENCE = 'version and expect are numbers of versions';
const versionNumber = v.pipe(
  v.string(NUMBER_SENTENCE),
  v.regex(/^[1-9]\d{0,9}$/, NUMBER_SENTENCE),
  v.transform(Number),
);
const rollbackQuery = v.strictObject({
  version: v.optional(versionNumber),
  expect: v.optional(versionNumber),
});
const PRUNE_SENTENCE = `keep is how many versions are kept, 1 to ${VERSIONS_KEPT}`;
const pruneQuery = v.strictObject({
  keep: v.pipe(
    v.string(PRUNE_SENTENCE),
    v.regex(/^[1-9]\d?$/, PRUNE_SENTENCE),
    v.transform(Number),
    v.maxValue(VERSIONS_KEPT, PRUNE_SENTENCE),
  ),
});
const revealQuery = v.strictObject({ version: v.optional(versionNumber) });
/** Of a secret, at least one. */
const destroyQuery = v.strictObject({
  version: v.pipe(
    v.union(
      [v.string(NUMBER_SENTENCE), v.array(v.string(NUMBER_SENTENCE), NUMBER_SENTENCE)],
      NUMBER_SENTENCE,
    ),
    v.transform((given) => (typeof given === 'string' ? [given] : given)),
    v.array(versionNumber),
    v.maxLength(DESTROYED_PER_COMMAND, `one call destroys ${DESTROYED_PER_COMMAND} versions at most`),
  ),
});
const TIMEOUT_SENTENCE = 'timeout_ms is how long each service is waited for, 10 seconds to a day';
const rotateQuery = v.strictObject({
  renew: v.optional(v.picklist(['0', '1'], 'renew is 0 or 1'), '0'),
  expect: v.optional(versionNumber),
  spec: v.optional(v.string('spec says what to generate: hex:32, base64:32, password:24 or uuid')),
  timeout_ms: v.optional(
    v.pipe(
      v.string(TIMEOUT_SENTENCE),
      v.regex(/^\d{1,9}$/, TIMEOUT_SENTENCE),
      v.transform(Number),
      v.minValue(ROTATION_TIMEOUT_MIN_MS, TIMEOUT_SENTENCE),
      v.maxValue(ROTATION_TIMEOUT_MAX_MS, TIMEOUT_SENTENCE),
    ),
    '600000',
  ),
});
const removeQuery = v.strictObject({ force: v.optional(v.picklist(['0', '1'], 'force is 0 or 1'), '0') });
/** Of whatever has refusals, or is asked about. */
const refusalsQuery = v.strictObject({
  name: v.optional(
    v.pipe(v.string('name is one name'), v.maxLength(1_024, 'name is longer than 1024 characters')),
  ),
});

const restoreQuery = v.strictObject({
  existing: v.optional(
    v.picklist(['refuse', 'skip', 'replace'], 'existing is refuse, skip or replace'),
    'refuse',
  ),
  check: v.optional(v.picklist(['0', '1'], 'check is 0 or 1'), '0'),
});

const SECRET_SENTENCE = 'secret is the name of a secret';
const secretName = v.optional(v.pipe(v.string(SECRET_SENTENCE), v.maxLength(64, SECRET_SENTENCE)));
const NODE_SENTENCE = 'node is a name or an id';
const grantsQuery = v.strictObject({
  secret: secretName,
  node: v.optional(v.pipe(v.string(NODE_SENTENCE), v.maxLength(256, NODE_SENTENCE))),
});

const SERVICE_SENTENCE = 'service is the name of a service';
const policyTestQuery = v.strictObject({
  service: v.optional(v.pipe(v.string(SERVICE_SENTENCE), v.maxLength(256, SERVICE_SENTENCE))),
  secret: v.optional(v.pipe(v.string(SECRET_SENTENCE), v.maxLength(64, SECRET_SENTENCE))),
  default: v.optional(v.picklist(['allow', 'deny'], 'default is allow or deny')),
});

const FILE_SENTENCE = 'file is the name of a scheduled backup';
const fileName = v.pipe(v.string(FILE_SENTENCE), v.maxLength(255, FILE_SENTENCE));
const SIZE_SENTENCE = 'size is the number of bytes of the file';

const SINCE_SENTENCE = 'since_ms is a time in milliseconds since 1970';
const TAIL_SENTENCE = 'tail is how many records are shown, 1 to 100000';
const auditQuery = v.strictObject({
  since_ms: v.optional(
    v.pipe(v.string(SINCE_SENTENCE), v.regex(/^\d{1,15}$/, SINCE_SENTENCE), v.transform(Number)),
  ),
  secret: secretName,
  event: v.optional(v.picklist(AUDIT_EVENTS, `event is one of ${AUDIT_EVENTS.join(', ')}`)),
  tail: v.optional(
    v.pipe(
      v.string(TAIL_SENTENCE),
      v.regex(/^[1-9]\d{0,5}$/, TAIL_SENTENCE),
      v.transform(Number),
      v.maxValue(100_000, TAIL_SENTENCE),
    ),
  ),
});

export const QUERIES = {
  audit: auditQuery,
  backupHeader: v.strictObject({ file: fileName }),
  drill: v.strictObject({
    file: v.optional(fileName),
    size: v.optional(
      v.pipe(v.string(SIZE_SENTENCE), v.regex(/^\d{1,15}$/, SIZE_SENTENCE), v.transform(Number)),
      '0',
    ),
  }),
  grants: grantsQuery,
  ledger: v.strictObject({ secret: secretName }),
  none: noQuery,
  policyTest: policyTestQuery,
  put: putQuery,
  generate: generateQuery,
  remove: removeQuery,
  rollback: rollbackQuery,
  rotate: rotateQuery,
  rotations: v.strictObject({ secret: secretName }),
  destroy: destroyQuery,
  prune: pruneQuery,
  reveal: revealQuery,
  refusals: refusalsQuery,
  restore: restoreQuery,
} as const;

/** Reads a query by its schema. Throws `request.invalid` with one sentence about the first thing wrong. */
export function readQuery<const Schema extends (typeof QUERIES)[keyof typeof QUERIES]>(
  schema: Schema,
  query: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, { ...(query as object) }, { abortEarly: true });
  if (result.success) {
    return result.output;
  }
  const [issue] = result.issues;
  const key = JSON.stringify(v.getDotPath(issue)?.slice(0, 100));
  throw new CofferError(
    'request.invalid',
    issue.type === 'strict_object' && issue.expected === 'never'
      ? `unknown query parameter ${key}`
      : issue.message,
  );
}

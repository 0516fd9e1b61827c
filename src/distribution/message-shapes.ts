// SPDX-License-Identifier: Apache-2.0
// What messages look like as JSON. A key that is not known is refused: a protocol that says more has another name.
import * as v from 'valibot';
import { ID_LENGTH_MAX, NAME_LENGTH_MAX, VALUE_BYTES_MAX } from '../secrets/index.ts';
import { CONTAINERS_MAX, LABELS_MAX, TEXT_CHARACTERS_MAX } from './protocol.ts';

/** A day: no session waits longer for a sign of life. */
const HEARTBEAT_MAX_MS = 24 * 60 * 60 * 1_000;
const CODE_CHARACTERS_MAX = 64;
/** A sentence that names a volume or two. */
const SENTENCE_CHARACTERS_MAX = 2_048;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const shortText = v.pipe(v.string(), v.maxLength(TEXT_CHARACTERS_MAX));
const session = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const id = v.pipe(v.string(), v.regex(/^[0-9A-Za-z_-]+$/), v.maxLength(ID_LENGTH_MAX));
const secretName = v.pipe(v.string(), v.nonEmpty(), v.maxLength(NAME_LENGTH_MAX));

const containerId = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const labels = v.pipe(
  v.record(shortText, shortText),
  v.check((record) => Object.keys(record).length <= LABELS_MAX),
);

const container = v.strictObject({
  id: containerId,
  name: shortText,
  image: shortText,
  imageId: v.pipe(v.string(), v.regex(/^(?:sha256:[0-9a-f]{64})?$/)),
  labels,
  taskId: v.union([v.literal(''), id]),
});

const facts = v.strictObject({
  containers: v.pipe(
    v.array(container),
    v.maxLength(CONTAINERS_MAX),
    v.check((containers) => new Set(containers.map((one) => one.id)).size === containers.length),
  ),
});

/** `NodeMessage`. */
export const nodeMessage = v.variant('kind', [
  v.strictObject({ kind: v.literal('register'), facts }),
  v.strictObject({ kind: v.literal('heartbeat'), session }),
  v.strictObject({ kind: v.literal('report'), session, facts }),
  v.strictObject({ kind: v.literal('acknowledge'), session, sequence: count }),
]);

const holderKey = v.pipe(v.string(), v.regex(/^(?:task|container)\/[0-9A-Za-z_-]{1,64}$/));

const holder = v.strictObject({
  key: holderKey,
  secrets: v.array(v.strictObject({ secretId: id, name: secretName })),
  refused: v.array(
    v.strictObject({
      name: shortText,
      code: v.pipe(v.string(), v.maxLength(CODE_CHARACTERS_MAX)),
      message: v.pipe(v.string(), v.maxLength(SENTENCE_CHARACTERS_MAX)),
    }),
  ),
});

/** `Change`, with the size of a value in its place. */
const changeHead = v.variant('kind', [
  v.strictObject({
    kind: v.literal('put-secret'),
    secretId: id,
    name: secretName,
    version: count,
    size_bytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(VALUE_BYTES_MAX)),
  }),
  v.strictObject({ kind: v.literal('remove-secret'), secretId: id }),
  v.strictObject({ kind: v.literal('put-holder'), holder }),
  v.strictObject({ kind: v.literal('remove-holder'), key: holderKey }),
]);

/** `ManagerMessage`, with the sizes of values in their places. */
export const managerHead = v.variant('kind', [
  v.strictObject({
    kind: v.literal('registered'),
    session,
    heartbeat_ms: v.pipe(count, v.maxValue(HEARTBEAT_MAX_MS)),
  }),
  v.strictObject({
    kind: v.literal('assignment'),
    session,
    sequence: count,
    complete: v.boolean(),
    more: v.boolean(),
    changes: v.array(changeHead),
  }),
]);

export type ChangeHead = v.InferOutput<typeof changeHead>;
export type ManagerHead = v.InferOutput<typeof managerHead>;

// SPDX-License-Identifier: Apache-2.0
export { refuseBadRequests } from './bad-requests.ts';
export { base64Length, writeBase64 } from './base64.ts';
export { ByteReader, ByteWriter, ownCopy, pooledWriter, u64Bytes, writeU64 } from './bytes.ts';
export { ConnectionBounds, type ConnectionBoundsOptions, PIPELINED_MAX } from './connection-bounds.ts';
export { withDeadline } from './deadline.ts';
export { DAY_MS, formatDuration, HOUR_MS, MINUTE_MS, parseDuration_ms } from './duration.ts';
export {
  CofferError,
  ERROR_CODES,
  invariant,
  isErrorCode,
  systemErrorCode,
  unreachable,
  type ErrorCode,
} from './errors.ts';
export { globMatcher, globMatches } from './glob.ts';
export { parseJson } from './json.ts';
export { silentLogger, type LogFields, type Logger } from './logger.ts';
export { readBody } from './read-body.ts';
export {
  currentRequest,
  outsideRequests,
  REQUEST_ID_PATTERN,
  RequestContext,
} from './request-context.ts';
export { sameTexts } from './same-texts.ts';
export { isSecretName, NAME_LENGTH_MAX } from './secret-name.ts';
export { SecretMemory } from './secret-memory.ts';
export { SecretValue } from './secret-value.ts';
export { TokenBuckets } from './token-buckets.ts';
export { listenOnUnixSocket } from './unix-socket.ts';
export { wipeStack } from './wipe-stack.ts';

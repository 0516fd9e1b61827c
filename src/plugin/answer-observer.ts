// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from '../common/index.ts';

/** Who counts the answers to GetSecret. Both calls return at once and never throw. */
export interface AnswerObserver {
  /** A value was handed out, so long after the request's head had come. */
  delivered(duration_ms: number): void;
  refused(duration_ms: number, code: ErrorCode): void;
}

// SPDX-License-Identifier: Apache-2.0
import { CofferError, type ErrorCode } from './errors.ts';

/**
 * Settles as `work` does, or rejects with `code` once `timeout_ms` have passed. The work itself goes on: what
 * it does later must be harmless, and its late failure is not an unhandled rejection.
 */
export async function withDeadline<T>(
  work: Promise<T>,
  timeout_ms: number,
  code: ErrorCode,
  sentence: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new CofferError(code, sentence)), timeout_ms);
  });
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}

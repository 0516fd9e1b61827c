// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';

export interface Start {
  readonly bytes: Buffer;
  /** Whether nothing comes after it. If not, the message is paused. */
  readonly isWhole: boolean;
}

/** Reads a message to its end, or until it is longer or takes longer than that. Rejects where it is cut. */
export function readStart(
  message: IncomingMessage,
  { limit_bytes, timeout_ms }: { readonly limit_bytes: number; readonly timeout_ms: number },
): Promise<Start> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size_bytes = 0;
    const settle = (isWhole: boolean): void => {
      release();
      message.pause();
      resolve({ bytes: Buffer.concat(chunks, size_bytes), isWhole });
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      size_bytes += chunk.length;
      if (size_bytes > limit_bytes) {
        settle(false);
      }
    };
    const onEnd = (): void => settle(true);
    const onClose = (): void => {
      release();
      reject(new Error('the message was cut'));
    };
    const timer = setTimeout(() => settle(false), timeout_ms);
    const release = (): void => {
      clearTimeout(timer);
      message.off('data', onData).off('end', onEnd).off('close', onClose);
    };
    message.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

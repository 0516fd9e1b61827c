// SPDX-License-Identifier: Apache-2.0
// What the daemon has answered, as a reply or as the refusal that it is.
import type { IncomingMessage } from 'node:http';
import { safeParse } from 'valibot';
import { parseJson } from '../common/index.ts';
import { type CommandError, requestError } from './command-error.ts';
import * as replies from './replies.ts';

const REPLY_BYTES_MAX = 256 * 1024 * 1024;
/** The daemon's log tells why. What is refused with another one is told in the answer. */
const UNEXPECTED_STATUS = 500;

/** The reply in an answer's text; throws the refusal that stands there, or that it is none of both. */
export function replyIn<Reply>(status: number, text: string, schema: replies.ReplySchema<Reply>): Reply {
  const json = parseJson(text);
  if (status >= 400) {
    throw refusalIn(status, json);
  }
  const reply = safeParse(schema, json);
  if (!reply.success) {
    throw strangeReply(status);
  }
  return reply.output;
}

/** The text that was asked for; throws the refusal that stands there instead. */
export function textIn(status: number, text: string): string {
  if (status !== 200) {
    throw refusalIn(status, parseJson(text));
  }
  return text;
}

function refusalIn(status: number, json: unknown): CommandError {
  const refusal = safeParse(replies.refusedReply, json);
  if (!refusal.success) {
    return strangeReply(status);
  }
  const { hint, message, request } = refusal.output;
  return requestError(message, hint, status === UNEXPECTED_STATUS ? request : undefined);
}

export async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > REPLY_BYTES_MAX) {
      throw requestError(`the daemon's answer is larger than ${REPLY_BYTES_MAX} bytes`);
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function strangeReply(status: number): CommandError {
  return requestError(
    `the answer (HTTP ${status}) is not one that this command line understands`,
    'Is it a coffer daemon, and of the same version? See: coffer version, coffer status',
  );
}

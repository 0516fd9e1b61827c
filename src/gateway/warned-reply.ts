// SPDX-License-Identifier: Apache-2.0
// Sentences put into the `Warnings` of an answer, whose other bytes stay as they are.
import { readJson, hasMore, type JsonDocument, type JsonMember } from './go-json.ts';

/** The answer with these sentences after its own; undefined for what is no JSON object, or has `Warnings` that are no list. */
export function withWarnings(answer: Buffer, sentences: readonly string[]): Buffer | undefined {
  const document = read(answer);
  if (document === undefined) {
    return undefined;
  }
  // Go takes a key whatever its case, and of several the last.
  const named = document.members.filter(({ key }) => key.toLowerCase() === 'warnings');
  const [member] = named;
  const list = sentences.map((sentence) => JSON.stringify(sentence)).join(',');
  if (named.length > 1) {
    return undefined;
  }
  if (member === undefined) {
    const separator = document.members.length === 0 ? '' : ',';
    const at = document.end - 1;
    return spliced(answer, at, at, `${separator}"Warnings":[${list}]`);
  }
  return intoMember(answer, member, list);
}

function intoMember(answer: Buffer, { end, start, type }: JsonMember, list: string): Buffer | undefined {
  if (type === 'null') {
    return spliced(answer, start, end, `[${list}]`);
  }
  if (type !== 'array') {
    return undefined;
  }
  const isEmpty = !hasMore(answer.subarray(start + 1, end - 1), 0);
  return spliced(answer, end - 1, end - 1, `${isEmpty ? '' : ','}${list}`);
}

function spliced(bytes: Buffer, from: number, to: number, text: string): Buffer {
  return Buffer.concat([bytes.subarray(0, from), Buffer.from(text), bytes.subarray(to)]);
}

function read(answer: Buffer): JsonDocument | undefined {
  try {
    const document = readJson(answer);
    return document.type === 'object' && !hasMore(answer, document.end) ? document : undefined;
  } catch {
    return undefined;
  }
}

// SPDX-License-Identifier: Apache-2.0
// Bodies of the plugin protocol: JSON, and nothing of it is believed.
import * as v from 'valibot';
import { CofferError } from '../common/index.ts';

/**
 * What a body says, by its schema; `protocol` is for the sentence. Throws `request.invalid` for anything else; an empty body has a
 * sentence of its own, since the engine sends one whenever it repeats a call whose connection broke.
 */
export function decodePluginBody<Schema extends v.GenericSchema>(
  schema: Schema,
  body: Buffer,
  protocol: string,
): v.InferOutput<Schema> {
  if (body.length === 0) {
    throw new CofferError(
      'request.invalid',
      'the request has no body: the engine repeats this call without one',
    );
  }
  const parsed = v.safeParse(schema, parseJson(body));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const field = v.getDotPath(issue) ?? 'the request';
    throw new CofferError('request.invalid', `${field} is not what the ${protocol} protocol says`);
  }
  return parsed.output;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    // Not the parser's own words: they quote the body.
    throw new CofferError('request.invalid', 'the request is not JSON');
  }
}

// SPDX-License-Identifier: Apache-2.0
// How what the engine says is read: none of it is trusted.
import * as v from 'valibot';
import { CofferError } from '../common/index.ts';

/** An id, or a name that is never empty. */
export const requiredText = v.pipe(v.string(), v.nonEmpty());

/** Empty where the engine leaves it out. */
export const text = v.nullish(v.string(), '');

/** Undefined where the engine leaves it out, or empty. */
export const optionalText = v.pipe(
  v.nullish(v.string(), ''),
  v.transform((given) => (given === '' ? undefined : given)),
);

export const labels = v.nullish(v.record(v.string(), v.string()), {});

/** The output of `shape`; throws `engine.refused` if `json` is not `what` it is to be. */
export function decode<Shape extends v.GenericSchema>(
  shape: Shape,
  json: unknown,
  what: string,
): v.InferOutput<Shape> {
  const result = v.safeParse(shape, json);
  if (!result.success) {
    throw new CofferError('engine.refused', `the engine answered with something that is not ${what}`);
  }
  return result.output;
}

/** As `decode`, of a list, for which an engine may say `null`. */
export function decodeList<Shape extends v.GenericSchema>(
  shape: Shape,
  json: unknown,
  what: string,
): readonly v.InferOutput<Shape>[] {
  return decode(v.array(shape), isNull(json) ? [] : json, what);
}

// dockerode hands out the bytes of an answer that it takes for no JSON, and `null` is one of those.
function isNull(json: unknown): boolean {
  return json === null || (Buffer.isBuffer(json) && json.toString('latin1').trim() === 'null');
}

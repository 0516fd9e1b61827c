// SPDX-License-Identifier: Apache-2.0
// What the schemas of the control API's queries and bodies say, for people.

/** As much of valibot's schemas as is read here. */
interface Schema {
  readonly type: string;
  readonly message?: unknown;
  readonly default?: unknown;
  readonly wrapped?: Schema;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly item?: Schema;
  readonly pipe?: readonly Schema[];
}

/** A line for each key of an object. */
export function keysOf(schema: object): readonly string[] {
  return Object.entries(isSchema(schema) ? (schema.entries ?? {}) : {}).flatMap(([key, inner]) => [
    `- \`${key}\`${presence(inner)}: ${sentenceOf(inner)?.replace(`${key} is `, '') ?? 'an object'}`,
    ...nestedIn(inner).map((line) => `  ${line}`),
  ]);
}

function presence({ default: fallback, type }: Schema): string {
  if (type !== 'optional') {
    return '';
  }
  return typeof fallback === 'string' || typeof fallback === 'boolean'
    ? ` (by default \`${fallback}\`)`
    : ' (optional)';
}

/** The sentence with which it is refused, which is what it should be. */
function sentenceOf(schema: Schema): string | undefined {
  const parts = [schema, ...(schema.pipe ?? []), schema.wrapped, schema.item];
  const told = parts.find((part) => typeof part?.message === 'string')?.message;
  if (typeof told === 'string') {
    return told;
  }
  const inner = schema.wrapped ?? schema.item;
  return inner && sentenceOf(inner);
}

/** Keys of an object that no sentence tells of. */
function nestedIn(schema: Schema): readonly string[] {
  if (sentenceOf(schema) !== undefined) {
    return [];
  }
  const inner = schema.wrapped ?? schema;
  return inner.entries === undefined ? [] : keysOf(inner);
}

function isSchema(value: object): value is Schema {
  return 'type' in value;
}

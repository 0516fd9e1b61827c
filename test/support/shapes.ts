// SPDX-License-Identifier: Apache-2.0
// What a schema allows, without its descriptions and bounds: so that one of valibot's, which the command line reads replies
// with, can be held against one of docs/schema.
import path from 'node:path';
import { dockerForm } from '../../src/cli/text.ts';
import { type JsonSchema, schemaFiles } from './printed-json.ts';

/** An object's keys end in `?` where they may be absent; `a|b` is one of two words; a list of shapes is any of them. */
export type Shape = string | { readonly [key: string]: Shape } | { readonly each: Shape } | readonly Shape[];

/** What valibot's schemas have inside. */
interface Inside {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Inside>>;
  readonly item?: Inside;
  readonly wrapped?: Inside;
  readonly literal?: string;
  readonly options?: readonly unknown[];
}

/** What one of valibot's schemas says of a key; of a list, what it says of each thing in it. */
export function partOf(schema: object, key: string): object {
  const part = insideOf(schema).entries?.[key];
  if (part === undefined) {
    throw new RangeError(`there is no ${key}`);
  }
  return part.item ?? part;
}

function insideOf(schema: object): Inside {
  return schema as Inside;
}

/** What is printed of a reply that one of valibot's schemas reads: its keys in docker's form. */
export function shapeOfReply(schema: object): Shape {
  const inside = insideOf(schema);
  switch (inside.type) {
    case 'object':
      return Object.fromEntries(Object.entries(inside.entries ?? {}).map(propertyOf));
    case 'array':
      return { each: shapeOfReply(inside.item ?? {}) };
    case 'picklist':
      return words(inside.options ?? []);
    case 'variant':
      return (inside.options ?? []).map((option) => shapeOfReply(option as object));
    case 'literal':
      return inside.literal ?? '';
    case 'record':
    case 'custom':
      return 'labels';
    case 'number':
      return 'integer';
    default:
      return inside.type;
  }
}

function propertyOf([key, inside]: readonly [string, Inside]): readonly [string, Shape] {
  const { wrapped } = inside;
  const form = dockerForm({ [key]: 0 }) as Readonly<Record<string, unknown>>;
  const [name = '', printed] = Object.entries(form)[0] ?? [];
  const shape = typeof printed === 'string' ? 'time' : shapeOfReply(wrapped ?? inside);
  return [wrapped === undefined ? name : `${name}?`, shape];
}

/** What the schema in a file of docs/schema allows: of all of it, or of one of its definitions. */
export function shapeOfFile(file: string, definition?: string): Shape {
  const schema = schemaFiles().get(file) ?? {};
  const definitions = schema['$defs'] as Readonly<Record<string, JsonSchema>>;
  return shapeOfSchema(definition === undefined ? schema : (definitions[definition] ?? {}), file);
}

function shapeOfSchema(schema: JsonSchema, file: string): Shape {
  const { $ref: reference, const: constant, enum: choices, items, oneOf, properties, type } = schema;
  if (typeof reference === 'string') {
    return shapeOfReference(reference, file);
  }
  if (Array.isArray(oneOf)) {
    return oneOf.map((one) => shapeOfSchema(one as JsonSchema, file));
  }
  if (Array.isArray(choices)) {
    return words(choices);
  }
  if (typeof constant === 'string') {
    return constant;
  }
  if (items !== undefined) {
    return { each: shapeOfSchema(items as JsonSchema, file) };
  }
  if (properties === undefined) {
    return type === 'object' ? 'labels' : String(type);
  }
  const required = schema['required'] as readonly string[];
  return Object.fromEntries(
    Object.entries(properties as Readonly<Record<string, JsonSchema>>).map(([key, inner]) => [
      required.includes(key) ? key : `${key}?`,
      shapeOfSchema(inner, file),
    ]),
  );
}

function shapeOfReference(reference: string, file: string): Shape {
  const [place = '', definition = ''] = reference.split('#/$defs/');
  if (definition === 'time') {
    return 'time';
  }
  const named = path.join(path.dirname(file), place.replace(/\.json$/, ''));
  return shapeOfFile(place === '' ? file : named, definition);
}

function words(given: readonly unknown[]): string {
  return given.map(String).toSorted().join('|');
}

// SPDX-License-Identifier: Apache-2.0
// What the commands print with --format json, held against the schemas in docs/schema.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { verbOf } from './command-tree.ts';
import { projectRoot } from './project.ts';

/** What stands in a file of docs/schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const EXTENSION = '.json';

let compiled: Ajv2020 | undefined;
let read: ReadonlyMap<string, JsonSchema> | undefined;

/** All files of docs/schema, by what they are called from there: `node-ls`, `common/values`. */
export function schemaFiles(): ReadonlyMap<string, JsonSchema> {
  read ??= readSchemas();
  return read;
}

function readSchemas(): ReadonlyMap<string, JsonSchema> {
  const directory = path.join(projectRoot(), 'docs', 'schema');
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(EXTENSION))
    .sort();
  return new Map(
    files.map((file) => [
      file.slice(0, -EXTENSION.length),
      JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as JsonSchema,
    ]),
  );
}

/** `node-ls` for the verb `node ls`. */
export function schemaName(words: string): string {
  return words.replaceAll(' ', '-');
}

function validatorOf(name: string): ValidateFunction | undefined {
  if (compiled === undefined) {
    compiled = new Ajv2020({ strict: true, allErrors: true });
    for (const [file, schema] of schemaFiles()) {
      compiled.addSchema(schema, `${file}${EXTENSION}`);
    }
  }
  return compiled.getSchema(`${name}${EXTENSION}`);
}

/** Whether a command line asks for JSON. With `--quiet` it prints words alone, whatever the form. */
export function asksForJson(args: readonly string[]): boolean {
  const isJson = args.some(
    (word, at) => word === '--format=json' || (args[at - 1] === '--format' && word === 'json'),
  );
  return isJson && !args.some((word) => word === '-q' || word === '--quiet');
}

/**
 * Rejects unless each line of what a command line with `--format json` has printed is as the schema of its verb says. Other
 * command lines may print what they like.
 */
export async function checkPrinted(args: readonly string[], stdout: string): Promise<void> {
  if (!asksForJson(args)) {
    return;
  }
  const verb = await verbOf(args);
  if (verb !== undefined) {
    const lines = stdout.split('\n').filter((line) => line !== '');
    lines.forEach((line) => checkLine(verb, line));
  }
}

/** Throws unless the line is as the schema of the verb says. */
export function checkLine(verb: string, line: string): void {
  const file = `docs/schema/${schemaName(verb)}${EXTENSION}`;
  const validate = validatorOf(schemaName(verb));
  if (validate === undefined) {
    throw new Error(`coffer ${verb} has printed JSON, and there is no ${file}`);
  }
  const value = parsed(verb, line);
  if (!validate(value)) {
    const faults = (validate.errors ?? []).map(({ instancePath, message = '', params }) =>
      [instancePath, message, JSON.stringify(params)].filter((word) => word !== '').join(' '),
    );
    throw new Error(
      `coffer ${verb} --format json has printed what ${file} does not allow: ${faults.join('; ')}: ${line}`,
    );
  }
}

function parsed(verb: string, line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (cause) {
    throw new Error(`coffer ${verb} --format json has printed a line that is no JSON: ${line}`, { cause });
  }
}

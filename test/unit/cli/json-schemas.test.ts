// SPDX-License-Identifier: Apache-2.0
// docs/schema: each command that prints JSON has a schema, which says all of it; and the check that holds one against the other
// can fail.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { type Verb, verbOf, verbs } from '../../support/command-tree.ts';
import {
  checkLine,
  checkPrinted,
  type JsonSchema,
  schemaFiles,
  schemaName,
} from '../../support/printed-json.ts';
import { projectRoot } from '../../support/project.ts';
import { putValue } from '../../support/test-store.ts';
import { withClusterCli } from './cli-harness.ts';

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';

/** Why these have no --format. */
const WITHOUT: Readonly<Record<string, string>> = {
  'backup-get': 'it prints a value byte for byte, and a value never stands in JSON',
  'backup-key': 'it prints a recipient, which is one word, or an identity, which is for a file',
  run: 'it prints what the program prints that it runs',
  completion: 'it prints the script of a shell',
  ui: 'it prints a link',
  metrics: 'it prints the text format of Prometheus, which is for programs as it is',
};

async function printing(): Promise<readonly Verb[]> {
  return (await verbs()).filter(printsJson);
}

function printsJson({ command }: Verb): boolean {
  return command.options.some(({ long }) => long === '--format');
}

/** Those of commands; the others are parts of them. */
function commandSchemas(): readonly (readonly [string, JsonSchema])[] {
  return [...schemaFiles()].filter(([name]) => !name.startsWith('common/'));
}

test('every command prints JSON for programs, but those of which there is a reason not to', async () => {
  const others = (await verbs()).filter((verb) => !printsJson(verb));
  assert.deepEqual(others.map(({ words }) => words).toSorted(), Object.keys(WITHOUT).toSorted());
});

test('every command that prints JSON has a schema, and every schema has a command', async () => {
  const named = new Map((await printing()).map(({ words }) => [schemaName(words), `coffer ${words}`]));
  const found = new Map(commandSchemas().map(([name, { title }]) => [name, title]));
  assert.deepEqual(found, named);
  assert.ok(named.size > 40, 'the commands are found');
});

function manual(): string {
  return readFileSync(path.join(projectRoot(), 'docs', 'json.md'), 'utf8');
}

test('docs/json.md lists every command with its schema', async () => {
  const text = manual();
  const rows = text.matchAll(/^\| `([a-z -]+)` +\| \[(\S+)\]\(schema\/(\S+)\)/gm);
  const listed = Array.from(rows, ([, words = '', shown = '', file = '']) => `${words}, ${shown}: ${file}`);
  const expected = (await printing()).map(({ words }) => {
    const file = `${schemaName(words)}.json`;
    return `${words}, ${file}: ${file}`;
  });
  assert.deepEqual(new Set(listed), new Set(expected));
});

test('what docs/json.md shows of commands is as their schemas say', async () => {
  const shown = [...manual().matchAll(/ docker coffer (.+ --format json)\n((?: {4}[{[].*\n)+)/g)];
  assert.ok(shown.length >= 3, 'the examples are found');
  for (const [, words = '', lines = ''] of shown) {
    await checkPrinted(words.split(' '), lines);
  }
});

/** Each schema that stands in another one, with where. */
function* within(schema: unknown, place: string): Generator<readonly [string, JsonSchema]> {
  if (Array.isArray(schema)) {
    for (const [at, inner] of schema.entries()) {
      yield* within(inner, `${place}/${at}`);
    }
  } else if (typeof schema === 'object' && schema !== null) {
    const known = schema as JsonSchema;
    yield [place, known];
    for (const [key, inner] of Object.entries(known)) {
      yield* within(inner, `${place}/${key}`);
    }
  }
}

test('a schema says what each property is, which are always there, and that there is no other', () => {
  for (const [name, schema] of schemaFiles()) {
    assert.equal(schema['$schema'], DRAFT, name);
    assert.equal(typeof schema['title'], 'string', name);
    assert.equal(typeof schema['description'], 'string', name);
    for (const [place, inner] of within(schema, name)) {
      if (inner['type'] !== 'object') {
        continue;
      }
      const properties = inner['properties'] as Readonly<Record<string, JsonSchema>> | undefined;
      if (properties === undefined) {
        assert.match(place, /\/labels$/, 'labels alone have keys of all kinds');
        continue;
      }
      assert.equal(inner['additionalProperties'], false, place);
      const required = inner['required'] as readonly string[];
      for (const [key, property] of Object.entries(properties)) {
        const description = property['description'];
        assert.ok(typeof description === 'string' && /[.?]$/.test(description), `${place}: ${key}`);
        const isOptional = !required.includes(key);
        const tells = /absent|without|unless/i.test(description) || name === 'audit';
        assert.ok(!isOptional || tells, `${place}: ${key} says when it is absent`);
      }
      assert.deepEqual(
        required.filter((key) => !(key in properties)),
        [],
        place,
      );
    }
  }
});

test('the verb of a command line is found behind options, by its other names, and for a group itself', async () => {
  for (const [line, words] of [
    ['ls', 'ls'],
    ['list --format json', 'ls'],
    ['--socket /run/x node list -q', 'node ls'],
    ['--context x --debug node rm a', 'node rm'],
    ['cluster --format json', 'cluster'],
    ['cluster update', 'cluster update'],
    ['join-token worker', 'join-token'],
    ['autolock on', 'autolock'],
    ['__complete ls', undefined],
    ['lss', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(await verbOf(line.split(' ')), words, line);
  }
});

/** Lines that commands have printed, of each kind of schema: flat, of parts, an array, one of two. */
async function printedLines(): Promise<readonly (readonly [verb: string, line: string])[]> {
  const lines: (readonly [string, string])[] = [];
  await withClusterCli(async ({ cli, store }) => {
    await putValue(store, 'db', Buffer.from('value'));
    for (const words of [
      'get db',
      'ls',
      'inspect db',
      'history db',
      'cluster',
      'node ls',
      'node inspect one',
      'join-token worker',
      'join-token ls',
      'ca',
      'status',
      'unlock-key',
      'data-key',
      'data-key --all',
      'version',
      'rm db',
    ]) {
      const args = [...words.split(' '), '--format', 'json'];
      const { stdout } = await cli(args);
      const printed = stdout.split('\n').filter((line) => line !== '');
      assert.ok(printed.length > 0, words);
      const verb = (await verbOf(args)) ?? '';
      lines.push(...printed.map((line) => [verb, line] as const));
    }
  });
  return lines;
}

type PrintedObject = Readonly<Record<string, unknown>>;

/** The first object in what was printed, and how the line is with another one in its place. */
function objectIn(line: string): {
  readonly object: PrintedObject;
  readonly withOther: (object: object) => string;
} {
  const value = JSON.parse(line) as PrintedObject | readonly PrintedObject[];
  return isList(value)
    ? { object: value[0] ?? {}, withOther: (other) => JSON.stringify([other, ...value.slice(1)]) }
    : { object: value, withOther: (other) => JSON.stringify(other) };
}

function isList(value: PrintedObject | readonly PrintedObject[]): value is readonly PrintedObject[] {
  return Array.isArray(value);
}

/** Of a kind that the property is not. */
function otherKind(value: unknown): unknown {
  return typeof value === 'string' ? 1 : 'text';
}

test('a line with a key too much, with one of another kind, or without one that is always there is refused', async () => {
  for (const [verb, line] of await printedLines()) {
    const { object, withOther } = objectIn(line);
    checkLine(verb, line);
    assert.throws(
      () => checkLine(verb, withOther({ ...object, Extra: 1 })),
      new RegExp(
        `^Error: coffer ${verb} --format json has printed what docs/schema/${schemaName(verb)}.json `,
      ),
    );
    for (const [key, value] of Object.entries(object)) {
      assert.throws(
        () => checkLine(verb, withOther({ ...object, [key]: otherKind(value) })),
        /type|const|oneOf/,
      );
    }
    const gone = Object.keys(object).filter((key) => isNeeded(verb, withOther, object, key));
    assert.ok(gone.length > 0, `${verb} has a key that is always there`);
  }
});

function isNeeded(
  verb: string,
  withOther: (object: object) => string,
  object: PrintedObject,
  key: string,
): boolean {
  const { [key]: _gone, ...others } = object;
  try {
    checkLine(verb, withOther(others));
    return false;
  } catch (thrown) {
    assert.match(String(thrown), new RegExp(`must have required property '${key}'`));
    return true;
  }
}

test('what is no JSON is refused, and JSON of a command that has no schema; what is not asked for as JSON is not looked at', async () => {
  await assert.rejects(checkPrinted(['ls', '--format', 'json'], 'NAME\n'), /a line that is no JSON: NAME$/);
  await assert.rejects(checkPrinted(['ls', '--format=json'], '{}\n'), /must have required property 'ID'/);
  await assert.rejects(
    checkPrinted(['completion', '--format', 'json'], '{}\n'),
    /printed JSON, and there is no docs\/schema\/completion\.json$/,
  );
  const early = '{"Version":"1"}\n{"Version":1}\n';
  await assert.rejects(checkPrinted(['version', '--format', 'json'], early), /\/Version must be string/);
  await checkPrinted(['ls', '--format', 'json', '-q'], 'db\n');
  await checkPrinted(['ls', '--format', 'table'], 'NAME\n');
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../support/project.ts';

/** docs/architecture.md, from top to bottom. Rooms of one line do not know each other. */
const ROOMS: readonly (readonly string[])[] = [
  ['main'],
  ['cli', 'daemon'],
  ['ui'],
  ['wording'],
  ['plugin', 'gateway', 'control'],
  ['diagnosis'],
  ['distribution', 'import'],
  ['rotation'],
  ['engine', 'cluster', 'archive', 'certificates'],
  ['store', 'backup', 'audit'],
  ['sealing'],
  ['secrets', 'storage'],
  ['membership'],
  ['transport'],
  ['pki'],
  ['raft', 'crypto', 'monitoring', 'notices'],
  ['common'],
];

/** The command line shares the control API's types, which cost nothing at run time. */
const TYPES_ONLY = 'import type';

interface Import {
  readonly file: string;
  readonly line: string;
  readonly from: string;
  readonly to: string;
  readonly target: string;
}

function roomOf(file: string): string {
  const [first = ''] = file.split(path.sep);
  return first.replace(/\.ts$/, '');
}

function importsBetweenRooms(): readonly Import[] {
  const source = path.join(projectRoot(), 'src');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  return files.flatMap((file) => {
    const text = readFileSync(path.join(source, file), 'utf8');
    const statements = text.matchAll(/^(?:import|export)\b[^;]*?['"](\.[^'"]+)['"];/gm);
    return [...statements].flatMap(([line, specifier = '']) => {
      const target = path.normalize(path.join(path.dirname(file), specifier));
      const crossing = { file, line, from: roomOf(file), to: roomOf(target), target };
      return crossing.from === crossing.to ? [] : [crossing];
    });
  });
}

interface Named {
  readonly name: string;
  readonly specifier: string;
}

function readSource(file: string): string {
  return readFileSync(path.join(projectRoot(), file), 'utf8');
}

/** The names that a file imports, or passes on, each as it is called where it comes from. */
function namesIn(text: string): readonly Named[] {
  const statements = text.matchAll(/^(?:import|export)\b[^;{]*\{([^}]*)\} from '([^']+)';/gm);
  return [...statements].flatMap(([, list = '', specifier = '']) =>
    [...list.matchAll(/(?:type )?(\w+)(?: as \w+)?,?\s*/g)].map(([, name = '']) => ({ name, specifier })),
  );
}

/** `FILE NAME` for each name that product or tests import of a file. */
function namesAskedFor(): readonly string[] {
  const files = ['src', 'test'].flatMap((top) =>
    readdirSync(path.join(projectRoot(), top), { recursive: true, encoding: 'utf8' }).map((file) =>
      path.join(top, file),
    ),
  );
  return files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      namesIn(readSource(file)).map(
        ({ name, specifier }) => `${path.join(path.dirname(file), specifier)} ${name}`,
      ),
    );
}

test('each room imports only from rooms below it', () => {
  const rank = new Map(ROOMS.flatMap((rooms, level) => rooms.map((room) => [room, level] as const)));
  const crossings = importsBetweenRooms();
  assert.ok(crossings.length > 50, 'the imports are found');
  const upward = crossings.filter(({ from, to, line }) => {
    const [above, below] = [rank.get(from), rank.get(to)];
    const typesOnly = from === 'cli' && line.startsWith(TYPES_ONLY);
    return above === undefined || below === undefined || (below <= above && !typesOnly);
  });
  assert.deepEqual(
    upward.map(({ file, target }) => `${file} imports ${target}`),
    [],
  );
});

test('a room is entered through its index.ts', () => {
  const inside = importsBetweenRooms().filter(
    ({ target }) =>
      path.basename(target) !== 'index.ts' && target !== path.join('engine', 'without-debug.ts'),
  );
  assert.deepEqual(
    inside.map(({ file, target }) => `${file} imports ${target}`),
    [],
  );
});

test('a room shows nothing that nobody asks for', () => {
  const asked = new Set(namesAskedFor());
  assert.ok(asked.size > 500, 'the imports are found');
  const idle = ROOMS.flat().flatMap((room) => {
    const index = path.join('src', room, 'index.ts');
    const shown = existsSync(path.join(projectRoot(), index)) ? namesIn(readSource(index)) : [];
    return shown.filter(({ name }) => !asked.has(`${index} ${name}`)).map(({ name }) => `${index}: ${name}`);
  });
  assert.deepEqual(idle, []);
});

test('the picture of the rooms has all of them, and no other', () => {
  const picture = readFileSync(path.join(projectRoot(), 'docs', 'images', 'rooms.svg'), 'utf8');
  const drawn = [...picture.matchAll(/<rect class="room"[^>]*>\s*<text[^>]*>([^<]+)</g)].map(
    ([, room = '']) => room,
  );
  assert.deepEqual(drawn.toSorted(), ROOMS.flat().toSorted());
});

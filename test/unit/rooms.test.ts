// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
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

test('the picture of the rooms has all of them, and no other', () => {
  const picture = readFileSync(path.join(projectRoot(), 'docs', 'images', 'rooms.svg'), 'utf8');
  const drawn = [...picture.matchAll(/<rect class="room"[^>]*>\s*<text[^>]*>([^<]+)</g)].map(
    ([, room = '']) => room,
  );
  assert.deepEqual(drawn.toSorted(), ROOMS.flat().toSorted());
});

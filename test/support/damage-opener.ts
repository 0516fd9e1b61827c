// SPDX-License-Identifier: Apache-2.0
// A program that opens damaged copies of a store, one after another, and says what came of each. It is a process of its
// own since LevelDB may end the one that it runs in.
//
//   node damage-opener.cjs TEMPLATE_DIRECTORY < cases, one JSON object a line
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import { CofferError } from '../../src/common/index.ts';
import { temporaryDirectory } from './cleanup.ts';
import { damagedValues, pictureOf, type StorePicture } from './store-picture.ts';
import { openTestStore } from './test-store.ts';

export type Damage =
  | { readonly kind: 'flip'; readonly file: string; readonly at: number; readonly mask: number }
  | { readonly kind: 'cut'; readonly file: string; readonly length: number; readonly checkpoint?: string };

export interface DamageCase {
  readonly number: number;
  readonly damage: Damage;
  /** Whether a start that refuses is made a second time. */
  readonly twice: boolean;
}

/** What `TEMPLATE_DIRECTORY/expected.json` holds. */
export interface Expected {
  /** What the store may say, if it opens. */
  readonly pictures: readonly StorePicture[];
  readonly tasks: readonly string[];
  readonly delivered: string;
}

export type DamageVerdict =
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  | { readonly kind: 'opened'; readonly picture: number; readonly damaged: number }
  | { readonly kind: 'wrong'; readonly why: string };

/** Synchronously: what the parent has not read when the process dies is in the pipe. */
function say(words: readonly [string, number, DamageVerdict?]): void {
  writeSync(1, `${JSON.stringify(words)}\n`);
}

/** What LevelDB makes anew whenever it opens a database, and the lock that a start takes. */
const UNSTABLE = new Set(['LOG', 'LOG.old', 'LOCK']);

/** A state directory, read once and written thousands of times. Paths are from the state directory. */
interface StateFiles {
  readonly directories: readonly string[];
  readonly files: ReadonlyMap<string, Buffer>;
}

function filesOf(state: string): StateFiles {
  const entries = readdirSync(state, { recursive: true, withFileTypes: true });
  const pathOf = (entry: (typeof entries)[number]): string =>
    path.relative(state, path.join(entry.parentPath, entry.name));
  const files = entries
    .filter((entry) => entry.isFile() && !UNSTABLE.has(entry.name))
    .map((entry) => [pathOf(entry), readFileSync(path.join(state, pathOf(entry)))] as const);
  return {
    directories: entries
      .filter((entry) => entry.isDirectory())
      .map(pathOf)
      .sort(),
    files: new Map(files.sort(([one], [other]) => (one < other ? -1 : 1))),
  };
}

function writeState(state: string, { directories, files }: StateFiles): void {
  for (const directory of ['', ...directories]) {
    mkdirSync(path.join(state, directory));
  }
  for (const [file, content] of files) {
    writeFileSync(path.join(state, file), content);
  }
}

/** The files with the damage done to them. `template` has what a damage puts in the place of a file. */
function damagedFiles({ directories, files }: StateFiles, template: string, damage: Damage): StateFiles {
  const damaged = new Map(files);
  const content = Buffer.from(files.get(damage.file) ?? assert.fail(`${damage.file} is there`));
  if (damage.kind === 'flip') {
    content.writeUInt8(content.readUInt8(damage.at) ^ damage.mask, damage.at);
    damaged.set(damage.file, content);
  } else {
    damaged.set(damage.file, content.subarray(0, damage.length));
    if (damage.checkpoint !== undefined) {
      damaged.set('checkpoint', readFileSync(path.join(template, damage.checkpoint)));
    }
  }
  return { directories, files: damaged };
}

/** Everything in the state directory but the lock. */
function contentOf({ files }: StateFiles): ReadonlyMap<string, Buffer> {
  return new Map([...files].filter(([file]) => !file.startsWith('lock')));
}

/** `before` is what is in the state directory. */
async function openOnce(state: string, before: StateFiles, expected: Expected): Promise<DamageVerdict> {
  let store: Awaited<ReturnType<typeof openTestStore>>;
  try {
    store = await openTestStore(state);
  } catch (thrown) {
    assert.ok(thrown instanceof CofferError, `an opening that fails names its error, not ${String(thrown)}`);
    const { code, detail, hint } = thrown;
    assert.ok(code === 'store.damaged' || code === 'store.faulted', thrown.message);
    assert.ok(hint !== undefined, `it has a hint: ${thrown.message}`);
    const after = contentOf(filesOf(state));
    assert.ok(isDeepStrictEqual(after, contentOf(before)), 'a store that is refused stays as it was');
    return { kind: 'refused', code, detail };
  }
  try {
    const picture = pictureOf(store, expected.tasks, expected.delivered);
    for (const [number, each] of expected.pictures.entries()) {
      const damaged = damagedValues(picture, each);
      if (damaged !== undefined) {
        return { kind: 'opened', picture: number, damaged };
      }
    }
    return { kind: 'wrong', why: `it opened, and says ${JSON.stringify(picture)}` };
  } finally {
    await store.close();
  }
}

async function run(
  template: string,
  parent: string,
  whole: StateFiles,
  expected: Expected,
  one: DamageCase,
): Promise<DamageVerdict> {
  const state = path.join(parent, `${one.number}`);
  try {
    const damaged = damagedFiles(whole, template, one.damage);
    writeState(state, damaged);
    const verdict = await openOnce(state, damaged, expected);
    if (verdict.kind === 'refused' && one.twice) {
      const again = await openOnce(state, damaged, expected);
      assert.equal(again.kind, 'refused', 'the second start refuses too');
    }
    return verdict;
  } catch (thrown) {
    return { kind: 'wrong', why: String(thrown instanceof Error ? thrown.stack : thrown) };
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
}

async function main([template = '']: readonly string[]): Promise<void> {
  const expected = JSON.parse(readFileSync(path.join(template, 'expected.json'), 'utf8')) as Expected;
  const whole = filesOf(path.join(template, 'state'));
  const temporary = temporaryDirectory();
  for await (const line of createInterface({ input: process.stdin })) {
    const one = JSON.parse(line) as DamageCase;
    say(['begin', one.number]);
    say(['end', one.number, await run(template, temporary.path, whole, expected, one)]);
  }
  temporary.remove();
}

void main(process.argv.slice(2));

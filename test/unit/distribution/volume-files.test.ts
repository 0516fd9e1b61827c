// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SecretValue } from '../../../src/common/index.ts';
import type { HeldVersion } from '../../../src/distribution/agent/holdings.ts';
import type { VolumePlace } from '../../../src/distribution/agent/memory-mounts.ts';
import { MountedVolume, recordOf } from '../../../src/distribution/agent/mounted-volume.ts';
import { VolumeFiles } from '../../../src/distribution/agent/volume-files.ts';
import { parseVolume } from '../../../src/distribution/index.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/cleanup.ts';
import { present } from '../../support/present.ts';

const OPTIONS = { secrets: 'db, api:key.pem:0400' };
const SPEC = parseVolume('app', OPTIONS);
const CREATED_AT = '2026-01-01T00:00:00.000Z';

function held(secretId: string, version: number, text: string): HeldVersion {
  return { secretId, version, value: SecretValue.copyOf(Buffer.from(text)) };
}

let directory: TemporaryDirectory;
let place: VolumePlace;

beforeEach(() => {
  directory = temporaryDirectory();
  const memory = path.join(directory.path, 'memory');
  place = { memory, files: path.join(memory, 'files'), view: path.join(memory, 'files') };
  mkdirSync(place.files, { recursive: true });
});
afterEach(() => directory.remove());

function read(name: string): string {
  return readFileSync(path.join(place.files, name), 'utf8');
}

describe('files of a volume', () => {
  const file = { secret: 'db', file: 'db', uid: 0, gid: 0, mode: 0o444 };

  test('have the mode and the owner that the options name', { skip: process.getuid?.() !== 0 }, () => {
    const owned = { ...file, uid: 1_000, gid: 2_000, mode: 0o440 };
    new VolumeFiles(place).put(owned, SecretValue.copyOf(Buffer.from('value')));
    const { mode, uid, gid } = statSync(path.join(place.files, 'db'));
    assert.deepEqual([mode & 0o7777, uid, gid], [0o440, 1_000, 2_000]);
  });

  test('are replaced so that whoever has one open reads the old one whole, and the next the new one', () => {
    const files = new VolumeFiles(place);
    const old = 'old'.repeat(50_000);
    files.put(file, SecretValue.copyOf(Buffer.from(old)));
    const reader = openSync(path.join(place.files, 'db'), 'r');
    try {
      const bytes = Buffer.alloc(old.length);
      readSync(reader, bytes, 0, 1_000, null);
      files.put(file, SecretValue.copyOf(Buffer.from('new')));
      readSync(reader, bytes, 1_000, old.length - 1_000, null);
      assert.equal(bytes.toString('latin1'), old);
      assert.equal(read('db'), 'new');
    } finally {
      closeSync(reader);
    }
  });

  test('are overwritten when they are wiped, also for whoever has one open', () => {
    const files = new VolumeFiles(place);
    const size_bytes = 200_000;
    files.put(file, SecretValue.copyOf(Buffer.alloc(size_bytes, 'x')));
    const reader = openSync(path.join(place.files, 'db'), 'r');
    try {
      files.wipe('db');
      files.wipe('db');
      assert.deepEqual(files.names(), []);
      assert.equal(fstatSync(reader).size, size_bytes);
      assert.deepEqual(readFileSync(reader), Buffer.alloc(size_bytes));
    } finally {
      closeSync(reader);
    }
  });

  test('leave nothing of what was being written when the process was killed', () => {
    mkdirSync(path.join(place.memory, 'staging'));
    writeFileSync(path.join(place.memory, 'staging', 'db'), 'half');
    const files = new VolumeFiles(place);
    files.put(file, SecretValue.copyOf(Buffer.from('whole')));
    assert.deepEqual(readdirSync(path.join(place.memory, 'staging')), []);
    assert.equal(read('db'), 'whole');
  });

  test('stay as they were when the new one cannot be written, and nothing of it is left', () => {
    const files = new VolumeFiles(place);
    mkdirSync(path.join(place.files, 'db'));
    const failure = { code: 'volume.unavailable', message: /EISDIR|ENOTEMPTY|EEXIST/ };
    assert.throws(() => files.put(file, SecretValue.copyOf(Buffer.from('new'))), failure);
    assert.deepEqual(readdirSync(path.join(place.memory, 'staging')), []);
  });
});

describe('a mounted volume', () => {
  const create = (): MountedVolume =>
    MountedVolume.create({ name: 'app', options: OPTIONS, createdAt: CREATED_AT }, SPEC, place);

  test('has the files that are due, in the versions that are due, and no others', () => {
    const volume = create();
    const both = new Map([
      ['db', held('1', 1, 'first')],
      ['key.pem', held('2', 7, 'key')],
    ]);
    assert.deepEqual(volume.bring(both), { written: 2, wiped: 0 });
    assert.deepEqual(volume.bring(both), { written: 0, wiped: 0 });
    assert.deepEqual([read('db'), read('key.pem')], ['first', 'key']);
    assert.equal(statSync(path.join(place.files, 'key.pem')).mode & 0o777, 0o400);

    assert.deepEqual(volume.bring(new Map([['db', held('1', 2, 'second')]])), { written: 1, wiped: 1 });
    assert.deepEqual(readdirSync(place.files), ['db']);
    assert.equal(read('db'), 'second');
    // Another secret that took its name.
    assert.deepEqual(volume.bring(new Map([['db', held('9', 2, 'other')]])), { written: 1, wiped: 0 });
    assert.equal(read('db'), 'other');
    assert.deepEqual(volume.bring(new Map()), { written: 0, wiped: 1 });
    assert.deepEqual(readdirSync(place.files), []);
  });

  test('is known to the next process, with its mounts and with which version each file is', () => {
    const before = create();
    before.setMounts([{ id: 'm1', starting: ['c1'] }]);
    before.bring(new Map([['db', held('1', 3, 'value')]]));
    const record = present(recordOf(place), 'it is written down');
    const after = MountedVolume.adopt('app', place, record, (options) => parseVolume('app', options));
    assert.deepEqual(after.mounts, [{ id: 'm1', starting: ['c1'] }]);
    assert.deepEqual([after.options, after.createdAt], [OPTIONS, CREATED_AT]);
    assert.deepEqual(after.bring(new Map([['db', held('1', 3, 'value')]])), { written: 0, wiped: 0 });
    assert.ok(!JSON.stringify(record).includes('value'));
  });

  test('whose process was killed between a file and its record is wiped of it all the same', () => {
    create().bring(new Map([['db', held('1', 3, 'value')]]));
    const record = { options: OPTIONS, createdAt: CREATED_AT, mounts: [], files: [] };
    const after = MountedVolume.adopt('app', place, record, () => SPEC);
    assert.deepEqual(after.bring(new Map()), { written: 0, wiped: 1 });
    assert.deepEqual(readdirSync(place.files), []);
  });

  test('that is created anew keeps nothing of what lay there', () => {
    writeFileSync(path.join(place.files, 'left'), 'behind');
    create();
    assert.deepEqual(readdirSync(place.files), []);
  });

  test('goes on with its other files when one cannot be written, and says so', () => {
    const volume = create();
    mkdirSync(path.join(place.files, 'db'));
    const both = new Map([
      ['db', held('1', 1, 'first')],
      ['key.pem', held('2', 1, 'key')],
    ]);
    assert.throws(() => volume.bring(both), { code: 'volume.unavailable' });
    assert.equal(read('key.pem'), 'key');
  });
});

describe('the record of a place', () => {
  test('is none if it cannot be understood', () => {
    assert.equal(recordOf(place), undefined);
    for (const text of ['', 'nonsense', '{}', '{"mounts":[]}', 'null']) {
      writeFileSync(path.join(place.memory, 'mounts'), text);
      assert.equal(recordOf(place), undefined);
    }
  });
});

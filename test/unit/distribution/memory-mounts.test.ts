// SPDX-License-Identifier: Apache-2.0
// Real mounts, by both of the programs that may make them.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test, type TestContext } from 'node:test';
import { MemoryMounts } from '../../../src/distribution/agent/memory-mounts.ts';
import { parseMountPoints, readMountPoints } from '../../../src/distribution/agent/mount-points.ts';
import { MountTool, SYSTEM_MOUNT_PROGRAMS } from '../../../src/distribution/agent/mount-tool.ts';
import { isVolumeName } from '../../../src/distribution/agent/volume-name.ts';
import { type MountDirectory, mountDirectory, whyNoMounts } from '../../support/memory-mounts.ts';
import { waitFor } from '../../support/wait-for.ts';

const SIZE_BYTES = 1024 * 1024;
const TMPFS_MAGIC = 0x01021994;
const PROGRAMS = [
  SYSTEM_MOUNT_PROGRAMS,
  { mount: ['busybox', 'mount'], umount: ['busybox', 'umount'] },
] as const;
/** The id of a process that sees mounts that are shared, in a namespace of its own; it ends with the test. */
async function otherNamespace(t: TestContext): Promise<number> {
  const child = spawn('unshare', ['--mount', '--propagation', 'unchanged', 'sleep', '600'], {
    stdio: 'ignore',
  });
  t.after(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const { pid } = child;
  assert.ok(pid !== undefined);
  await waitFor(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n', {
    what: 'the other mount namespace',
    interval_ms: 5,
  });
  return pid;
}

const whyNot = whyNoMounts();
const skip = whyNot ?? false;

describe('a list of mounts', () => {
  test('is read with its escapes, and without what is no line of it', () => {
    const text = [
      String.raw`91 70 0:41 /files /a\040b\134c/view ro,nosuid shared:7 master:2 - tmpfs coffer rw,size=980k`,
      'nonsense',
      '92 70 254:0 / /b rw master:2 - ext4 /dev/vda rw',
      '',
    ].join('\n');
    assert.deepEqual(parseMountPoints(text), [
      {
        path: String.raw`/a b\c/view`,
        root: '/files',
        type: 'tmpfs',
        options: ['ro', 'nosuid'],
        peerGroup: 7,
      },
      { path: '/b', root: '/', type: 'ext4', options: ['rw'], peerGroup: undefined },
    ]);
  });
});

describe('a name of a volume', () => {
  test('is never a path', () => {
    assert.ok(['a', 'db-password', 'A.b_c-1', 'x'.repeat(255)].every(isVolumeName));
    const paths = ['', '.', '..', '.a', '-a', 'a/b', '../a', 'a\0b', 'a b', 'x'.repeat(256), 'a\n'];
    assert.deepEqual(paths.filter(isVolumeName), []);
  });
});

for (const programs of PROGRAMS) {
  describe(`the memory of a volume, mounted by ${programs.mount.join(' ')}`, { skip }, () => {
    let directory: MountDirectory;
    let mounts: MemoryMounts;

    beforeEach(() => {
      directory = mountDirectory();
      mounts = new MemoryMounts(path.join(directory.path, 'mounts'), new MountTool(programs));
    });
    afterEach(() => directory.remove());

    test('is a file system of its own, of a bounded size, in which nothing can be run', async () => {
      const place = await mounts.make('db', SIZE_BYTES);
      const { type, bsize, blocks } = statfsSync(place.memory);
      assert.equal(type, TMPFS_MAGIC);
      assert.equal(bsize * blocks, SIZE_BYTES);
      assert.equal(statSync(place.memory).mode & 0o777, 0o700);
      assert.equal(statSync(place.view).mode & 0o777, 0o755);
      for (const target of [place.memory, path.dirname(place.view)]) {
        const options = readMountPoints().find((point) => point.path === target)?.options ?? [];
        const flags = ['nosuid', 'nodev', 'noexec'].filter((flag) => options.includes(flag));
        assert.deepEqual(flags, ['nosuid', 'nodev', 'noexec']);
      }
    });

    test('shows its files where nobody can write', async () => {
      const place = await mounts.make('db', SIZE_BYTES);
      writeFileSync(path.join(place.files, 'db'), 'first');
      assert.equal(readFileSync(path.join(place.view, 'db'), 'utf8'), 'first');
      assert.throws(() => writeFileSync(path.join(place.view, 'db'), 'other'), { code: 'EROFS' });
      assert.deepEqual(readdirSync(place.view), ['db']);
    });

    test('cannot be written where an engine sees it either, in a mount namespace of its own', async (t) => {
      const shared = path.join(directory.path, 'shared');
      mkdirSync(shared);
      assert.equal(spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', shared]).status, 0);
      assert.equal(spawnSync('mount', ['--make-shared', shared]).status, 0);
      const elsewhere = await otherNamespace(t);
      const place = await new MemoryMounts(shared, new MountTool(programs)).make('db', SIZE_BYTES);
      const seen = readMountPoints(`/proc/${elsewhere}/mountinfo`).filter(({ path: at }) =>
        at.startsWith(`${shared}/`),
      );
      assert.deepEqual(
        seen.map(({ path: at, options }) => [at, options.includes('ro'), options.includes('noexec')]),
        [
          [place.memory, false, true],
          [path.dirname(place.view), true, true],
        ],
      );
      await new MemoryMounts(shared, new MountTool(programs)).undo('db');
      const left = readMountPoints(`/proc/${elsewhere}/mountinfo`);
      assert.deepEqual(
        left.filter(({ path: at }) => at.startsWith(`${shared}/`)),
        [],
      );
    });

    test('is taken up as it is when it is made again, by another process too', async () => {
      const place = await mounts.make('db', SIZE_BYTES);
      writeFileSync(path.join(place.files, 'db'), 'first');
      const next = new MemoryMounts(path.join(directory.path, 'mounts'), new MountTool(programs));
      assert.deepEqual(await next.found(), new Map([['db', place]]));
      assert.deepEqual(await next.make('db', SIZE_BYTES), place);
      assert.equal(readFileSync(path.join(place.view, 'db'), 'utf8'), 'first');
      assert.equal(directory.mounted().length, 2);
    });

    test('is gone after it was undone, also while somebody has a file of it open, and undone twice', async () => {
      const place = await mounts.make('db', SIZE_BYTES);
      writeFileSync(path.join(place.files, 'db'), 'first');
      const open = openSync(path.join(place.view, 'db'), 'r');
      try {
        assert.notEqual(
          spawnSync('umount', [path.dirname(place.view)]).status,
          0,
          'an open file keeps it busy',
        );
        await mounts.undo('db');
        await mounts.undo('db');
      } finally {
        closeSync(open);
      }
      assert.deepEqual(directory.mounted(), []);
      assert.deepEqual(readdirSync(path.join(directory.path, 'mounts')), []);
    });

    test('that is half made is undone when it is found, and made anew when it is wanted', async () => {
      const place = await mounts.make('db', SIZE_BYTES);
      assert.equal(spawnSync('umount', [path.dirname(place.view)]).status, 0);
      assert.ok(!existsSync(place.view), 'an engine finds nothing there, and no empty directory');
      mkdirSync(path.join(directory.path, 'mounts', 'other', 'memory'), { recursive: true });
      assert.deepEqual(await mounts.found(), new Map());
      assert.deepEqual(readdirSync(path.join(directory.path, 'mounts')), []);
      assert.deepEqual(directory.mounted(), []);

      const again = await mounts.make('db', SIZE_BYTES);
      assert.equal(
        spawnSync('mount', ['-o', 'remount,bind,rw', again.memory, path.dirname(again.view)]).status,
        0,
      );
      await mounts.make('db', SIZE_BYTES);
      assert.throws(() => writeFileSync(path.join(again.view, 'x'), ''), { code: 'EROFS' });
      assert.equal(directory.mounted().length, 2);
    });

    test('is found at the name that the kernel knows, whatever link leads there', async () => {
      const link = path.join(directory.path, 'link');
      symlinkSync(path.join(directory.path, 'mounts'), link);
      const byLink = new MemoryMounts(link, new MountTool(programs));
      const place = await byLink.make('db', SIZE_BYTES);
      assert.deepEqual(await mounts.found(), new Map([['db', place]]));
    });
  });
}

describe('the memory of a volume that cannot be mounted', { skip }, () => {
  let directory: MountDirectory;
  beforeEach(() => {
    directory = mountDirectory();
  });
  afterEach(() => directory.remove());

  test('is refused in the words of the program, and leaves nothing', async () => {
    const broken = { mount: ['sh', '-c', 'echo no such luck >&2; exit 1'], umount: ['umount'] } as const;
    const mounts = new MemoryMounts(directory.path, new MountTool(broken));
    await assert.rejects(mounts.make('db', SIZE_BYTES), {
      code: 'volume.unavailable',
      message: /no such luck/,
    });
    assert.ok(!existsSync(path.join(directory.path, 'db')));
  });

  test('is never taken for mounted because a program said so', async () => {
    const lying = { mount: ['true'], umount: ['umount'] } as const;
    const mounts = new MemoryMounts(directory.path, new MountTool(lying));
    await assert.rejects(mounts.make('db', SIZE_BYTES), { code: 'volume.unavailable' });
    assert.ok(!existsSync(path.join(directory.path, 'db')));
  });

  test('is made without the option noswap where the kernel does not know it, which is tried once', async () => {
    const log = path.join(directory.path, 'log');
    const script = `echo "$@" >> ${log}; case "$*" in *noswap*) exit 32;; esac; exec mount "$@"`;
    const programs = { mount: ['sh', '-c', script, 'sh'], umount: ['umount'] } as const;
    const mounts = new MemoryMounts(path.join(directory.path, 'mounts'), new MountTool(programs));
    await mounts.make('db', SIZE_BYTES);
    await mounts.make('other', SIZE_BYTES);
    const tried = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.includes('noswap'));
    assert.equal(tried.length, 1);
  });
});

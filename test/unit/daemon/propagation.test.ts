// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../src/common/index.ts';
import { mayBeCutOff } from '../../../src/daemon/propagation.ts';
import { parseMountPoints } from '../../../src/distribution/agent/mount-points.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/cleanup.ts';

/** What a plugin sees whose directory is in a peer group. */
function mountsWith(optional: string): string {
  return [
    '194 124 254:0 /plugins/p/rootfs / rw,relatime - ext4 /dev/vda rw',
    `212 194 254:0 /plugins/p/propagated-mount /data rw,relatime ${optional}- ext4 /dev/vda rw`,
    '213 194 0:40 / /data-of-another rw shared:99 - tmpfs tmpfs rw',
    '',
  ].join('\n');
}

describe('a managed plugin', () => {
  let state: TemporaryDirectory;
  beforeEach(() => {
    state = temporaryDirectory();
  });
  afterEach(() => state.remove());

  function startsIn(optional: string, bootId = 'this boot'): Promise<boolean> {
    return mayBeCutOff({
      stateDirectory: state.path,
      directory: '/data/volumes',
      mountPoints: () => parseMountPoints(mountsWith(optional)),
      bootId: async () => bootId,
      logger: silentLogger,
    });
  }

  test('does not ask to be started again at its first start, nor while all is as it was', async () => {
    const asked = [
      await startsIn('shared:2 '),
      await startsIn('shared:2 '),
      await startsIn('shared:2 master:1 '),
    ];
    assert.deepEqual(asked, [false, false, false]);
  });

  test('asks once if what it mounts may not reach the engine, and is content when that is mended', async () => {
    const asked = [];
    for (const group of ['shared:2 ', 'shared:56 ', 'shared:2 ', 'shared:2 ', 'shared:57 ', 'shared:2 ']) {
      asked.push(await startsIn(group));
    }
    assert.deepEqual(asked, [false, true, false, false, true, false]);
  });

  test('never asks twice in a row, however often the engine mounts it elsewhere', async () => {
    const asked = [];
    for (const group of ['shared:2 ', 'shared:3 ', 'shared:4 ', 'shared:4 ', 'shared:4 ']) {
      asked.push(await startsIn(group));
    }
    assert.deepEqual(asked, [false, true, false, false, false]);
  });

  test('compares with nothing from before the machine was started', async () => {
    assert.deepEqual([await startsIn('shared:2 '), await startsIn('shared:3 ', 'next boot')], [false, false]);
  });

  test('does not ask where nothing is shared, nor because of what it cannot read or write', async () => {
    assert.equal(await startsIn(''), false);
    writeFileSync(path.join(state.path, 'propagation.json'), 'nonsense');
    assert.equal(await startsIn('shared:2 '), false);
    state.remove();
    assert.equal(await startsIn('shared:3 '), false);
  });
});

// SPDX-License-Identifier: Apache-2.0
// New versions reach containers that run: whole, in their order, and with the signal that a container asks for.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { RunningDocker } from '../../support/both-ways.ts';
import { Container, containerRun, TARGET } from '../../support/container.ts';
import type { Installation } from '../../support/installation.ts';
import { putThroughControl } from '../../support/secret-calls.ts';
import { clearVolumes, putAndGrant, volumeMount } from '../../support/volumes.ts';
import { waitFor } from '../../support/wait-for.ts';

const ROTATIONS = 1_000;
const rotations_ms_max = 120_000;

/** The value of a version: its number, many digits, its number again. How many differs, so that a torn file shows. */
function versionOf(number: number): string {
  return `${number} ${String(number).repeat(1 + ((number * 7919) % 2_000))} ${number}\n`;
}

/** Reads the file over and over, until it is the version LAST; prints what it saw. It ends by itself in any case. */
const READER = `
function repeated(text, times,  all) { all = ""; while (times-- > 0) all = all text; return all }
BEGIN {
  for (reads = 1; reads < 20000000; reads++) {
    line = ""
    got = (getline line < FILE)
    close(FILE)
    if (got < 0) { missing++; continue }
    if (line != seen) {
      n = split(line, part, " ")
      v = part[1]
      if (n != 3 || part[3] != v || part[2] != repeated(v, 1 + (v * 7919) % 2000)) torn++
      else if (v + 0 < last + 0) backwards++
      else { versions++; last = v }
      seen = line
    }
    if (last == LAST) break
  }
  print "torn", torn + 0, "missing", missing + 0, "backwards", backwards + 0, "versions", versions, "reads", reads, "last", last
}`;

export function volumeRotationStories(of: () => Installation): void {
  describe('a new version', () => {
    afterEach(async () => clearVolumes(of()));

    test('is in the file of a container that runs, and the file keeps its mode and owner', async (t) => {
      await putAndGrant(of(), 'db', 'the first');
      const options = { secret: 'db:password:0440', uid: '7' };
      const container = await Container.start(of().engine, 'runs', volumeMount('app', options));
      assert.equal(container.read('password'), 'the first');
      await of().cli(['put', 'db', '-'], { input: 'the second value' });
      const startedAt = performance.now();
      await waitFor(() => container.read('password') === 'the second value', {
        what: 'the new version',
        interval_ms: 5,
      });
      t.diagnostic(`${(performance.now() - startedAt).toFixed(0)} ms after the answer`);
      const holder = await waitFor(
        async () => {
          const { stdout } = await of().cli(['ps', '--filter', 'container=runs', 'db']);
          return /^db .* 2 .*$/m.exec(stdout)?.[0];
        },
        { what: 'the node to acknowledge the new version', interval_ms: 50 },
      );
      assert.match(holder, /^db +2 +current +container runs +[0-9a-f]{12} /);
      const { stdout } = await container.exec(['ls', '-ln', `${TARGET}/password`]);
      assert.match(stdout, /^-r--r----- +1 +7 +0 +16 /);
      assert.deepEqual(container.files(), ['password']);
    });

    test(`is read whole by a container that reads all the time, ${ROTATIONS} times`, async (t) => {
      await putAndGrant(of(), 'spun', versionOf(1));
      const words = ['--rm', ...volumeMount('spun')];
      const variables = ['-v', `FILE=${TARGET}/spun`, '-v', `LAST=${ROTATIONS}`];
      const command = containerRun('reader', words, ['awk', ...variables, READER]);
      const reader = new RunningDocker(of().engine, of().engine.socket, command);
      try {
        const container = await waitFor(async () => Container.of(of().engine, 'reader'), {
          what: 'the reader to run',
        });
        assert.ok(container.files().includes('spun'));
        for (let number = 2; number <= ROTATIONS; number += 1) {
          const { status, text } = await putThroughControl(of(), 'spun', Buffer.from(versionOf(number)));
          assert.equal(status, 200, text);
        }
        assert.equal(await reader.ended(rotations_ms_max), 0, reader.stderr);
      } finally {
        await reader.kill();
      }
      t.diagnostic(reader.stdout.trim());
      const [, versions = ''] =
        /^torn 0 missing 0 backwards 0 versions (\d+) reads \d+ last 1000\n$/.exec(reader.stdout) ?? [];
      assert.ok(Number(versions) > 10, `it saw them change: ${reader.stdout}`);
    });

    test('is announced to containers that ask for a signal, after the file is there, and to no others', async () => {
      await putAndGrant(of(), 'db', 'first');
      const script = `trap 'cat ${TARGET}/db >> /tmp/seen' HUP; trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done`;
      const command = ['sh', '-c', `: > /tmp/seen; ${script}`];
      const mount = volumeMount('db');
      const asks = ['--label', 'coffer.reload=SIGHUP', ...mount];
      const asking = await Container.start(of().engine, 'asks', asks, command);
      const quiet = await Container.start(of().engine, 'quiet', mount, command);
      const seenBy = async (container: Container): Promise<string> =>
        (await container.exec(['cat', '/tmp/seen'])).stdout;
      let seen = '';
      for (const value of ['second.', 'third.']) {
        await of().cli(['put', 'db', '-'], { input: value });
        seen += value;
        await waitFor(async () => (await seenBy(asking)) === seen, { what: `the signal for ${value}` });
      }
      assert.equal(await seenBy(quiet), '');
      assert.equal(quiet.read('db'), 'third.');
    });
  });
}

// SPDX-License-Identifier: Apache-2.0
// What goes wrong goes wrong through the gateway exactly as on the engine's own socket: exit codes, texts,
// statuses and headers are compared, not listed here.
import { afterEach, describe, test } from 'node:test';
import type { Installation } from '../../support/installation.ts';
import { inParallel, sameApiThroughGateway, sameThroughGateway } from '../../support/side-by-side.ts';
import { serviceCreate } from '../../support/service.ts';
import { tellRawCreates, tellRawReads, tellRawUpdates } from './api-calls.ts';
import { BAD_NAMES, GOOD_NAMES } from './secret-names.ts';

export function parityStories(of: () => Installation): void {
  describe('through the gateway as on the engine’s own socket', () => {
    afterEach(async () => of().clear());

    test('a name that is taken, also in other letters', async () => {
      await sameThroughGateway(of(), async ({ ask }) => {
        await ask(['secret', 'create', 'Taken', '-'], { input: 'a value' });
        await ask(['secret', 'create', 'Taken', '-'], { input: 'a value' });
        await ask(['secret', 'create', 'tAKEN', '-'], { input: 'another value' });
        await ask(['secret', 'inspect', '--format', '{{.Spec.Name}}', 'TAKEN']);
        await ask(['secret', 'rm', 'TAKEN']);
        await ask(['secret', 'rm', 'Taken']);
      });
    });

    test('every bad name, and every good one', async () => {
      await sameThroughGateway(of(), async ({ ask }) => {
        await inParallel([...BAD_NAMES, ...GOOD_NAMES], async (name) => {
          await ask(['secret', 'create', '--', name, '-'], { input: 'a value' });
        });
        await ask(['secret', 'ls', '--format', '{{.Name}}']);
        await inParallel(BAD_NAMES, async (name) => ask(['secret', 'inspect', '--', name]));
        await inParallel(BAD_NAMES, async (name) => ask(['secret', 'rm', '--', name]));
        await ask(['secret', 'rm', ...GOOD_NAMES]);
      });
    });

    test('values of every size at a limit', async () => {
      await sameThroughGateway(of(), async ({ ask }) => {
        for (const size of [0, 1, 511_999, 512_000, 1_024_000, 3_000_000]) {
          await ask(['secret', 'create', `size-${size}`, '-'], { input: Buffer.alloc(size, 97) });
        }
        await ask(['secret', 'ls', '--format', '{{.Name}}']);
        await ask(['secret', 'rm', 'size-1', 'size-511999', 'size-0']);
      });
    });

    test('commands that are wrong in themselves', async () => {
      await sameThroughGateway(of(), async ({ ask }) => {
        await ask(['secret', 'create']);
        await ask(['secret', 'create', 'a', '-', 'b']);
        await ask(['secret', 'create', '--nonsense', 'a', '-']);
        await ask(['secret', 'create', 'a', '/nonexistent']);
        await ask(['secret', 'create', '--driver', 'coffer', 'a', '-'], { input: 'a value' });
        await ask(['secret', 'create', '--label', '=b', 'a', '-'], { input: 'a value' });
        await ask(['secret', 'ls', '--filter', 'driver=coffer']);
        await ask(['secret', 'ls', '--filter', 'name']);
        await ask(['secret', 'ls', '--format', '{{.Nonsense}}']);
        await ask(['secret', 'inspect']);
        await ask(['secret', 'inspect', '--pretty', '--format', 'x', 'a']);
        await ask(['secret', 'inspect', 'none', 'a']);
        await ask(['secret', 'rm']);
        await ask(['secret', 'rm', 'none', '*', 'a']);
        await ask(serviceCreate('never', ['--secret', 'none']));
        await ask(serviceCreate('never', ['--secret', 'source=none,target=a,mode=9']));
      });
    });

    test('removing what services use, which names them', async () => {
      await sameThroughGateway(of(), async ({ ask }) => {
        await ask(['secret', 'create', 'used', '-'], { input: 'a value' });
        for (const name of ['first', 'second']) {
          await ask(serviceCreate(name, ['--replicas', '0', '--secret', 'used']));
          await ask(['secret', 'rm', 'used']);
        }
        await ask(['secret', 'rm', 'USED']);
        await ask(['service', 'rm', 'first']);
        await ask(['secret', 'rm', 'used']);
        await ask(['service', 'rm', 'second']);
        await ask(['secret', 'rm', 'used']);
        await ask(['secret', 'rm', 'used']);
      });
    });

    test('raw creates that are malformed, odd, or of another API version', async () => {
      await sameApiThroughGateway(of(), tellRawCreates);
    });

    test('raw lookups, lists and removals', async () => {
      await sameApiThroughGateway(of(), tellRawReads);
    });

    test('raw updates: only labels, only of the version that was read', async () => {
      await sameApiThroughGateway(of(), tellRawUpdates);
    });
  });
}

// SPDX-License-Identifier: Apache-2.0
// `docker coffer`: the same program as a plugin of the docker command line, and the context that it makes.
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { splitDockerWords } from '../../../src/cli/docker-flags.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { type CommandResult, runCommand } from '../../support/command.ts';
import { dockerClis } from '../../support/docker-cli.ts';
import type { Installation } from '../../support/installation.ts';
import { checkPrinted } from '../../support/printed-json.ts';
import { builtFile } from '../../support/project.ts';

export function cliPluginStories(of: () => Installation): void {
  describe('docker coffer', () => {
    afterEach(async () => of().clear());

    for (const cli of dockerClis()) {
      test(`puts, lists, and leads docker ${cli.version} through the gateway by a context`, async () => {
        const home = temporaryDirectory();
        try {
          const plugins = path.join(home.path, 'cli-plugins');
          mkdirSync(plugins);
          symlinkSync(builtFile('dist/coffer.cjs', 'make build'), path.join(plugins, 'docker-coffer'));
          const { engine, kind, controlSocket } = of();
          // A managed plugin is found by itself, where engines keep the sockets of their plugins.
          const found = kind === 'managed plugin' ? {} : { COFFER_SOCKET: controlSocket };
          const docker = async (args: readonly string[], input = ''): Promise<CommandResult> => {
            const result = await runCommand(engine.box.inside([cli.path, ...args]), {
              env: { DOCKER_CONFIG: home.path, HOME: home.path, ...found },
              input,
            });
            await checkPrinted(splitDockerWords(args).words, result.stdout);
            return result;
          };

          assert.match((await docker(['--help'])).stdout, /^\s+coffer\*\s+\S/m);
          const put = await docker(['coffer', 'put', 'db', '-'], 'a value');
          assert.equal(put.stdout.trim(), 'db: version 1, 7B');
          assert.match((await docker(['coffer', 'ls'])).stdout, /^db +1 +7B +control /m);
          assert.match((await docker(['coffer', 'status'])).stdout, /^State: +serving/m);
          const known = await docker(['coffer', 'inspect', 'db', '--format', 'json']);
          assert.match(known.stdout, /"Name":"db"/);

          await docker(['coffer', 'context', '--use']);
          const id = (await docker(['secret', 'create', 'by-context', '-'], 'a value')).stdout.trim();
          const own = await engine.docker(['secret', 'inspect', '--format', '{{.Spec.Driver.Name}}', id]);
          assert.equal(own.stdout.trim(), 'coffer');
          assert.match((await docker(['coffer', 'doctor'])).stdout, /^ok +current context: /m);
          await docker(['coffer', 'rm', 'db']);
          assert.deepEqual(await of().storedNames(), ['by-context']);
        } finally {
          home.remove();
        }
      });
    }
  });
}

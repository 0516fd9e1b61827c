// SPDX-License-Identifier: Apache-2.0
// Transcripts of whole conversations between nodes. See test/support/raft-script.ts for how to rewrite them after a
// change that was meant; the difference is then reviewed like code. The commands stand in
// test/support/raft-commands.ts.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { runCommand } from '../../support/raft-commands.ts';
import { RaftEnvironment } from '../../support/raft-environment.ts';
import { runScript } from '../../support/raft-script.ts';

// The tests run in the project's root.
const DIRECTORY = path.join('test', 'unit', 'raft', 'scripts');

describe('the core follows the script', () => {
  for (const file of readdirSync(DIRECTORY).sort()) {
    test(file, () => {
      const environment = new RaftEnvironment();
      const difference = runScript(path.join(DIRECTORY, file), (line) => runCommand(environment, line));
      assert.equal(difference?.actual, difference?.expected, difference?.command);
    });
  }
});

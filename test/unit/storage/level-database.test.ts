// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { LevelDatabase } from '../../../src/storage/index.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { describeDatabase } from '../../support/database-conformance.ts';

describeDatabase('LevelDB', () => {
  const temporary = temporaryDirectory();
  return {
    open: () => LevelDatabase.open(path.join(temporary.path, 'database')),
    dispose: async () => temporary.remove(),
  };
});

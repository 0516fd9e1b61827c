// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ERROR_CODES } from '../../../src/common/index.ts';
import { projectRoot } from '../../support/project.ts';

test('docs/errors.md lists every code with its status, and no other', () => {
  const reference = readFileSync(path.join(projectRoot(), 'docs', 'errors.md'), 'utf8');
  const rows = [...reference.matchAll(/^\| `([a-z-]+\.[a-z-]+)` +\| (\d+) +\|/gm)];
  const documented = Object.fromEntries(rows.map(([, code = '', status]) => [code, Number(status)]));
  assert.deepEqual(documented, { ...ERROR_CODES });
});

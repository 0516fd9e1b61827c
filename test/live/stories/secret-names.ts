// SPDX-License-Identifier: Apache-2.0
// Names that the engine refuses and names that it takes, after the table of swarmkit's TestValidateSecretSpec
// (manager/controlapi/secret_test.go): one for each way in which a name can be wrong.

export const BAD_NAMES: readonly string[] = [
  '',
  '.',
  '-',
  '_',
  '.db',
  'db.',
  '-db',
  'db-',
  '_db',
  'db_',
  '/db',
  'db/',
  'my/db',
  '..',
  '../db',
  'db/..',
  'db!',
  'my db',
  'my\ndb',
  'my@db',
  'my:db',
  'my;db',
  'db\u2603',
  'x'.repeat(65),
];

export const GOOD_NAMES: readonly string[] = [
  'd',
  '7',
  'my-db',
  'my--db',
  'my..db',
  'my__db',
  'my-._db',
  'My.Db_1-2',
  'x'.repeat(64),
];

// SPDX-License-Identifier: Apache-2.0
export { makePrivateDirectory, syncDirectory, writeFileAtomically } from './atomic-file.ts';
export { type Checkpoint, CheckpointFile } from './checkpoint-file.ts';
export { Database, type DatabaseOperation, type KeyRange } from './database.ts';
export { DirectoryLock } from './directory-lock.ts';
export { type KeyFile, readKeyFile, writeKeyFile } from './key-file.ts';
export { APPLIED_KEY, HARD_STATE_KEY, IDENTITY_KEY, rangeOf } from './places.ts';
export { type LogEntry, type LogLimits, type LogPosition, RaftLog } from './raft-log.ts';
export { exists, StartCopy } from './start-copy.ts';
export { checkTables } from './table-check.ts';

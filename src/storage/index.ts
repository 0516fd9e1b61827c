// SPDX-License-Identifier: Apache-2.0
export { makePrivateDirectory, syncDirectory, writeFileAtomically } from './atomic-file.ts';
export { type Checkpoint, type CheckpointFile, DiskCheckpointFile } from './checkpoint-file.ts';
export type {
  Database,
  DatabaseOperation,
  DatabaseRecord,
  DatabaseSnapshot,
  DatabaseView,
  KeyRange,
} from './database.ts';
export { DirectoryLock } from './directory-lock.ts';
export { readKeyFile, readKeySeal, writeKeyFile } from './key-file.ts';
export { KeyFileSeal } from './key-file-seal.ts';
export { LevelDatabase } from './level-database.ts';
export type { LogPosition } from './log-chain.ts';
export { LOG_ORIGIN } from './log-start.ts';
export {
  APPLIED_KEY,
  generationOf,
  generationPrefix,
  generationRange,
  HARD_STATE_KEY,
  IDENTITY_KEY,
  rangeFrom,
  rangeOf,
} from './places.ts';
export { EMPTY_LOG_MARK, type LogLimits, RaftLog } from './raft-log.ts';
export { readTextIfThere } from './read-text.ts';
export { exists, StartCopy } from './start-copy.ts';
export { checkTables } from './table-check.ts';

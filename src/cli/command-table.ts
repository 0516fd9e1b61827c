// SPDX-License-Identifier: Apache-2.0
// All commands by their names, each loaded when it is needed: a run that carries out one need not wait for the others.
import type { Command } from 'commander';
import type { Session } from './session.ts';

/** Puts a command, with those under it, into the program. */
export type AddCommand = (program: Command, session: Session) => void;

interface CommandEntry {
  /** What is typed for it, the name that the help shows first. */
  readonly names: readonly string[];
  readonly load: () => Promise<AddCommand>;
}

/** In the order of the help. */
export const COMMAND_TABLE: readonly CommandEntry[] = [
  { names: ['put'], load: async () => (await import('./commands/put.ts')).addPut },
  { names: ['ls', 'list'], load: async () => (await import('./commands/ls.ts')).addLs },
  { names: ['inspect'], load: async () => (await import('./commands/inspect.ts')).addInspect },
  { names: ['get'], load: async () => (await import('./commands/get.ts')).addGet },
  { names: ['history'], load: async () => (await import('./commands/history.ts')).addHistory },
  { names: ['rollback'], load: async () => (await import('./commands/rollback.ts')).addRollback },
  { names: ['rotate'], load: async () => (await import('./commands/rotate.ts')).addRotate },
  { names: ['destroy'], load: async () => (await import('./commands/destroy.ts')).addDestroy },
  { names: ['prune'], load: async () => (await import('./commands/prune.ts')).addPrune },
  { names: ['ps'], load: async () => (await import('./commands/ps.ts')).addPs },
  { names: ['rm', 'remove'], load: async () => (await import('./commands/rm.ts')).addRm },
  { names: ['cert'], load: async () => (await import('./commands/cert.ts')).addCert },
  { names: ['cert-ca'], load: async () => (await import('./commands/cert-ca.ts')).addCertCa },
  { names: ['import'], load: async () => (await import('./commands/import.ts')).addImport },
  { names: ['run'], load: async () => (await import('./commands/run.ts')).addRun },
  { names: ['seal'], load: async () => (await import('./commands/seal.ts')).addSeal },
  { names: ['reseal'], load: async () => (await import('./commands/reseal.ts')).addReseal },
  { names: ['sealing-key'], load: async () => (await import('./commands/sealing-key.ts')).addSealingKey },
  { names: ['grant'], load: async () => (await import('./commands/grant.ts')).addGrant },
  { names: ['grant-ls'], load: async () => (await import('./commands/grant-ls.ts')).addGrantLs },
  { names: ['revoke'], load: async () => (await import('./commands/revoke.ts')).addRevoke },
  { names: ['policy'], load: async () => (await import('./commands/policy.ts')).addPolicy },
  { names: ['backup'], load: async () => (await import('./commands/backup.ts')).addBackup },
  { names: ['restore'], load: async () => (await import('./commands/restore.ts')).addRestore },
  { names: ['backup-ls'], load: async () => (await import('./commands/backup-ls.ts')).addBackupLs },
  { names: ['backup-get'], load: async () => (await import('./commands/backup-get.ts')).addBackupGet },
  { names: ['backup-key'], load: async () => (await import('./commands/backup-key.ts')).addBackupKey },
  { names: ['drill'], load: async () => (await import('./commands/drill.ts')).addDrill },
  { names: ['cluster'], load: async () => (await import('./commands/cluster.ts')).addCluster },
  { names: ['node'], load: async () => (await import('./commands/node.ts')).addNode },
  { names: ['join-token'], load: async () => (await import('./commands/join-token.ts')).addJoinToken },
  { names: ['ca'], load: async () => (await import('./commands/ca.ts')).addCa },
  {
    names: ['force-new-cluster'],
    load: async () => (await import('./commands/force-new-cluster.ts')).addForceNewCluster,
  },
  { names: ['autolock'], load: async () => (await import('./commands/autolock.ts')).addAutolock },
  { names: ['unlock'], load: async () => (await import('./commands/unlock.ts')).addUnlock },
  { names: ['unlock-key'], load: async () => (await import('./commands/unlock-key.ts')).addUnlockKey },
  { names: ['data-key'], load: async () => (await import('./commands/data-key.ts')).addDataKey },
  { names: ['status'], load: async () => (await import('./commands/status.ts')).addStatus },
  { names: ['context'], load: async () => (await import('./commands/context.ts')).addContext },
  { names: ['doctor'], load: async () => (await import('./commands/doctor.ts')).addDoctor },
  { names: ['why'], load: async () => (await import('./commands/why.ts')).addWhy },
  { names: ['audit'], load: async () => (await import('./commands/audit.ts')).addAudit },
  { names: ['metrics'], load: async () => (await import('./commands/metrics.ts')).addMetrics },
  { names: ['ui'], load: async () => (await import('./commands/ui.ts')).addUi },
  { names: ['rebuild'], load: async () => (await import('./commands/rebuild.ts')).addRebuild },
  { names: ['completion'], load: async () => (await import('./commands/completion.ts')).addCompletion },
  { names: ['version'], load: async () => (await import('./commands/version.ts')).addVersion },
];

/** What comes before a command without being one. */
const SOCKET_OPTION = '--socket';
/** It is told whatever else is typed. */
const VERSION_OPTIONS: readonly string[] = ['-v', '--version'];

/** What `words` need: the command that they begin with, or all where that cannot be told without knowing them all. */
export async function loadCommands(words: readonly string[]): Promise<readonly AddCommand[]> {
  const first = words[0] === SOCKET_OPTION ? words[2] : words[0];
  if (first !== undefined && VERSION_OPTIONS.includes(first)) {
    return [];
  }
  const named = COMMAND_TABLE.find(({ names }) => first !== undefined && names.includes(first));
  return named === undefined ? loadAllCommands() : [await named.load()];
}

/** As the help lists them. */
export function loadAllCommands(): Promise<readonly AddCommand[]> {
  return Promise.all(COMMAND_TABLE.map(({ load }) => load()));
}

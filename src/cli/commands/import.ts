// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { addImportCompose } from './import-compose.ts';
import { addImportEnv } from './import-env.ts';
import { addImportSwarm } from './import-swarm.ts';

export function addImport(program: Command, session: Session): void {
  const group = program
    .command('import')
    .description(
      'Bring secrets that are elsewhere into coffer: those of a swarm, of .env files, of Compose files.',
    )
    .usage('COMMAND');
  addImportSwarm(group, session);
  addImportEnv(group, session);
  addImportCompose(group, session);
}

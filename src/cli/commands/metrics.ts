// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { addExamples } from './options.ts';

export function addMetrics(program: Command, session: Session): void {
  const command = program
    .command('metrics')
    .description('Print what this node counts and measures, in the text format of Prometheus.')
    .usage('[OPTIONS]')
    .action(() => printMetrics(session));
  addExamples(command, session, [
    ['coffer metrics', 'all of them'],
    ['coffer metrics | grep ^coffer_driver_get_seconds', 'how long the engine waits for secrets'],
  ]);
}

async function printMetrics(session: Session): Promise<void> {
  const client = await session.client();
  session.io.stdout.write(await client.metrics());
}

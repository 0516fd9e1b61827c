// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { NodeDescription } from '../../control/index.ts';
import { managerStatus, statusText } from '../../wording/index.ts';
import type { Session } from '../session.ts';
import { humanValidity, renderTable } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

interface NodeLsOptions {
  readonly quiet?: boolean;
  readonly format: string;
}

export function addNodeLs(group: Command, session: Session): void {
  const command = group
    .command('ls')
    .alias('list')
    .description('List the nodes. The * marks the one that answers.')
    .usage('[OPTIONS]')
    .option('-q, --quiet', 'ids alone')
    .addOption(formatOption('table'))
    .action((options: NodeLsOptions) => listNodes(session, options));
  addExamples(command, session, [
    ['coffer node ls', 'all nodes'],
    ['coffer node ls --format json', 'one JSON object on each line'],
  ]);
}

async function listNodes(session: Session, { quiet, format }: NodeLsOptions): Promise<void> {
  const cluster = await session.cluster();
  const { compare } = new Intl.Collator('en', { numeric: true });
  const nodes = (await cluster.nodes()).toSorted((a, b) => compare(a.hostname, b.hostname));
  if (quiet === true) {
    for (const { id } of nodes) {
      session.print(id);
    }
  } else if (format === 'json') {
    for (const node of nodes) {
      session.printJson(node);
    }
  } else {
    session.print(table(nodes, session.io.now_ms()));
  }
}

function table(nodes: readonly NodeDescription[], now_ms: number): string {
  return renderTable(
    ['ID', 'HOSTNAME', 'STATUS', 'ROLE', 'MANAGER STATUS', 'ADDRESS', 'CERTIFICATE'],
    nodes.map((node) => [
      node.self ? `${node.id} *` : node.id,
      node.hostname,
      statusText(node),
      node.role,
      managerStatus(node),
      node.address,
      humanValidity(node.certificate.notAfter_ms, now_ms),
    ]),
  );
}

// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { NodeReply, NodeRole } from '../../control/index.ts';
import { confirm } from '../confirm.ts';
import type { Session } from '../session.ts';
import { counted, printable } from '../text.ts';
import { addNodeInspect } from './node-inspect.ts';
import { addNodeLs } from './node-ls.ts';
import { addExamples, formatOption, NODE_ARGUMENT } from './options.ts';

interface ChangeOptions {
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly format: string;
}

export function addNode(program: Command, session: Session): void {
  const group = program
    .command('node')
    .description('See and change the nodes of the cluster: its managers and its workers.')
    .usage('COMMAND');
  addNodeLs(group, session);
  addNodeInspect(group, session);
  addPromote(group, session);
  addDemote(group, session);
  addNodeRm(group, session);
  addExamples(group, session, [
    ['coffer node ls', 'all nodes'],
    ['coffer node ls --help', 'help for one of the commands'],
  ]);
}

function addPromote(group: Command, session: Session): void {
  const command = group
    .command('promote')
    .description('Make workers managers. Ends when they vote.')
    .usage('[OPTIONS] NODE...')
    .argument('<node...>', NODE_ARGUMENT)
    .option('-f, --force', 'also if the managers could lose their quorum by it')
    .addOption(formatOption('text'))
    .action((references: string[], options: ChangeOptions) =>
      changeRoles(session, references, 'manager', options),
    );
  addExamples(command, session, [['coffer node promote web-2 web-3', 'two at once']]);
}

function addDemote(group: Command, session: Session): void {
  const command = group
    .command('demote')
    .description('Make managers workers. Ends when they vote no more.')
    .usage('[OPTIONS] NODE...')
    .argument('<node...>', NODE_ARGUMENT)
    .option('-f, --force', 'also if the managers could lose their quorum by it')
    .addOption(formatOption('text'))
    .action((references: string[], options: ChangeOptions) =>
      changeRoles(session, references, 'worker', options),
    );
  addExamples(command, session, [
    ['coffer node demote web-3', 'before it is shut down for good'],
    ['coffer node demote --force web-3', 'although the other managers cannot be lost then'],
  ]);
}

function addNodeRm(group: Command, session: Session): void {
  const command = group
    .command('rm')
    .alias('remove')
    .description('Remove nodes that are down. Their certificates are refused from then on, for ever.')
    .usage('[OPTIONS] NODE...')
    .argument('<node...>', NODE_ARGUMENT)
    .option('-f, --force', 'also managers, and nodes that are up')
    .option('-y, --yes', 'do not ask before a manager is removed')
    .addOption(formatOption('text'))
    .action((references: string[], options: ChangeOptions) => removeNodes(session, references, options));
  addExamples(command, session, [
    ['coffer node rm web-3', 'a worker that was shut down'],
    ['coffer node rm --force web-1', 'a manager that will not come back'],
  ]);
}

async function changeRoles(
  session: Session,
  references: readonly string[],
  role: NodeRole,
  { force, format }: ChangeOptions,
): Promise<void> {
  const cluster = await session.cluster();
  await forEachNode(session, references, async (reference) => {
    const { node: before } = await cluster.node(reference);
    const reply = await cluster.setRole(before.id, role, force === true);
    if (format === 'json') {
      session.printJson(reply.node);
      return reply;
    }
    const hostname = printable(reply.node.hostname);
    if (before.role === role) {
      session.print(`Node ${hostname} is already a ${role}.`);
    } else if (role === 'manager') {
      session.print(`Node ${hostname} promoted to a manager of the cluster.`);
    } else {
      session.print(`Manager ${hostname} demoted in the cluster.`);
    }
    return reply;
  });
}

async function removeNodes(
  session: Session,
  references: readonly string[],
  { force, yes, format }: ChangeOptions,
): Promise<void> {
  const cluster = await session.cluster();
  await forEachNode(session, references, async (reference) => {
    const { node: before } = await cluster.node(reference);
    if (force === true && yes !== true && before.role === 'manager') {
      await confirm(session, `Node ${before.hostname} is a manager; once removed it must join anew.`);
    }
    const reply = await cluster.remove(before.id, force === true);
    const { id, hostname } = reply.node;
    if (format === 'json') {
      session.printJson({ id, hostname });
    } else {
      session.print(printable(hostname));
    }
    if (reply.grants !== undefined && reply.grants > 0) {
      session.warn(`${counted(reply.grants, 'grant')} went with ${hostname}; if it joins again, it has none`);
    }
    return reply;
  });
}

/** One after the other, also after an error; the warnings are those of the state that the last one left. */
async function forEachNode(
  session: Session,
  references: readonly string[],
  change: (reference: string) => Promise<NodeReply>,
): Promise<void> {
  let warnings: readonly string[] = [];
  for (const reference of references) {
    try {
      warnings = (await change(reference)).warnings;
    } catch (thrown) {
      session.fail(thrown);
    }
  }
  for (const warning of warnings) {
    session.warn(warning);
  }
}

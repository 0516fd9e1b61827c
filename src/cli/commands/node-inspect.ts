// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import type { NodeDescription } from '../../control/index.ts';
import { EXIT } from '../command-error.ts';
import type { Session } from '../session.ts';
import { dockerForm, humanValidity, renderFields } from '../text.ts';
import { managerStatus, statusText } from '../../wording/index.ts';
import { addExamples, NODE_ARGUMENT } from './options.ts';

interface NodeInspectOptions {
  readonly pretty?: boolean;
  readonly format?: string;
}

const FIELD_WIDTH = 18;

export function addNodeInspect(group: Command, session: Session): void {
  const command = group
    .command('inspect')
    .description('Show all that is known of nodes, as a JSON array.')
    .usage('[OPTIONS] NODE...')
    .argument('<node...>', NODE_ARGUMENT)
    .addOption(new Option('--pretty', 'for people').conflicts('format'))
    .addOption(new Option('--format <format>', 'json: the array on one line').choices(['json']))
    .action((references: string[], options: NodeInspectOptions) => inspect(session, references, options));
  addExamples(command, session, [
    ['coffer node inspect web-1', 'as JSON'],
    ['coffer node inspect --pretty web-1 web-2', 'for people'],
  ]);
}

async function inspect(
  session: Session,
  references: readonly string[],
  { pretty, format }: NodeInspectOptions,
): Promise<void> {
  const cluster = await session.cluster();
  const found: NodeDescription[] = [];
  for (const reference of references) {
    try {
      found.push((await cluster.node(reference)).node);
    } catch (thrown) {
      session.fail(thrown);
      session.endWith(EXIT.failed);
    }
  }
  if (pretty !== true) {
    session.print(JSON.stringify(dockerForm(found), undefined, format === 'json' ? undefined : 4));
  } else if (found.length > 0) {
    const now_ms = session.io.now_ms();
    session.print(found.map((node) => prettyNode(node, now_ms)).join('\n\n'));
  }
}

function prettyNode(node: NodeDescription, now_ms: number): string {
  const { certificate, address, engineNodeId, matchIndex } = node;
  const manager: readonly (readonly [string, string])[] =
    node.role === 'worker'
      ? []
      : [
          ['Manager status:', managerStatus(node)],
          ['Votes:', node.voter ? 'yes' : 'not yet'],
          ['Stored entries:', matchIndex === undefined ? 'unknown' : `up to ${matchIndex}`],
        ];
  return renderFields(
    [
      ['ID:', node.id],
      ['Hostname:', node.hostname],
      ['Role:', node.role],
      ['Status:', statusText(node)],
      ...manager,
      ['Address:', address === '' ? 'none' : address],
      ['Engine node:', engineNodeId === '' ? 'in no swarm' : engineNodeId],
      ['Joined at:', new Date(node.joinedAt_ms).toISOString()],
      ['Certificate:', humanValidity(certificate.notAfter_ms, now_ms)],
      ['Issued by:', `sha256:${certificate.authorityDigest}`],
    ],
    FIELD_WIDTH,
  );
}

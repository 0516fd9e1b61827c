// SPDX-License-Identifier: Apache-2.0
import { helps, programHelp } from '../support/command-tree.ts';
import { anchor, fenced, table } from './markdown.ts';

const EXIT_CODES = [
  ['0', 'done'],
  [
    '1',
    'the command cannot be carried out as typed, or its answer is no (`drill`, `audit verify`, `policy test`)',
  ],
  ['2', 'the request failed, or what was asked for is not well (`status`, `doctor`)'],
];

export async function commandPage(): Promise<string> {
  const commands = await helps();
  const list = commands.map(({ words }) => `- [\`${words}\`](${anchor(words)})\n`).join('');
  const sections = commands.map(({ text, words }) => `## ${words}\n\n${fenced('text', text)}\n`).join('');
  return `# The command line

What \`docker coffer COMMAND --help\` says. \`coffer COMMAND\` is the same program. What a command prints as JSON has a schema: [json.md](../json.md).

${list}
${fenced('text', await programHelp())}
## Exit codes

${table(['code', 'meaning'], EXIT_CODES)}
\`docker coffer run\` ends with the exit code of the program that it ran.

${sections.trimEnd()}
`;
}

// SPDX-License-Identifier: Apache-2.0
// Scripts whose expected output stands in them. A command begins with `$ `, what it says follows up to the next empty
// line, and `#` begins a comment:
//
//     # Node 1 stands for election.
//     $ campaign 1
//     ok
import { readFileSync, writeFileSync } from 'node:fs';

interface Block {
  /** Comments and empty lines before the command. */
  readonly before: readonly string[];
  readonly command: string;
  readonly expected: string;
}

interface Script {
  readonly blocks: readonly Block[];
  /** What comes after the last command. */
  readonly after: readonly string[];
}

/** A command whose output is not what the script says. */
export interface Difference {
  readonly command: string;
  readonly expected: string;
  readonly actual: string;
}

export function parseScript(text: string): Script {
  const blocks: Block[] = [];
  let before: string[] = [];
  const lines = text.replace(/\n$/, '').split('\n');
  for (let place = 0; place < lines.length; place += 1) {
    const line = lines[place] ?? '';
    if (!line.startsWith('$ ')) {
      before.push(line);
      continue;
    }
    const output: string[] = [];
    while (place + 1 < lines.length && lines[place + 1] !== '') {
      place += 1;
      output.push(lines[place] ?? '');
    }
    blocks.push({ before, command: line.slice(2), expected: output.join('\n') });
    before = [];
  }
  return { blocks, after: before };
}

/**
 * Runs the commands of a file in order, up to the first whose output differs. With `REWRITE_SCRIPTS=1` in the
 * environment it writes the actual output into the file instead, to be reviewed as a diff:
 *
 *     REWRITE_SCRIPTS=1 node test/run.mjs unit/raft/scripts
 */
export function runScript(path: string, run: (command: string) => string): Difference | undefined {
  const { blocks, after } = parseScript(readFileSync(path, 'utf8'));
  const rewrite = process.env['REWRITE_SCRIPTS'] === '1';
  const rewritten: string[] = [];
  for (const { before, command, expected } of blocks) {
    const actual = run(command);
    rewritten.push(...before, `$ ${command}`, actual);
    if (actual !== expected && !rewrite) {
      return { command, expected, actual };
    }
  }
  if (rewrite) {
    writeFileSync(path, `${[...rewritten, ...after].join('\n')}\n`);
  }
  return undefined;
}

// SPDX-License-Identifier: Apache-2.0
// The question before what cannot be taken back.
import { createInterface } from 'node:readline';
import { usageError } from './command-error.ts';
import type { Session } from './session.ts';
import { printable } from './text.ts';

/**
 * Asks at a terminal whether to go on, and rejects unless the answer is yes. A script has said what it wants: where
 * standard input is no terminal, nothing is asked.
 */
export async function confirm({ io }: Session, what: string): Promise<void> {
  if (io.stdin.isTTY !== true) {
    return;
  }
  io.stderr.write(`${printable(what)} Go on? [y/N] `);
  const lines = createInterface({ input: io.stdin, terminal: false });
  const answer = await new Promise<string>((resolve) => {
    lines.once('line', resolve).once('close', () => resolve(''));
  });
  lines.close();
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw usageError('nothing was changed');
  }
}

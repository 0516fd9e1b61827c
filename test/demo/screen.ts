// SPDX-License-Identifier: Apache-2.0
// What the demonstration shows: headings, commands as a person types them, and their output as it is.

const colours = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;

function paint(code: number, text: string): string {
  return colours ? `\u001b[${code}m${text}\u001b[0m` : text;
}

export function heading(text: string): void {
  process.stdout.write(`\n${paint(1, `# ${text}`)}\n`);
}

export function note(text: string): void {
  process.stdout.write(`${paint(2, text)}\n`);
}

export function command(line: string): void {
  process.stdout.write(`${paint(36, '$')} ${paint(36, line)}\n`);
}

export function output(text: string): void {
  if (text.trim() !== '') {
    process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }
}

/** Shows that something takes long, and how long it took. */
export async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const started_ms = performance.now();
  process.stdout.write(paint(2, `${what} ... `));
  try {
    const result = await work();
    process.stdout.write(paint(2, `${((performance.now() - started_ms) / 1_000).toFixed(1)} s\n`));
    return result;
  } catch (thrown) {
    process.stdout.write(paint(31, 'failed\n'));
    throw thrown;
  }
}

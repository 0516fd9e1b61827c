// SPDX-License-Identifier: Apache-2.0

/** The commands that take the version of a secret as an option. */
const COMMANDS: readonly string[] = ['get', 'backup-get'];

/**
 * The words with `--secret-version` in the place of a `--version` after such a command: wherever that stands, it would be the
 * program's own, and the version of coffer would go where the value was wanted.
 */
export function withSecretVersion(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => COMMANDS.includes(word));
  const isCommand = words
    .slice(0, at)
    .every((word, place) => word.startsWith('-') || words[place - 1] === '--socket');
  return at < 0 || !isCommand
    ? words
    : words.map((word, place) => (place > at ? word.replace(/^--version(?==|$)/, '--secret-version') : word));
}

// SPDX-License-Identifier: Apache-2.0
// Docker's global flags, which reach a CLI plugin with the rest of docker's own command line
// (docker/cli, cli-plugins/manager/manager.go: PluginRunCommand).

export interface DockerFlags {
  readonly config?: string;
  readonly context?: string;
  readonly host?: string;
}

export interface DockerWords {
  readonly flags: DockerFlags;
  /** What is left for coffer, without the word `coffer` itself. */
  readonly words: readonly string[];
}

/** Docker's global flags that take a value, each with its one-letter form (docker/cli, cli/flags/options.go). */
export const DOCKER_VALUE_FLAGS = {
  config: undefined,
  context: 'c',
  host: 'H',
  'log-level': 'l',
  tlscacert: undefined,
  tlscert: undefined,
  tlskey: undefined,
} as const satisfies Readonly<Record<string, string | undefined>>;

/** And those that take none. */
export const DOCKER_SWITCHES = { debug: 'D', tls: undefined, tlsverify: undefined } as const;

const PLUGIN_WORD = 'coffer';
/** Words of docker's that stand before the plugin's. */
const LEADING_WORDS: readonly string[] = ['help', '__complete', '__completeNoDesc'];

/**
 * Splits docker's command line, `[FLAGS] coffer WORDS...`, into its global flags and coffer's words. `help coffer`
 * and `__complete coffer` keep their first word. Flags after `coffer` are left for the command line's own parser.
 */
export function splitDockerWords(argv: readonly string[]): DockerWords {
  const flags: Record<string, string> = {};
  let position = 0;
  for (let argument = argv[position]; argument?.startsWith('-') === true; argument = argv[position]) {
    const flag = readFlag(argument);
    if (flag === undefined) {
      position += 1;
    } else {
      flags[flag.name] = flag.value ?? argv[position + 1] ?? '';
      position += flag.value === undefined ? 2 : 1;
    }
  }
  const [first, second, ...rest] = argv.slice(position);
  if (first === PLUGIN_WORD) {
    return { flags, words: argv.slice(position + 1) };
  }
  if (first !== undefined && LEADING_WORDS.includes(first) && second === PLUGIN_WORD) {
    return { flags, words: [first, ...rest] };
  }
  return { flags, words: argv.slice(position) };
}

interface FlagWithValue {
  readonly name: string;
  /** Absent when the next word is the value. */
  readonly value: string | undefined;
}

function readFlag(argument: string): FlagWithValue | undefined {
  return argument.startsWith('--') ? readLong(argument.slice(2)) : readShort(argument.slice(1));
}

function readLong(text: string): FlagWithValue | undefined {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  if (!(name in DOCKER_VALUE_FLAGS)) {
    return undefined;
  }
  return { name, value: equals < 0 ? undefined : text.slice(equals + 1) };
}

/** One-letter flags may stand together: `-Dc name`, `-Dcname`, `-H=unix:///x`. */
function readShort(letters: string): FlagWithValue | undefined {
  for (const [offset, letter] of letters.split('').entries()) {
    const found = Object.entries(DOCKER_VALUE_FLAGS).find(([, short]) => short === letter);
    if (found !== undefined) {
      const value = letters.slice(offset + 1).replace(/^=/, '');
      return { name: found[0], value: value === '' ? undefined : value };
    }
  }
  return undefined;
}

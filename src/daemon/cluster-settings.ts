// SPDX-License-Identifier: Apache-2.0
// The settings of this node's place among others.
import { type ClusterSettings, DEFAULT_PORT, withPort } from '../cluster/index.ts';
import { readSwitch } from './setting-forms.ts';
import type { SettingReader } from './setting-list.ts';

/** Reads them; adds a sentence to `problems` for each that is wrong, whose default stands in. */
export function readClusterSettings(valueOf: SettingReader, problems: string[]): ClusterSettings {
  return {
    listen: readListen(valueOf('COFFER_LISTEN'), problems),
    advertise: readAdvertise(valueOf('COFFER_ADVERTISE'), problems),
    join: readJoin(valueOf('COFFER_JOIN'), problems),
    joinToken: valueOf('COFFER_JOIN_TOKEN'),
    joinTokenFile: valueOf('COFFER_JOIN_TOKEN_FILE'),
    reenrol: readSwitch('COFFER_REENROL', valueOf, problems),
  };
}

function readListen(text: string, problems: string[]): ClusterSettings['listen'] {
  if (text === 'off') {
    return undefined;
  }
  // Port 0 is for tests: the system chooses one.
  const match = /^(?<host>.+):(?<port>\d{1,5})$/.exec(text.includes(':') ? text : `${text}:${DEFAULT_PORT}`);
  const port = Number(match?.groups?.['port'] ?? 65_536);
  if (port > 65_535) {
    problems.push(`COFFER_LISTEN is HOST:PORT or off, not ${JSON.stringify(text)}`);
    return undefined;
  }
  return { host: (match?.groups?.['host'] ?? '').replace(/^\[(.*)\]$/, '$1'), port };
}

/** As it was written: the port that it does not name is the one that this node listens on. */
function readAdvertise(text: string | undefined, problems: string[]): string | undefined {
  if (text !== undefined) {
    readAddress('COFFER_ADVERTISE', text, problems);
  }
  return text;
}

function readJoin(text: string | undefined, problems: string[]): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '')
    .map((address) => readAddress('COFFER_JOIN', address, problems) ?? '');
}

function readAddress(name: string, text: string, problems: string[]): string | undefined {
  try {
    return withPort(text);
  } catch {
    problems.push(`${name} is HOST or HOST:PORT, not ${JSON.stringify(text)}`);
    return undefined;
  }
}

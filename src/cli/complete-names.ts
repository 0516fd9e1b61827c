// SPDX-License-Identifier: Apache-2.0
// The words at the cursor that the daemon knows. It is asked for them, and never waited for.
import type { Command, Option } from 'commander';
import { ClusterClient } from './cluster-client.ts';
import { ControlClient } from './control-client.ts';
import type { Session } from './session.ts';
import { versionHistory, type VersionStatus } from '../wording/index.ts';

const TIMEOUT_MS = 1_000;

export interface Candidate {
  readonly word: string;
  readonly meaning: string;
}

export interface Answer {
  readonly candidates: readonly Candidate[];
  readonly files?: boolean;
}

export interface Cursor {
  readonly program: Command;
  readonly session: Session;
  readonly command: Command | undefined;
  readonly positionals: readonly string[];
  /** The option whose value is being typed. */
  readonly pending: Option | undefined;
  readonly current: string;
}

export async function secretNames({ session, positionals }: Cursor): Promise<Answer> {
  try {
    const { secrets } = await (await quickClient(session)).secrets();
    const candidates = secrets
      .filter(({ name }) => !positionals.includes(name))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, version }) => ({ word: name, meaning: `version ${version}` }));
    return { candidates };
  } catch {
    return { candidates: [] };
  }
}

/** Of the secret that is named first: those in one of these states, newest first. */
export async function versionNumbers(
  { session, positionals }: Cursor,
  states: readonly VersionStatus[],
): Promise<Answer> {
  const [name = '', ...others] = positionals;
  try {
    const { secret } = await (await quickClient(session)).secret(name);
    const candidates = versionHistory(secret)
      .filter(({ status, version }) => states.includes(status) && !others.includes(String(version)))
      .map(({ status, version }) => ({ word: String(version), meaning: status }));
    return { candidates };
  } catch {
    return { candidates: [] };
  }
}

/** Of services and volumes that were refused something. */
export async function refusedNames({ session }: Cursor): Promise<Answer> {
  try {
    const refusals = await (await quickClient(session)).refusals(undefined);
    const names = refusals.flatMap((refusal) =>
      refusal.kind === 'secret' ? [refusal.service] : [refusal.volume, ...refusal.users],
    );
    return { candidates: [...new Set(names)].map(ofWord) };
  } catch {
    return { candidates: [] };
  }
}

/** Of two nodes with one hostname, the ids are what tells them apart. */
export async function nodeNames({ session, positionals }: Cursor, after = ''): Promise<Answer> {
  try {
    const nodes = await new ClusterClient(await quickClient(session)).nodes();
    const hostnames = nodes.map(({ hostname }) => hostname);
    const candidates = nodes
      .map(({ id, hostname, role, status }) => ({
        word: hostnames.filter((one) => one === hostname).length === 1 ? hostname : id,
        meaning: `${role}, ${status}`,
      }))
      .filter(({ word }) => !positionals.includes(word))
      .map(({ word, meaning }) => ({ word: `${word}${after}`, meaning }));
    return { candidates: candidates.sort((a, b) => (a.word < b.word ? -1 : 1)) };
  } catch {
    return { candidates: [] };
  }
}

/** By their ids, and by the names of their secrets, with which --node goes. */
export async function grants({ session, positionals }: Cursor): Promise<Answer> {
  try {
    const listed = (await new ClusterClient(await quickClient(session)).grants({})).grants;
    const ids = listed.map(({ id, node, secret }) => ({
      word: id,
      meaning: `${secret} on ${node.hostname}`,
    }));
    const names = [...new Set(listed.map(({ secret }) => secret))].toSorted((a, b) => (a < b ? -1 : 1));
    const words = [...ids, ...names.map((word) => ({ word, meaning: 'with --node' }))];
    return { candidates: words.filter(({ word }) => !positionals.includes(word)) };
  } catch {
    return { candidates: [] };
  }
}

export async function ruleIds({ session, positionals }: Cursor): Promise<Answer> {
  try {
    const { rules } = await new ClusterClient(await quickClient(session)).policy();
    const left = rules.filter(({ id }) => !positionals.includes(id));
    return {
      candidates: left.map(({ effect, id, secret }) => ({ word: id, meaning: `${effect} ${secret}` })),
    };
  } catch {
    return { candidates: [] };
  }
}

export async function tokenIds({ session, positionals }: Cursor): Promise<Answer> {
  try {
    const tokens = await new ClusterClient(await quickClient(session)).tokens();
    const left = tokens.filter(({ id }) => !positionals.includes(id));
    return { candidates: left.map(({ id, role }) => ({ word: id, meaning: role })) };
  } catch {
    return { candidates: [] };
  }
}

async function quickClient(session: Session): Promise<ControlClient> {
  const { socketPath } = await session.client();
  return new ControlClient(socketPath, TIMEOUT_MS);
}

export function ofWord(word: string): Candidate {
  return { word, meaning: '' };
}

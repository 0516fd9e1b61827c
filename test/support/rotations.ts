// SPDX-License-Identifier: Apache-2.0
// What a manager shows of rotations, of who holds what, and of what is in its audit log.
import { isDeepStrictEqual } from 'node:util';
import type { RotationsReply } from '../../src/control/index.ts';
import { linesOf } from './installation.ts';
import { callControl } from './secret-calls.ts';
import type { Member } from './swarm-member.ts';
import { waitFor } from './wait-for.ts';

/** Two services with several tasks each, and managers that are killed in between. */
const rotation_ms_max = 120_000;
const effect_ms_max = 60_000;

/** As `coffer rotate --status --format json` shows it. */
export interface ShownRotation {
  readonly Phase: string;
  readonly ToVersion: number;
  readonly RestoredVersion?: number;
  readonly Services: readonly { readonly Name: string; readonly State: string }[];
  readonly EndedAt?: unknown;
}

/** The last rotation of a secret. */
export async function shownRotation(member: Member, secret: string): Promise<ShownRotation> {
  const { stdout } = await member.cli(['rotate', '--status', '--format', 'json', secret]);
  return JSON.parse(stdout) as ShownRotation;
}

/** Resolves to the last rotation of a secret once it has ended. */
export async function endedRotation(member: Member, secret: string): Promise<ShownRotation> {
  return waitFor(
    async () => {
      const rotation = await shownRotation(member, secret);
      return rotation.EndedAt === undefined ? undefined : rotation;
    },
    { what: `the rotation of ${secret} to end`, timeout_ms: rotation_ms_max, interval_ms: 200 },
  );
}

/** All rotations of a secret that a manager remembers, the newest first. */
export async function rotationsOf({ daemon }: Member, secret: string): Promise<RotationsReply['rotations']> {
  const path = `/v1/rotations?secret=${encodeURIComponent(secret)}`;
  const reply = await callControl(daemon, 'GET', path);
  if (reply.status !== 200) {
    throw new Error(reply.text);
  }
  return (reply.json() as RotationsReply).rotations;
}

/** How far the last rotation is, as `phase: service state, service state`; no process is started for it. */
export async function progress(member: Member, secret: string): Promise<string> {
  const [last] = await rotationsOf(member, secret);
  const services = last?.services.map(({ name, state }) => `${name} ${state}`) ?? [];
  return `${last?.phase ?? 'none'}: ${services.join(', ')}`;
}

/** A line of `coffer ps --format json`. */
interface ShownHolder {
  readonly Version?: number;
  readonly State: string;
  readonly Service?: { readonly Name: string };
  readonly Container?: { readonly Name: string };
  readonly Node: { readonly Hostname: string };
}

/**
 * Who holds a secret: each as `web 1 stale`, by a service's or a container's name. It is shown by the first of the members that knows of
 * volumes as well, which is the leader, or by the last one.
 */
async function holders(members: readonly Member[], secret: string): Promise<readonly string[]> {
  let shown = '';
  for (const member of members) {
    const { stderr, stdout } = await member.cli(['ps', '--format', 'json', secret]);
    shown = stdout;
    if (!stderr.includes('volumes are not shown')) {
      break;
    }
  }
  return linesOf(shown)
    .map((line) => {
      const { Container, Service, State, Version } = JSON.parse(line) as ShownHolder;
      return `${(Service ?? Container)?.Name} ${Version ?? '?'} ${State}`;
    })
    .toSorted();
}

/** Resolves to who holds a secret, each as `web 1 stale`, once it is shown as wanted by the first of the members that knows of volumes. */
export async function seenHolders(
  members: readonly Member[],
  secret: string,
  isWanted: (shown: readonly string[]) => boolean,
): Promise<readonly string[]> {
  return waitFor(
    async () => {
      const shown = await holders(members, secret);
      if (!isWanted(shown)) {
        throw new Error(`shown is ${shown.join(', ') || 'nobody'}`);
      }
      return shown;
    },
    { what: `who holds ${secret} to be shown`, timeout_ms: effect_ms_max },
  );
}

/** Resolves when those that hold a secret are these, by the words of `seenHolders`. */
export async function heldBy(
  members: readonly Member[],
  secret: string,
  expected: readonly string[],
): Promise<void> {
  await seenHolders(members, secret, (shown) => isDeepStrictEqual(shown, expected.toSorted()));
}

/** A record of the audit log. */
export interface ShownRecord {
  readonly at: string;
  readonly event: string;
  readonly secret?: string;
  readonly version?: number;
  readonly service?: string;
  readonly task?: string;
  readonly by?: string;
  readonly code?: string;
  readonly detail?: string;
}

/**
 * What the managers' audit logs have of a secret, merged by time. Of deliveries to one task the first one alone: an engine asks
 * again for tasks that run whenever a node changes what it says of itself.
 */
export async function auditOf(members: readonly Member[], secret: string): Promise<readonly ShownRecord[]> {
  const words = ['audit', '--secret', secret, '--tail', '1000', '--format', 'json'];
  const logs = await Promise.all(members.map(async (member) => (await member.cli(words)).stdout));
  const tasks = new Set<string>();
  return logs
    .flatMap((log) => linesOf(log).map((line) => JSON.parse(line) as ShownRecord))
    .toSorted((one, other) => one.at.localeCompare(other.at))
    .filter(({ event, task }) => {
      const isAgain = event === 'deliver' && task !== undefined && tasks.has(task);
      tasks.add(task ?? '');
      return !isAgain;
    });
}

// SPDX-License-Identifier: Apache-2.0
// What doctor finds wrong with rotations of secrets: those that do not go on, and those that do not begin.
import { MINUTE_MS } from '../common/index.ts';
import type { Check } from '../control/index.ts';
import { isRunning, type RotatedService, type RotationObject } from '../membership/index.ts';
import { type DueRotation, dueRotations, type RefusedRotation } from '../rotation/index.ts';
import type { Secret } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { counted } from '../wording/index.ts';
import { shortList } from './doctor-words.ts';

/** An engine may be started again meanwhile. */
const HELD_MS_MAX = 10 * MINUTE_MS;
/** The leader looks each minute, and a new one has to be found first. */
const LATE_MS_MAX = 10 * MINUTE_MS;

const NAME = 'rotations';

export interface RotationFacts {
  readonly secrets: readonly Secret[];
  readonly rotations: readonly RotationObject[];
  /** Of this manager, while it leads. */
  readonly refused: readonly RefusedRotation[];
  /** The hostname of the manager that leads; undefined while none does. */
  readonly leader: string | undefined;
}

/** Nothing is said while the index of the secrets is being loaded. */
export function readRotationFacts(
  store: Pick<SecretStore, 'cluster' | 'list' | 'status'>,
  refused: readonly RefusedRotation[],
  leader: string | undefined,
): RotationFacts {
  const isLoaded = store.status().loaded_percent === undefined;
  return {
    secrets: isLoaded ? store.list() : [],
    rotations: store.cluster.rotations(),
    refused,
    leader,
  };
}

/** Pure. */
export function secretRotationChecks(facts: RotationFacts, now_ms: number): readonly Check[] {
  const { refused, rotations, secrets } = facts;
  const told = new Set(refused.map(({ secret }) => secret));
  const late = dueRotations(secrets, rotations, now_ms).filter(
    ({ dueAt_ms, secret }) => now_ms - dueAt_ms >= LATE_MS_MAX && !told.has(secret.name),
  );
  return [
    ...rotations
      .filter((rotation) => isRunning(rotation) && isHeldLong(rotation, now_ms))
      .map((rotation) => heldCheck(rotation, facts.leader, now_ms)),
    ...refused.map(refusedCheck),
    ...(late.length === 0 ? [] : [lateCheck(late, facts.leader)]),
  ];
}

function isHeldLong({ heldAt_ms }: RotationObject, now_ms: number): boolean {
  return heldAt_ms !== 0 && now_ms - heldAt_ms >= HELD_MS_MAX;
}

function heldCheck(rotation: RotationObject, leader: string | undefined, now_ms: number): Check {
  const { heldAt_ms, heldBecause, phase, secretName, services } = rotation;
  const waited = counted(Math.floor((now_ms - heldAt_ms) / MINUTE_MS), 'minute');
  const isNext = ({ state }: RotatedService): boolean =>
    phase === 'updating' ? state === 'waiting' : state === 'updating' || state === 'updated';
  const isAsked = ({ state }: RotatedService): boolean =>
    state === (phase === 'updating' ? 'updating' : 'reverting');
  const service = (services.find(isAsked) ?? services.find(isNext))?.name;
  const what = service === undefined ? 'it' : `service ${service}`;
  const where = leader === undefined ? 'the manager that leads' : `${leader}, the manager that leads`;
  const back = phase === 'updating' ? `; or take it back: docker coffer rotate --cancel ${secretName}` : '';
  return {
    name: NAME,
    level: 'warning',
    message: `the rotation of ${secretName} has not moved for ${waited}: ${what} waits, because ${heldBecause}`,
    mend: `See to the engine of ${where}, or stop coffer there, so that another manager leads and asks its own engine${back}`,
  };
}

function refusedCheck({ reason, secret, source }: RefusedRotation): Check {
  const what = source.kind === 'generated' ? ` --generate ${source.specification}` : '';
  return {
    name: NAME,
    level: 'warning',
    message: `the scheduled rotation of ${secret} could not begin: ${reason.detail}`,
    mend: `It is tried again within a day. By hand, on a manager of the swarm: docker coffer rotate ${secret}${what}`,
  };
}

function lateCheck(late: readonly DueRotation[], leader: string | undefined): Check {
  const names = late.map(({ secret }) => secret.name);
  const where = leader === undefined ? 'There has to be a leader first' : `See why on ${leader}, which leads`;
  return {
    name: NAME,
    level: 'warning',
    message: `${counted(late.length, 'scheduled rotation')} did not begin in time: ${shortList(names)}`,
    mend: `${where}: docker coffer doctor`,
  };
}

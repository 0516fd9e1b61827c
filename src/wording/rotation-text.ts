// SPDX-License-Identifier: Apache-2.0
// How a rotation of a secret is told.
import { unreachable } from '../common/index.ts';
import type { RotatedState, RotationDescription } from '../control/index.ts';
import { humanDuration, printable } from './human-text.ts';

const STATE_TEXT: Readonly<Record<RotatedState, string>> = {
  waiting: 'waits',
  updating: 'is being updated',
  updated: 'has the new version',
  reverting: 'is being taken back',
  reverted: 'has the old value again',
  failed: 'has not gone back',
  gone: 'was removed meanwhile',
  'left-out': 'is left out',
};

/** `web is being updated`. */
export function serviceText(
  { name, note, state }: RotationDescription['services'][number],
  { phase }: Pick<RotationDescription, 'phase'>,
): string {
  const why = note === undefined ? '' : `: ${note}`;
  // Whoever waits when all goes back is never updated.
  const what = state === 'waiting' && phase !== 'updating' ? 'was not touched' : STATE_TEXT[state];
  return printable(`${name} ${what}${why}`);
}

/** Why it does not go on; undefined if it does. */
export function heldText(
  { heldAt_ms, heldBecause }: RotationDescription,
  now_ms: number,
): string | undefined {
  return heldAt_ms === undefined || heldBecause === undefined
    ? undefined
    : printable(
        `It has not moved for ${humanDuration(Math.max(0, now_ms - heldAt_ms)).toLowerCase()}: ${heldBecause}`,
      );
}

export function hasEnded({ endedAt_ms }: RotationDescription): boolean {
  return endedAt_ms !== undefined;
}

/** What has come of it, in one sentence, or how far it is. */
export function outcomeText(rotation: RotationDescription): string {
  const { phase, problem = '', restoredVersion, secret, services, toVersion } = rotation;
  const back = restoredVersion === undefined ? '' : `; version ${restoredVersion} has the old value again`;
  switch (phase) {
    case 'updating':
      return `${secret}: version ${toVersion} is on its way to ${countOf(rotation)}`;
    case 'rolling-back':
      return `${secret}: goes back, because ${problem}`;
    case 'done': {
      const updated = services.filter(({ state }) => state === 'updated').length;
      const none = services.length === 0 ? 'no service uses it' : 'no service had to be updated';
      const who = updated === 0 ? none : `${countOf(rotation)} ${updated === 1 ? 'has' : 'have'} it`;
      return `${secret}: version ${toVersion}; ${who}`;
    }
    case 'rolled-back':
      return `${secret}: rolled back, because ${problem}${back}`;
    case 'failed':
      return `${secret}: failed, because ${problem}${back}`;
    default:
      return unreachable(phase);
  }
}

function countOf({ services }: RotationDescription): string {
  const count = services.filter(({ state }) => state !== 'left-out' && state !== 'gone').length;
  return count === 1 ? '1 service' : `${count} services`;
}

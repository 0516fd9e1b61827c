// SPDX-License-Identifier: Apache-2.0
// How a rotation of a secret is told, and followed until it has ended.
import { unreachable } from '../common/index.ts';
import type { RotatedState, RotationDescription } from '../control/index.ts';
import { requestError } from './command-error.ts';
import { patientLook } from './patient-look.ts';
import { RotationClient } from './rotation-client.ts';
import type { Session } from './session.ts';
import { humanDuration, printable } from './text.ts';

const INTERVAL_MS = 500;

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

/** Shows what each service comes to, a line each, until it has ended. It goes on by itself if nobody follows it any longer. */
export async function followSecretRotation(
  session: Session,
  begun: RotationDescription,
): Promise<RotationDescription> {
  const shown = new Map<string, string>();
  const client = new RotationClient(await session.client());
  const lookAgain = patientLook(session, INTERVAL_MS, async () => {
    const { rotations } = await client.of(begun.secret);
    const found = rotations.find(({ id }) => id === begun.id);
    if (found === undefined) {
      throw requestError('the rotation is not remembered any more: many have ended after it');
    }
    return found;
  });
  const stay = session.io.whenEnded(() =>
    session.complain(
      'the rotation goes on by itself',
      `See how far it is: ${session.name} rotate --status ${begun.secret}`,
    ),
  );
  try {
    let rotation = begun;
    showNews(session, rotation, shown);
    while (!hasEnded(rotation)) {
      rotation = await lookAgain(rotation);
      showNews(session, rotation, shown);
    }
    return rotation;
  } finally {
    stay();
  }
}

function showNews(session: Session, rotation: RotationDescription, shown: Map<string, string>): void {
  const tell = (key: string, text: string): void => {
    if (shown.get(key) !== text) {
      shown.set(key, text);
      session.io.stderr.write(`${text}\n`);
    }
  };
  if (rotation.phase === 'rolling-back') {
    tell('', printable(outcomeText(rotation)));
  }
  if (rotation.heldBecause !== undefined) {
    tell('held', printable(`it waits: ${rotation.heldBecause}`));
  } else if (shown.has('held')) {
    tell('held', 'it goes on');
  }
  for (const service of rotation.services.filter(({ state }) => state !== 'waiting')) {
    tell(service.id, serviceText(service, rotation));
  }
}

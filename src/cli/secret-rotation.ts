// SPDX-License-Identifier: Apache-2.0
// How a rotation of a secret is followed until it has ended.
import type { RotationDescription } from '../control/index.ts';
import { hasEnded, outcomeText, printable, serviceText } from '../wording/index.ts';
import { requestError } from './command-error.ts';
import { patientLook } from './patient-look.ts';
import { RotationClient } from './rotation-client.ts';
import type { Session } from './session.ts';

const INTERVAL_MS = 500;

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

// SPDX-License-Identifier: Apache-2.0
// How far a rotation of the CA is, on standard error: one line that is redrawn at a terminal, else one for each change.
import type { AuthorityDescription } from '../control/index.ts';
import type { ClusterClient } from './cluster-client.ts';
import { type CommandError, requestError } from './command-error.ts';
import { patientLook } from './patient-look.ts';
import type { Session } from './session.ts';

type Rotation = NonNullable<AuthorityDescription['rotation']>;

const INTERVAL_MS = 1_000;
/** Ten minutes without a change: something else is wrong, and the rotation goes on by itself. */
const UNCHANGED_MAX = 600;

export interface RotationEnd {
  readonly authority: AuthorityDescription;
  /** Names of the nodes that it did not wait for. */
  readonly unreachable: readonly string[];
}

/** `12 of 14 nodes have renewed`. */
export function progressText({ nodes, renewed }: Rotation): string {
  return `${renewed} of ${nodes} ${nodes === 1 ? 'node has' : 'nodes have'} renewed`;
}

/** Shows the rotation until it ends. Rejects when it stands still, or the daemon does not answer, for too long. */
export async function followRotation(
  session: Session,
  cluster: ClusterClient,
  begun: AuthorityDescription,
): Promise<RotationEnd> {
  const progress = new ProgressLine(session);
  let authority = begun;
  let unreachable: readonly string[] = [];
  let unchanged = 0;
  const lookAgain = patientLook(session, INTERVAL_MS, () => cluster.authority());
  try {
    while (authority.rotation !== undefined) {
      ({ unreachable } = authority.rotation);
      unchanged = progress.show(progressText(authority.rotation)) ? 0 : unchanged + 1;
      if (unchanged > UNCHANGED_MAX) {
        throw stalled(session, unreachable);
      }
      authority = await lookAgain(authority);
    }
  } finally {
    progress.end();
  }
  return { authority, unreachable };
}

function stalled(session: Session, unreachable: readonly string[]): CommandError {
  const away = unreachable.length === 0 ? '' : `; out of reach: ${unreachable.join(', ')}`;
  return requestError(
    `no node has renewed for ${(UNCHANGED_MAX * INTERVAL_MS) / 60_000} minutes; the rotation goes on by itself${away}`,
    `See how far it is: ${session.name} ca`,
  );
}

/** A line that says how far something is. */
export class ProgressLine {
  readonly #session: Session;
  readonly #redraws: boolean;
  #shown: string | undefined;

  constructor(session: Session) {
    const { stderr, env } = session.io;
    this.#session = session;
    this.#redraws = stderr.isTTY === true && env['TERM'] !== 'dumb';
  }

  /** Whether the text is another one than before. */
  show(text: string): boolean {
    if (text === this.#shown) {
      return false;
    }
    this.#shown = text;
    this.#session.io.stderr.write(this.#redraws ? `\r${text}\u001b[K` : `${text}\n`);
    return true;
  }

  end(): void {
    if (this.#redraws && this.#shown !== undefined) {
      this.#session.io.stderr.write('\n');
    }
  }
}

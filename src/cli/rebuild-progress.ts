// SPDX-License-Identifier: Apache-2.0
// How far the rebuild of a manager is, on standard error.
import { unreachable } from '../common/index.ts';
import type { RebuildDescription } from '../control/index.ts';
import type { ClusterClient } from './cluster-client.ts';
import { requestError } from './command-error.ts';
import { patientLook } from './patient-look.ts';
import { ProgressLine } from './rotation-progress.ts';
import type { Session } from './session.ts';
import { counted } from './text.ts';

const INTERVAL_MS = 500;
/** Half an hour without a change: something else is wrong, and the rebuild goes on by itself. */
const UNCHANGED_MAX = 3_600;

/** Pure: one line for each step. */
function progressText({ nodeId, problem, secrets, stage }: RebuildDescription): string {
  const waits = problem === undefined ? '' : ` (${problem})`;
  switch (stage) {
    case 'joined':
      return `joined as ${nodeId ?? 'a new node'}; the old id is being removed${waits}`;
    case 'copying':
      return `the old id was removed; copied ${counted(secrets ?? 0, 'secret')}${waits}`;
    case 'done':
      return `promoted: it votes again, with ${counted(secrets ?? 0, 'secret')}`;
    case 'none':
      return 'nothing was begun';
    default:
      return unreachable(stage);
  }
}

/** Shows the rebuild until it ends. Whoever interrupts this is told that it goes on. */
export async function followRebuild(
  session: Session,
  cluster: ClusterClient,
  begun: RebuildDescription,
): Promise<RebuildDescription> {
  const progress = new ProgressLine(session);
  const goesOn = (): void => {
    session.io.stderr.write(`\nThe rebuild goes on. See how far it is: ${session.name} rebuild\n`);
  };
  const takeBack = session.io.whenEnded(goesOn);
  let description = begun;
  let unchanged = 0;
  const lookAgain = patientLook(session, INTERVAL_MS, () => cluster.rebuildState());
  try {
    for (;;) {
      unchanged = progress.show(progressText(description)) ? 0 : unchanged + 1;
      if (description.stage === 'done') {
        return description;
      }
      if (description.stage === 'none' || unchanged > UNCHANGED_MAX) {
        throw requestError(
          'the rebuild does not come to its end',
          `It goes on by itself where it can. See: ${session.name} status`,
        );
      }
      description = await lookAgain(description);
    }
  } finally {
    takeBack();
    progress.end();
  }
}

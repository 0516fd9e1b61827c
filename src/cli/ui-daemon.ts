// SPDX-License-Identifier: Apache-2.0
// What the web page asks the daemon, over the control socket.
import { CofferError } from '../common/index.ts';
import type { Daemon, Problem } from '../ui/index.ts';
import { ClusterClient } from './cluster-client.ts';
import { CommandError } from './command-error.ts';
import type { ControlClient } from './control-client.ts';
import { RotationClient } from './rotation-client.ts';

/** No call among these is answered with a value. */
export function uiDaemon(control: ControlClient): Daemon {
  const cluster = new ClusterClient(control);
  const rotations = new RotationClient(control);
  return {
    status: () => control.status(),
    checks: () => control.checks(),
    cluster: () => cluster.describe(),
    nodes: () => cluster.nodes(),
    authority: () => cluster.authority(),
    autolock: () => cluster.autolock(),
    backups: () => control.scheduledBackups(),
    secrets: () => control.secrets(),
    secret: (name) => control.secret(name),
    ledger: (secret) => control.ledger(secret),
    why: (name) => control.why(name),
    audit: (filter) => control.audit(filter),
    verifyAudit: () => control.verifyAudit(),
    rotations: (secret) => rotations.of(secret),
    rotate: (secret, wish) => rotations.rotate(secret, wish),
    cancelRotation: (secret) => rotations.cancel(secret),
  };
}

/** In the words of the command line. */
export function explainToPage(thrown: unknown): Problem {
  if (thrown instanceof CommandError) {
    return { message: thrown.message, hint: thrown.hint };
  }
  const { detail, hint } = CofferError.from(thrown);
  return { message: detail, hint };
}

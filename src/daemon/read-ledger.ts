// SPDX-License-Identifier: Apache-2.0
// Asks everybody who knows something of who holds which secret.
import type { ErrorReply, Ledger, LedgerEntry } from '../control/index.ts';
import { type EngineClient, isSameDriver } from '../engine/index.ts';
import type { SecretStore } from '../store/index.ts';
import { taskEntries } from './ledger.ts';

export interface LedgerSources {
  readonly engine: EngineClient;
  readonly driverName: string;
  readonly store: Pick<SecretStore, 'byId' | 'byName' | 'deliveries'>;
}

/** One part of a ledger, or why there is none. */
type Part = LedgerEntry[] | ErrorReply;

/** Throws `engine.unreachable` if the engine cannot be asked: what runs is not known then. */
export async function readLedger(sources: LedgerSources): Promise<Ledger> {
  const parts: readonly Part[] = [await readTasks(sources)];
  return {
    entries: parts.flatMap((part) => (Array.isArray(part) ? part : [])),
    gaps: parts.flatMap((part) => (Array.isArray(part) ? [] : [part])),
  };
}

async function readTasks({ driverName, engine, store }: LedgerSources): Promise<Part> {
  const { controlAvailable } = await engine.info();
  if (!controlAvailable) {
    return {
      code: 'engine.refused',
      message: "this node's engine is no manager of a swarm: its tasks are not shown, but volumes alone",
      hint: 'If there is a swarm, type it on a node whose engine is a manager of that.',
    };
  }
  // In this order: of each task that is listed, the service and the node are listed as well, unless they have gone meanwhile.
  const tasks = await engine.listTasks();
  const [services, nodes, secrets] = await Promise.all([
    engine.listServices(),
    engine.listNodes(),
    engine.listSecrets(),
  ]);
  const engineSecrets = secrets.filter(
    ({ driver }) => driver !== undefined && isSameDriver(driver, driverName),
  );
  // Last: a task that was listed was given its secrets before.
  const deliveries = store.deliveries();
  return [...taskEntries({ tasks, services, nodes, engineSecrets, deliveries, secrets: store })];
}

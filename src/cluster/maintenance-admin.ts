// SPDX-License-Identifier: Apache-2.0
// What the managers are to do by themselves, as any of them is told it: the wish goes through the log.
import type { ClusterView } from '../membership/index.ts';
import type { SecretStore } from '../store/index.ts';
import type {
  BackupSchedule,
  MaintenanceAdmin,
  NodeDescription,
  PurgeDescription,
  Schedules,
} from './admin-model.ts';

const READ_TIMEOUT_MS = 2_000;

export interface LocalMaintenanceOptions {
  readonly store: SecretStore;
  /** All nodes, with who is down, as far as it can be known. */
  readonly nodes: () => Promise<readonly NodeDescription[]>;
  readonly now_ms: () => number;
}

/** See `MaintenanceAdmin`. */
export class LocalMaintenance implements MaintenanceAdmin {
  readonly #options: LocalMaintenanceOptions;

  constructor(options: LocalMaintenanceOptions) {
    this.#options = options;
  }

  async purge(): Promise<PurgeDescription> {
    const { now_ms, store } = this.#options;
    await store.propose({ kind: 'ask-purge', at_ms: now_ms() });
    return this.purgeProgress();
  }

  async purgeProgress(): Promise<PurgeDescription> {
    const { nodes, store } = this.#options;
    // A manager that is behind has not heard of the last purge, and must not say that all is done.
    await store.readBarrier(READ_TIMEOUT_MS);
    const { cluster } = store;
    const { purge } = cluster;
    const managers = (await nodes()).filter(({ role }) => role === 'manager');
    const version = purge?.version ?? 0;
    return {
      version,
      askedAt_ms: purge?.askedAt_ms,
      managers: managers.map(({ hostname, id, status }) => ({
        id,
        hostname,
        status,
        done: (cluster.dataKeyReport(id)?.purged ?? 0) >= version,
      })),
    };
  }

  async setDataKeySchedule(every_ms: number): Promise<void> {
    const { now_ms, store } = this.#options;
    const schedule = { kind: 'data-key-schedule', every_ms, setAt_ms: now_ms() } as const;
    await store.propose({ kind: 'set-data-key-schedule', schedule });
  }

  async setBackupSchedule(wish: BackupSchedule | undefined): Promise<void> {
    const { now_ms, store } = this.#options;
    const setAt_ms = now_ms();
    const off = { every_ms: 0, offset_ms: 0, recipients: [], keep: 1 };
    // Each day at the time at which it was set, unless a time is given.
    const offset_ms = wish === undefined ? 0 : (wish.offset_ms ?? setAt_ms % wish.every_ms);
    const schedule = { kind: 'backup-schedule', ...off, ...wish, offset_ms, setAt_ms } as const;
    await store.propose({ kind: 'set-backup-schedule', schedule });
  }
}

/** The schedules that are in force, and how old the managers' keys are. */
export function describeSchedules(view: ClusterView): Schedules {
  const { backupSchedule: backup, dataKeySchedule: dataKey } = view;
  const made = view
    .nodes()
    .filter(({ role }) => role === 'manager')
    .flatMap(({ id }) => view.dataKeyReport(id)?.madeAt_ms ?? []);
  return {
    dataKey_ms: dataKey === undefined || dataKey.every_ms === 0 ? undefined : dataKey.every_ms,
    oldestDataKeyMadeAt_ms: made.length === 0 ? undefined : Math.min(...made),
    backup:
      backup === undefined || backup.every_ms === 0
        ? undefined
        : {
            every_ms: backup.every_ms,
            offset_ms: backup.offset_ms,
            recipients: backup.recipients,
            keep: backup.keep,
          },
  };
}

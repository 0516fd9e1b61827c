// SPDX-License-Identifier: Apache-2.0
// What a manager tells of its store, of the log, and of the cluster as its state has it.
import { gauge, gaugesBy, type MetricFamily } from '../../monitoring/index.ts';
import { isRunning } from '../../membership/index.ts';
import { currentVersion, EXPIRY_NOTICE_MS, expiresAt_ms, type Secret } from '../../secrets/index.ts';
import type { ReplicatedStore } from '../../store/index.ts';

export interface StoreFamiliesOptions {
  readonly store: ReplicatedStore;
  /** Whether secrets are named. */
  readonly namesSecrets: boolean;
  readonly now_ms: number;
}

/** Each name is a time series for ever. */
const NAMED_MAX = 1_000;

/** Throws the reason if the store has ended. */
export function storeFamilies(options: StoreFamiliesOptions): readonly MetricFamily[] {
  const { store } = options;
  return [
    ...raftFamilies(store),
    ...clusterFamilies(store),
    ...(store.isLoaded ? secretFamilies(options) : []),
  ];
}

function raftFamilies(store: ReplicatedStore): readonly MetricFamily[] {
  const { replica } = store;
  const { appliedIndex, commitIndex, diskFree_bytes, lastIndex, role, term } = store.status();
  const { learners, voters } = replica.state.confState;
  const { lastContact_ms } = replica;
  return [
    gauge('coffer_raft_is_leader', 'Whether this manager leads', role === 'leader'),
    gauge('coffer_raft_term', 'The term of the log', term),
    gauge('coffer_raft_commit_index', 'The last entry of the log that a majority has', commitIndex),
    gauge('coffer_raft_applied_index', 'The last entry of the log that is applied here', appliedIndex),
    gauge('coffer_raft_last_index', 'The last entry of the log on this manager', lastIndex),
    gauge('coffer_raft_voters', 'Managers that vote', voters.length),
    gauge(
      'coffer_raft_learners',
      'Managers that are still copying the state, and do not vote',
      learners.length,
    ),
    gauge(
      'coffer_raft_last_contact_seconds',
      'How long ago this manager has heard from one that leads; 0 if it leads itself',
      lastContact_ms === undefined ? undefined : lastContact_ms / 1_000,
    ),
    gauge('coffer_disk_free_bytes', 'Free space for the state directory', diskFree_bytes),
  ];
}

function clusterFamilies({ cluster }: ReplicatedStore): readonly MetricFamily[] {
  const roles = cluster.nodes().map(({ role }) => role);
  const countOf = (wanted: string): number => roles.filter((role) => role === wanted).length;
  const running = cluster.rotations().filter(isRunning);
  const nodes = [
    ['manager', countOf('manager')],
    ['worker', countOf('worker')],
  ] as const;
  return [
    gaugesBy('coffer_nodes', 'Nodes of the cluster', 'role', nodes),
    gauge('coffer_rotations_running', 'Rotations of secrets that go on', running.length),
    gauge(
      'coffer_rotations_held',
      'Rotations of secrets whose next step cannot be taken',
      running.filter(({ heldAt_ms }) => heldAt_ms !== 0).length,
    ),
  ];
}

function secretFamilies({ namesSecrets, now_ms, store }: StoreFamiliesOptions): readonly MetricFamily[] {
  const secrets = store.list();
  const versions = secrets.reduce((sum, secret) => sum + secret.versions.length, 0);
  return [
    gauge('coffer_secrets', 'Secrets in the store', secrets.length),
    gauge('coffer_secret_versions', 'Versions of secrets in the store', versions),
    ...expiryFamilies(secrets, now_ms),
    ...(namesSecrets ? namedFamilies(secrets, now_ms) : []),
  ];
}

function expiryFamilies(secrets: readonly Secret[], now_ms: number): readonly MetricFamily[] {
  const left_ms = secrets.map((secret) => (expiresAt_ms(secret) ?? Number.POSITIVE_INFINITY) - now_ms);
  const expired = left_ms.filter((left) => left <= 0).length;
  const expiring = left_ms.filter((left) => left > 0 && left <= EXPIRY_NOTICE_MS).length;
  return [
    gauge('coffer_secrets_expired', 'Secrets whose value has expired', expired),
    gauge('coffer_secrets_expiring', 'Secrets whose value expires within two weeks', expiring),
  ];
}

function namedFamilies(secrets: readonly Secret[], now_ms: number): readonly MetricFamily[] {
  const named = secrets.slice(0, NAMED_MAX);
  const ages = named.map(
    (secret) => [secret.name, (now_ms - currentVersion(secret).createdAt_ms) / 1_000] as const,
  );
  return [
    gaugesBy('coffer_secret_age_seconds', 'How old the current version of a secret is', 'name', ages),
    gaugesBy(
      'coffer_secret_expiry_seconds',
      'How long the value of a secret is good; below 0 it has expired',
      'name',
      named.flatMap((secret) => {
        const at_ms = expiresAt_ms(secret);
        return at_ms === undefined ? [] : [[secret.name, (at_ms - now_ms) / 1_000] as const];
      }),
    ),
    gauge(
      'coffer_secrets_unnamed',
      `Secrets that have no series of their own, since there are more than ${NAMED_MAX}`,
      secrets.length - named.length,
    ),
  ];
}

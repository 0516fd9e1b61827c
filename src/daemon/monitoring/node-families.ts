// SPDX-License-Identifier: Apache-2.0
// What a node tells of itself, whatever it is to its cluster.
import type { ScheduledBackupsDescription } from '../../archive/index.ts';
import type { SinkHealth } from '../../audit/index.ts';
import type { ClusterPlace } from '../../cluster/index.ts';
import type { AgentReport } from '../../control/index.ts';
import {
  counted,
  gauge,
  gaugesBy,
  type HealthFacts,
  info,
  type MetricFamily,
} from '../../monitoring/index.ts';
import type { WebhookCounts } from '../../notices/index.ts';
import type { Scrub } from '../scrub.ts';

export function healthFamilies(
  { hasLeader, isSealed, reasons, role, version }: HealthFacts,
  mode: string,
): readonly MetricFamily[] {
  return [
    info('coffer_build_info', 'Which coffer this is, and what runs it', {
      version,
      node_version: process.version,
      mode,
    }),
    gauge(
      'coffer_up',
      'Whether this node gives secrets to those who may have them, as /readyz tells it',
      reasons.length === 0,
    ),
    gauge('coffer_sealed', 'Whether the keys are sealed, and the unlock key is waited for', isSealed),
    gauge('coffer_has_leader', 'Whether this node knows a manager that leads', hasLeader),
    gaugesBy(
      'coffer_node_role',
      'What this node is to its cluster',
      'role',
      role === undefined ? [] : [[role, 1]],
    ),
    gaugesBy(
      'coffer_not_ready_reason',
      'Why this node gives no secrets',
      'code',
      reasons.map((code) => [code, 1]),
    ),
  ];
}

export function auditFamilies(sinks: readonly SinkHealth[]): readonly MetricFamily[] {
  return [
    {
      name: 'coffer_audit_write_failures_total',
      help: 'How often the audit log could not be written to one of its places',
      type: 'counter',
      samples: sinks.map(({ failures, name }) => ({ labels: { sink: name }, value: failures })),
    },
    gaugesBy(
      'coffer_audit_sink_up',
      'Whether a place of the audit log takes what is to be written',
      'sink',
      sinks.map(({ name, problem }) => [name, problem === undefined]),
    ),
  ];
}

export function certificateFamilies(
  { certificate }: Pick<ClusterPlace, 'certificate'>,
  now_ms: number,
): readonly MetricFamily[] {
  return [
    gauge(
      'coffer_cert_expiry_seconds',
      'How long the certificate of this node is valid; below 0 it has expired',
      certificate && (certificate.notAfter_ms - now_ms) / 1_000,
    ),
    gauge(
      'coffer_cert_lifetime_seconds',
      'For how long the certificate of this node was issued; it is renewed well before its end',
      certificate && (certificate.notAfter_ms - certificate.notBefore_ms) / 1_000,
    ),
  ];
}

/** `sessions` and `assignments` are known to the manager that leads. */
export function deliveryFamilies(
  agent: AgentReport,
  sessions: number | undefined,
  assignments: number | undefined,
): readonly MetricFamily[] {
  return [
    gauge(
      'coffer_agent_connected',
      'Whether this node is connected to the manager that leads',
      agent.manager !== undefined,
    ),
    gauge(
      'coffer_agent_cut_off',
      'Whether this node has wiped its volumes, since it has heard of no manager for long',
      agent.cutOff,
    ),
    gauge('coffer_agent_volumes', 'Volumes of secrets on this node', agent.volumes),
    gauge('coffer_agent_volumes_mounted', 'Volumes of secrets that are mounted on this node', agent.mounted),
    gauge('coffer_agent_secrets', 'Secrets that this node holds for its volumes', agent.secrets),
    gauge('coffer_sessions', 'Nodes that are connected to this manager, which leads', sessions),
    gauge(
      'coffer_assignments',
      'Secrets that tasks and containers have in volumes, as their nodes have said',
      assignments,
    ),
  ];
}

export function valueFamilies(scrub: Scrub | undefined): readonly MetricFamily[] {
  return [
    gauge('coffer_damaged_values', 'Values that could not be opened since the start', scrub?.damagedCount),
  ];
}

/** Nothing where no backups are scheduled. */
export function backupFamilies(
  { failure, files, schedule }: ScheduledBackupsDescription,
  now_ms: number,
): readonly MetricFamily[] {
  if (schedule === undefined) {
    return [];
  }
  const newestAt_ms = files.at(-1)?.createdAt_ms;
  return [
    gauge(
      'coffer_backup_age_seconds',
      'How old the newest scheduled backup on this manager is',
      newestAt_ms === undefined ? undefined : (now_ms - newestAt_ms) / 1_000,
    ),
    gauge(
      'coffer_backup_interval_seconds',
      'How often this manager is to make a backup',
      schedule.every_ms / 1_000,
    ),
    gauge(
      'coffer_backup_failed',
      'Whether the last scheduled backup could not be written',
      failure !== undefined,
    ),
  ];
}

export function dataKeyFamilies(madeAt_ms: number | undefined, now_ms: number): readonly MetricFamily[] {
  return [
    gauge(
      'coffer_data_key_age_seconds',
      'How old the key is that this manager seals new records under',
      madeAt_ms === undefined ? undefined : (now_ms - madeAt_ms) / 1_000,
    ),
  ];
}

/** Nothing where no notices are sent. */
export function webhookFamilies(counts: WebhookCounts | undefined): readonly MetricFamily[] {
  if (counts === undefined) {
    return [];
  }
  const { delivered, dropped, failures, waiting } = counts;
  return [
    gauge('coffer_notices_waiting', 'Notices that are still to be taken by their receiver', waiting),
    counted('coffer_notices_delivered_total', 'Notices that their receiver has taken', delivered),
    counted('coffer_notices_dropped_total', 'Notices that were given up', dropped),
    counted('coffer_notice_failures_total', 'Tries to send a notice that came to nothing', failures),
  ];
}

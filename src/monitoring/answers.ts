// SPDX-License-Identifier: Apache-2.0
// What monitors ask, and how they are answered, on whichever socket.
import { unreachable } from '../common/index.ts';
import { EXPOSITION_TYPE, exposition } from './exposition.ts';
import { type HealthAnswer, type HealthFacts, readiness, systemHealth } from './health.ts';
import type { MetricFamily } from './metric.ts';

/** The node that is watched. */
export interface Monitored {
  /** Within some seconds, whatever hangs: what is not known then is left out. */
  readonly metrics: () => Promise<readonly MetricFamily[]>;
  readonly health: () => HealthFacts;
  readonly now_ms: () => number;
}

export interface MonitoringAnswer {
  readonly status: number;
  /** The media type of the body. */
  readonly type: string;
  readonly body: string;
}

export const MONITORING_PATHS = ['/metrics', '/livez', '/readyz', '/v1/sys/health'] as const;
export type MonitoringPath = (typeof MONITORING_PATHS)[number];

export function monitoringPathIn(path: string): MonitoringPath | undefined {
  return MONITORING_PATHS.find((known) => known === path);
}

/** Throws `request.invalid` for a query that it does not understand. */
export async function monitoringAnswer(
  path: MonitoringPath,
  query: URLSearchParams,
  monitored: Monitored,
): Promise<MonitoringAnswer> {
  switch (path) {
    case '/metrics':
      return { status: 200, type: EXPOSITION_TYPE, body: exposition(await monitored.metrics()) };
    case '/livez':
      // That it answers is all that it says.
      return { status: 200, type: 'text/plain; charset=utf-8', body: 'ok\n' };
    case '/readyz':
      return asJson(readiness(monitored.health()));
    case '/v1/sys/health':
      return asJson(systemHealth(monitored.health(), query, monitored.now_ms()));
    default:
      return unreachable(path);
  }
}

function asJson({ body, status }: HealthAnswer): MonitoringAnswer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(body)}\n` };
}

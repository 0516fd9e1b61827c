// SPDX-License-Identifier: Apache-2.0
export { type Monitored, MONITORING_PATHS, monitoringAnswer, type MonitoringPath } from './answers.ts';
export { Counter } from './counter.ts';
export { exposition } from './exposition.ts';
export { type HealthFacts, readiness, systemHealth } from './health.ts';
export { Histogram } from './histogram.ts';
export { counted, gauge, gaugesBy, info, type MetricFamily } from './metric.ts';
export { MonitoringServer } from './monitoring-server.ts';

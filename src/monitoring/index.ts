// SPDX-License-Identifier: Apache-2.0
export {
  type Monitored,
  MONITORING_PATHS,
  monitoringAnswer,
  type MonitoringAnswer,
  type MonitoringPath,
  monitoringPathIn,
} from './answers.ts';
export { Counter, type CounterOptions } from './counter.ts';
export { EXPOSITION_TYPE, exposition } from './exposition.ts';
export { type HealthAnswer, type HealthFacts, readiness, systemHealth } from './health.ts';
export { Histogram, type HistogramOptions } from './histogram.ts';
export {
  counted,
  gauge,
  gaugesBy,
  info,
  type MetricFamily,
  type MetricLabels,
  type MetricSample,
  type MetricType,
} from './metric.ts';
export { MonitoringServer, type MonitoringServerOptions } from './monitoring-server.ts';

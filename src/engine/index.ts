// SPDX-License-Identifier: Apache-2.0
export { CONTAINER_STATES, type ContainerState, type EngineContainer } from './container-model.ts';
export type { ContainerNews, ContainerSource } from './container-source.ts';
export { ContainerWatch } from './container-watch.ts';
export {
  EngineClient,
  type EngineEvent,
  type EngineObjectEvent,
  type SecretFilters,
} from './engine-client.ts';
export { EngineAnswer, engineStatus, unreachableEngine } from './failure.ts';
export { type EngineInfo, isSameDriver } from './info-model.ts';
export { type OneShotState, type OneShotTask, OneShotTasks } from './one-shot-tasks.ts';
export { decodeSecret, type DriverSecret, type EngineSecret } from './secret-model.ts';
export type {
  RollingService,
  RollingTask,
  ServiceUpdate,
  ServiceUpdateState,
} from './service-model.ts';
export {
  decodeServiceSpec,
  type EngineMount,
  type EngineNode,
  type EngineSecretReference,
  type EngineService,
  type EngineServiceSpec,
  type EngineTask,
  type SwarmSnapshot,
  TASK_STATES,
  type TaskState,
} from './swarm-model.ts';
export type { SwarmSource } from './swarm-source.ts';
export { SwarmWatch } from './swarm-watch.ts';

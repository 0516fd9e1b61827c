// SPDX-License-Identifier: Apache-2.0
export type { ContainerNews, ContainerSource } from './container-source.ts';
export {
  EngineClient,
  type EngineClientOptions,
  type EngineEvent,
  type SecretFilters,
} from './engine-client.ts';
export { EngineAnswer, engineStatus, unreachableEngine } from './failure.ts';
export {
  CONTAINER_STATES,
  type ContainerState,
  decodeSecret,
  decodeSecrets,
  type EngineContainer,
  type EngineInfo,
  type EngineMount,
  type EngineNode,
  type EngineSecret,
  type EngineSecretReference,
  type EngineService,
  type EngineTask,
  isSameDriver,
  type SecretEvent,
  type SwarmSnapshot,
  type SwarmState,
  TASK_STATES,
  type TaskState,
} from './model.ts';
export type { SwarmSource } from './swarm-source.ts';

// SPDX-License-Identifier: Apache-2.0
export {
  EngineClient,
  type EngineClientOptions,
  type EngineEvent,
  type SecretFilters,
} from './engine-client.ts';
export { EngineAnswer, engineStatus, unreachableEngine } from './failure.ts';
export {
  decodeSecret,
  decodeSecrets,
  type EngineInfo,
  type EngineNode,
  type EngineSecret,
  type EngineSecretReference,
  type EngineService,
  isSameDriver,
  type SecretEvent,
  type SwarmState,
} from './model.ts';

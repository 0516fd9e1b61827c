// SPDX-License-Identifier: Apache-2.0
export type { AnswerObserver } from './answer-observer.ts';
export { createPluginServer, type PluginServerOptions } from './plugin-server.ts';
export { type Refused, type RefusedDelivery, type RefusedMount, Refusals } from './refusals.ts';
export {
  ANSWER_DEADLINE_MS,
  type Grant,
  SecretProvider,
  type SecretProviderOptions,
} from './secret-provider.ts';
export { decodeSecretRequest, type SecretRequest } from './secret-request.ts';
export { VolumeDriver, type VolumeDriverOptions } from './volume-driver.ts';

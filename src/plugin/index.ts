// SPDX-License-Identifier: Apache-2.0
export type { AnswerObserver } from './answer-observer.ts';
export { createPluginServer } from './plugin-server.ts';
export { type Refused, Refusals } from './refusals.ts';
export { SecretProvider } from './secret-provider.ts';
export { decodeSecretRequest } from './secret-request.ts';
export { VolumeDriver, type VolumeDriverOptions } from './volume-driver.ts';

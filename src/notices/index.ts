// SPDX-License-Identifier: Apache-2.0
export type { Notice } from './notice.ts';
export { Webhook, type WebhookCounts, type WebhookOptions } from './webhook.ts';

// SPDX-License-Identifier: Apache-2.0
export type { Notice } from './notice.ts';
export { Webhook, type WebhookCounts } from './webhook.ts';

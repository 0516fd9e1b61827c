// SPDX-License-Identifier: Apache-2.0
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
export { planReconciliation } from './reconciliation.ts';
export { Reconciler } from './reconciler.ts';

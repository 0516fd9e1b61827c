// SPDX-License-Identifier: Apache-2.0
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
export { planReconciliation, type ReconciliationInput, type Repair } from './reconciliation.ts';
export { Reconciler, type ReconcileResult, type ReconcilerOptions } from './reconciler.ts';

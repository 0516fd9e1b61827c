// SPDX-License-Identifier: Apache-2.0
// What managers tell one another for whoever asks why a secret was refused.
import type { CofferError } from '../common/index.ts';

/** What somebody was refused; of several alike the last one, and how often. */
interface RefusalReason {
  readonly at_ms: number;
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly count: number;
}

/** A secret that a task was not given. */
export interface ReportedDelivery extends RefusalReason {
  readonly kind: 'secret';
  readonly service: string;
  readonly serviceId: string;
  /** The task's name, or else its id. */
  readonly task: string;
  /** What the engine's secret is called. */
  readonly secret: string;
}

/** A volume that was not mounted for a container of that manager's own engine. */
export interface ReportedMount extends RefusalReason {
  readonly kind: 'volume';
  readonly volume: string;
  /** The containers that mount it, and their services. */
  readonly users: readonly string[];
}

export type ReportedRefusal = ReportedDelivery | ReportedMount;

/** What a manager says of itself. */
export interface ManagerReport {
  /** Its clock. */
  readonly now_ms: number;
  /** The name by which its engine knows its plugin. */
  readonly driverName: string;
  /** Why nothing is delivered for want of an audit log. */
  readonly auditProblem?: string | undefined;
  /** Newest first. */
  readonly refusals: readonly ReportedRefusal[];
}

export const NOTHING_TO_REPORT: ManagerReport = { now_ms: 0, driverName: '', refusals: [] };

/** Of each other manager: what it has told, or why it has not. */
export type ManagerAnswer =
  | {
      readonly kind: 'told';
      readonly nodeId: string;
      readonly report: ManagerReport;
      /** By this node's clock: what it said of its own clock lies between. */
      readonly askedAt_ms: number;
      readonly answeredAt_ms: number;
    }
  | { readonly kind: 'silent'; readonly nodeId: string; readonly problem: CofferError };

/** More are not told by one manager. */
export const REPORTED_REFUSALS_MAX = 500;
/** Of each text. */
export const REPORT_TEXT_MAX = 512;
/** Of one volume. */
export const REPORTED_USERS_MAX = 20;

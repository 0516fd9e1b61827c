// SPDX-License-Identifier: Apache-2.0
// How far a rotation is, as the page in the browser is told it: text alone, which needs no escaping there.

export interface ServiceProgress {
  readonly id: string;
  readonly state: string;
  /** `web is being updated`. */
  readonly text: string;
}

export interface Progress {
  readonly level: 'running' | 'ok' | 'failure';
  readonly ended: boolean;
  /** How far it is, or what has come of it. */
  readonly sentence: string;
  /** Why it does not go on; empty if it does. */
  readonly held: string;
  readonly services: readonly ServiceProgress[];
  /** How many services are done with, and of how many. */
  readonly done: number;
  readonly total: number;
}

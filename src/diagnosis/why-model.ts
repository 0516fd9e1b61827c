// SPDX-License-Identifier: Apache-2.0
// What is told to whoever asks why a secret was refused. Types alone, so that the command line can share them at no cost.

/** One thing that was looked at. */
export interface Finding {
  readonly name:
    | 'swarm'
    | 'manager'
    | 'quorum'
    | 'clock'
    | 'audit log'
    | 'tasks'
    | 'containers'
    | 'driver'
    | 'policy'
    | 'value'
    | 'answer'
    | 'agent'
    | 'grant';
  readonly level: 'ok' | 'warning' | 'failure';
  readonly message: string;
  /** When that was; absent where it is so now. */
  readonly at_ms?: number | undefined;
  /** What to type or change; present unless all is well, or another finding of the same says it. */
  readonly mend?: string | undefined;
}

/** One secret of a service's or a volume's. */
export interface WhySecret {
  /** Its name in coffer's store. */
  readonly name: string;
  /** What Docker calls it: the engine's secret, or the volume that it is in. */
  readonly registered: string;
  readonly via: 'secret' | 'volume';
  readonly findings: readonly Finding[];
}

/** Somebody who is to have secrets. */
export interface WhySubject {
  readonly kind: 'service' | 'volume';
  readonly name: string;
  /** What concerns all its secrets: its tasks, or its containers. */
  readonly findings: readonly Finding[];
  readonly secrets: readonly WhySecret[];
}

/** What was asked about, as it was found. */
export interface WhyTarget {
  readonly kind: 'service' | 'task' | 'secret' | 'container' | 'volume';
  readonly name: string;
}

/** `GET /v1/why`. */
export interface WhyReply {
  /** More than one where they share a name; none: everything was asked about. */
  readonly targets: readonly WhyTarget[];
  /** Whether nothing is wrong. */
  readonly healthy: boolean;
  /** What concerns all: the swarm, the managers, their clocks and audit logs. */
  readonly findings: readonly Finding[];
  readonly subjects: readonly WhySubject[];
}

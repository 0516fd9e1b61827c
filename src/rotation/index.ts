// SPDX-License-Identifier: Apache-2.0
// Rotations of secrets: which services they concern, and how the leader carries them out.
export { beginRotation, type BeginOptions, type RotationWish } from './begin.ts';
export { cancelRotation } from './cancel.ts';
export type { SourcedSecret } from './concerned-services.ts';
export { type DueRotation, dueRotations, nextRotation_ms } from './due.ts';
export { judge, lateness, markOf } from './judge.ts';
export { RotationLoop } from './loop.ts';
export {
  type RefusedRotation,
  RotationSchedule,
  type RotationScheduleOptions,
  SCHEDULE_LOOK_MS,
} from './schedule.ts';
export { renewalRule, type ValueSource } from './renewal-rule.ts';
export { makeValue } from './make-value.ts';
export { RotationRunner, type RotationRunnerOptions, type RotatedSwarm } from './runner.ts';
